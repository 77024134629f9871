"""The level-set head learns by its own optimiser, whatever the host learns by."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS, OPTIMIZERS
from torch import Tensor, nn

from mmlevelset.levelset.limits import check_number
from mmlevelset.models.level_set_head import LevelSetHead
from mmlevelset.registry import OPTIM_WRAPPER_CONSTRUCTORS


class JointOptimizer(torch.optim.Optimizer):
    """Several optimisers of different parameters as one, for code that knows one.

    Groups and states are those of the members, so schedulers, gradient scaling and checkpoints see
    one optimiser.

    Args:
        members: The optimisers; their groups come one after the other.
        max_norms: Of each member, the norm that all its gradients together are clipped to; None leaves them.
    """

    def __init__(
        self, members: Sequence[torch.optim.Optimizer], max_norms: Sequence[float | None]
    ) -> None:
        self.members = list(members)
        self.max_norms = list(max_norms)
        super().__init__([group for member in members for group in member.param_groups], {})
        self.defaults = self.members[0].defaults  # what a log calls the base rate
        self._share()

    def _share(self) -> None:
        """Let the members work on the groups and states of this optimiser."""
        first = 0
        for member in self.members:
            last = first + len(member.param_groups)
            member.param_groups, member.state = self.param_groups[first:last], self.state
            first = last

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of every member; ``closure`` computes the loss, once."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for member, max_norm in zip(self.members, self.max_norms, strict=True):
            if max_norm is not None:
                learnt = [p for group in member.param_groups for p in group['params']]
                nn.utils.clip_grad_norm_(learnt, max_norm)
            member.step()
        return loss

    def load_state_dict(self, state_dict: dict) -> None:
        """Go on from what :meth:`state_dict` returned."""
        super().load_state_dict(state_dict)
        self._share()


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LevelSetOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """The host's optimiser for the host, one of its own for the level set.

    A host trained by SGD at 0.01, or by AdamW at 3e-5, has no rate to offer to a fresh head: under
    the former phi^0 hardly follows the SDF. So the rate of the head is given in itself, not as a
    multiple of the host's; schedulers scale both alike. And its gradient is clipped by itself, as hosts differ in
    whether and how they clip: ``optim_wrapper.clip_grad`` clips, and the log's ``grad_norm`` is, that of the host.

    Args:
        optim_wrapper_cfg: ``type``, ``optimizer`` of the host, and options of the wrapper.
        paramwise_cfg: mmengine's options for the host, and ``level_set``, the config of the
            optimiser of all :class:`LevelSetHead`, and ``level_set_max_norm``, the norm that their gradients together
            are clipped to; without it they are not.

    Raises:
        ValueError: When ``level_set`` is not given, ``level_set_max_norm`` is no norm, or the model has no level-set
            head.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        paramwise_cfg = dict(paramwise_cfg or {})
        self.level_set = paramwise_cfg.pop('level_set', None)
        self.max_norm = paramwise_cfg.pop('level_set_max_norm', None)
        if self.level_set is None:
            raise ValueError(
                'LevelSetOptimWrapperConstructor: optim_wrapper.paramwise_cfg has no level_set; give it '
                "the optimiser of the head, e.g. level_set=dict(type='AdamW', lr=4e-3, weight_decay=0.01)"
            )
        if self.max_norm is not None:
            name = 'optim_wrapper.paramwise_cfg.level_set_max_norm'
            check_number(name, self.max_norm, 0, ends='()', cure='; leave it out to clip nothing')
        super().__init__(optim_wrapper_cfg, paramwise_cfg)

    def add_params(
        self, params: list[dict], module: nn.Module, prefix: str = '', **kwargs: Any
    ) -> None:
        """Add a group per parameter of ``module`` to ``params``, of level-set heads none."""
        if not isinstance(module, LevelSetHead):
            super().add_params(params, module, prefix, **kwargs)

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the wrapper of both optimisers for the parameters of ``model`` that learn."""
        model = getattr(model, 'module', model)
        heads = [m for m in model.modules() if isinstance(m, LevelSetHead)]
        if not heads:
            raise ValueError(
                'LevelSetOptimWrapperConstructor found no LevelSetHead in the model; remove '
                'optim_wrapper.constructor and optim_wrapper.paramwise_cfg.level_set, or add the head'
            )
        host: list[dict] = []
        self.add_params(host, model)
        level_set = [
            {'params': [p]} for head in heads for p in head.parameters() if p.requires_grad
        ]
        parts = [(self.optimizer_cfg, host, None), (self.level_set, level_set, self.max_norm)]
        built = [
            (OPTIMIZERS.build(dict(settings, params=groups)), max_norm)
            for settings, groups, max_norm in parts
            if groups
        ]
        wrapper = OPTIM_WRAPPERS.build(
            dict(type='OptimWrapper') | self.optim_wrapper_cfg,
            default_args=dict(optimizer=JointOptimizer(*zip(*built, strict=True))),
        )
        if wrapper.clip_grad_kwargs:
            own = {id(p) for group in level_set for p in group['params']}
            wrapper.clip_func = partial(_clip_others, wrapper.clip_func, own)
        return wrapper


def _clip_others(
    clip: Callable[..., Tensor | None], own: set[int], params: list[nn.Parameter], **options: Any
) -> Tensor | None:
    """Clip the gradients of ``params`` but those whose ``id`` is in ``own``; what ``clip`` returns."""
    others = [p for p in params if id(p) not in own]
    return clip(others, **options) if others else None

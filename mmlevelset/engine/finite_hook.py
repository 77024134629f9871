"""Stop a training at the first loss, gradient or weight that is no finite number."""

from collections.abc import Iterator
from typing import Any

import torch
from mmengine.hooks import CheckpointHook, Hook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner

from mmlevelset.models.trained import bare_model
from mmlevelset.registry import HOOKS

# GradScaler halves its factor of 2^16 with every update that it skips: after so many in a row no
# factor helps.
MAX_SKIPPED = 40


@HOOKS.register_module()
class FiniteHook(Hook):
    """Stop before NaN or infinity reaches a checkpoint, and name the images of the batch.

    The losses of every iteration are looked at, the gradients before every update, and the weights
    before every checkpoint. Updates that mixed precision skips, because its factor was too large,
    are no error.

    Raises:
        ValueError: Something is not finite.
    """

    priority = 'ABOVE_NORMAL'  # before CheckpointHook removes old checkpoints

    def before_train(self, runner: Runner) -> None:
        """Listen to every optimiser; what it is about to use is judged after the iteration."""
        self.norms: list[torch.Tensor] = []  # of the gradients of this iteration
        self.images: list[str] = []  # since the last update
        self.skipped = 0
        wrapper = runner.optim_wrapper
        wrappers = wrapper.values() if isinstance(wrapper, OptimWrapperDict) else [wrapper]
        for one in wrappers:
            one.optimizer.register_step_pre_hook(self._before_step)

    def _before_step(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        # A fused optimiser leaves out an update of mixed precision by itself.
        left_out = getattr(optimizer, 'found_inf', None) is not None
        groups = [] if left_out else [group['params'] for group in optimizer.param_groups]
        self.norms.append(_norm([p.grad for group in groups for p in group if p.grad is not None]))

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Judge the losses and gradients of the iteration."""
        self.images += _image_paths(data_batch)
        # RuntimeInfoHook has read the losses already, so no device is waited for here.
        losses = {k: float(torch.as_tensor(v).detach()) for k, v in (outputs or {}).items()}
        bad = [f'{key} is {value}' for key, value in losses.items() if not _finite(value)]
        if not bad and self.norms and not all(map(_finite, self.norms)):
            bad = ['the gradient is not finite, while the losses of this process are']
        self.skipped = 0 if self.norms else self.skipped + 1
        counts = getattr(runner.optim_wrapper, '_accumulative_counts', 1)
        if self.skipped > MAX_SKIPPED * counts:
            bad = [f'mixed precision has skipped the last {MAX_SKIPPED} updates']
        if bad:
            raise ValueError(
                f'iteration {runner.iter + 1}: {", ".join(bad)}. Nothing was saved since. The images: '
                f'{", ".join(self.images) or "not named by the data set"}. Look for broken values in '
                'them and in what is read with them; if there are none, lower the learning rate or '
                'clip the gradients (optim_wrapper.clip_grad; of a level set paramwise_cfg.level_set_max_norm).'
            )
        if self.norms:
            self.norms, self.images = [], []
        hooks = [hook for hook in runner.hooks if isinstance(hook, CheckpointHook)]
        if any(
            not hook.by_epoch
            and (self.every_n_train_iters(runner, hook.interval) or self.is_last_train_iter(runner))
            for hook in hooks
        ):
            self._check_weights(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """Judge the weights that CheckpointHook may save next."""
        self._check_weights(runner)

    def _check_weights(self, runner: Runner) -> None:
        state = bare_model(runner.model).state_dict()
        if _finite(_norm(list(state.values()))):
            return
        bad = [key for key, value in state.items() if not value.isfinite().all()]
        if not bad:  # only large
            return
        raise ValueError(
            f'iteration {runner.iter + 1}: {len(bad)} of {len(state)} tensors of the model are not '
            f'finite, e.g. {bad[0]}; no checkpoint of them is saved. Lower the learning rate, or clip '
            'the gradients (optim_wrapper.clip_grad; of a level set paramwise_cfg.level_set_max_norm).'
        )


def _norm(tensors: list[torch.Tensor]) -> torch.Tensor:
    """A number () that is finite only if all tensors are, without waiting for the device.

    The largest Euclidean norm, which costs 0.2 to 0.6 % of an iteration of our hosts on a CPU; it
    overflows where a gradient of 1e19 no longer means anything.
    """
    real = [torch.view_as_real(t) if t.is_complex() else t for t in tensors]
    real = [t.detach().float() for t in real if t.is_floating_point() and t.numel()]
    return torch.stack(torch._foreach_norm(real)).amax() if real else torch.zeros(())


def _finite(value: float | torch.Tensor) -> bool:
    return bool(torch.isfinite(torch.as_tensor(value)))


def _image_paths(batch: Any) -> Iterator[str]:
    """Paths of the images of a batch, whatever it nests."""
    if isinstance(batch, dict):
        batch = batch.get('data_samples', ())
    if isinstance(batch, list | tuple):
        for item in batch:
            yield from _image_paths(item)
    elif getattr(batch, 'img_path', None) is not None:
        yield str(batch.img_path)

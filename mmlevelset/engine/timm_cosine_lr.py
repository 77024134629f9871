"""The learning rate of DeiT's and MCTformer's training scripts."""

import math
from typing import Any

from mmengine.optim import BaseOptimWrapper
from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.optim.scheduler.param_scheduler import _ParamScheduler
from torch.optim import Optimizer

from mmlevelset.levelset.limits import check_number
from mmlevelset.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class TimmCosineLR(LRSchedulerMixin, _ParamScheduler):
    """timm 0.4.12's cosine with warm-up, stepped after every epoch with the epoch that ended.

    ``f(t) = start + t / warmup * (lr - start)`` for t < warmup, then
    ``eta_min + (lr - eta_min) / 2 * (1 + cos(pi t / T))``, with T the length ``end - begin``. Two
    properties set it apart from mmengine's LinearLR and CosineAnnealingLR in a row: the cosine does
    not begin anew after the warm-up, so ``lr`` is never reached; and epoch e trains with
    ``f(max(e - 1, 0))``, so the first two are alike.

    The two rates below are given for the optimizer's own ``lr``; groups with another one, such as those of a head with
    its own optimiser, go through the same shares of it.

    Args:
        optimizer: The optimizer or its wrapper.
        warmup: Length of the warm-up.
        warmup_start: Rate at its beginning, of a group with the optimizer's ``lr``.
        eta_min: Rate that the cosine falls to, likewise.
        **kwargs: ``begin``, ``end`` (filled in by the runner) and ``by_epoch`` of mmengine.

    Raises:
        ValueError: The optimizer's ``lr`` is 0, of which nothing is a share.
    """

    def __init__(
        self,
        optimizer: Optimizer | BaseOptimWrapper,
        *args: Any,
        warmup: int = 5,
        warmup_start: float = 1e-6,
        eta_min: float = 1e-5,
        **kwargs: Any,
    ) -> None:
        self.warmup = warmup
        self.warmup_start = warmup_start
        self.eta_min = eta_min
        self.lr = optimizer.defaults['lr']
        check_number('optim_wrapper.optimizer.lr of a TimmCosineLR', self.lr, 0, ends='()')
        super().__init__(optimizer, *args, **kwargs)

    def _get_value(self) -> list[float]:
        """Rate of every parameter group in the epoch ``last_step``."""
        t = max(self.last_step - 1, 0)
        if t < self.warmup:
            share, low = t / self.warmup, self.warmup_start
        else:
            share, low = (1 + math.cos(math.pi * t / (self.end - self.begin))) / 2, self.eta_min
        low /= self.lr
        return [lr * (low + share * (1 - low)) for lr in self.base_values]

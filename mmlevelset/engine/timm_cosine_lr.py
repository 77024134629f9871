"""The learning rate of DeiT's and MCTformer's training scripts."""

import math
from typing import Any

from mmengine.optim import BaseOptimWrapper
from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.optim.scheduler.param_scheduler import _ParamScheduler
from torch.optim import Optimizer

from mmlevelset.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class TimmCosineLR(LRSchedulerMixin, _ParamScheduler):
    """timm 0.4.12's cosine with warm-up, stepped after every epoch with the epoch that ended.

    ``f(t) = start + t / warmup * (lr - start)`` for t < warmup, then
    ``eta_min + (lr - eta_min) / 2 * (1 + cos(pi t / T))``, with T the length ``end - begin``. Two
    properties set it apart from mmengine's LinearLR and CosineAnnealingLR in a row: the cosine does
    not begin anew after the warm-up, so ``lr`` is never reached; and epoch e trains with
    ``f(max(e - 1, 0))``, so the first two are alike.

    The two rates below are those of the first parameter group; other groups, such as the head with its own optimiser,
    go through the same shares of their ``lr``.

    Args:
        optimizer: The optimizer or its wrapper.
        warmup: Length of the warm-up.
        warmup_start: Rate of the first group at its beginning.
        eta_min: Rate of the first group that the cosine falls to.
        **kwargs: ``begin``, ``end`` (filled in by the runner) and ``by_epoch`` of mmengine.
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
        super().__init__(optimizer, *args, **kwargs)

    def _get_value(self) -> list[float]:
        """Rate of every parameter group in the epoch ``last_step``."""
        t = max(self.last_step - 1, 0)
        if t < self.warmup:
            share, low = t / self.warmup, self.warmup_start
        else:
            share, low = (1 + math.cos(math.pi * t / (self.end - self.begin))) / 2, self.eta_min
        low /= self.base_values[0]
        return [lr * (low + share * (1 - low)) for lr in self.base_values]

"""The polynomial decay of the official training scripts."""

from typing import Any

from mmengine.optim import BaseOptimWrapper, PolyLR
from torch.optim import Optimizer

from mmlevelset.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class PolyToEndLR(PolyLR):
    """``lr (1 - t / T)^power`` at iteration t = 0 .. T - 1 of T: zero after the last one, not at it.

    mmengine's ``PolyLR`` is zero at the last iteration, which then trains nothing, and a little lower before.

    Args:
        optimizer: The optimizer or its wrapper.
        beyond: Iterations from the last one to where the rate would be zero: 1 in PSA, SEAM, IRN, MCTformer and
            deeplab-pytorch, 2 in semantic-segmentation-codebase, 0 is mmengine's.
        **kwargs: ``power``, ``eta_min``, ``begin``, ``end`` (filled in by the runner) and ``by_epoch`` of
            mmengine.
    """

    def __init__(
        self, optimizer: Optimizer | BaseOptimWrapper, *args: Any, beyond: int = 1, **kwargs: Any
    ) -> None:
        super().__init__(optimizer, *args, **kwargs)
        self.total_iters += beyond

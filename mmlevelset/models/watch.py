"""What a training of level sets should look like, class by class: cheap sums, read by LevelSetWatchHook."""

import torch
from torch import Tensor

from .guidance import moments_of


class LevelSetWatch:
    """Sums over the pairs of an image and a present class since the last look.

    Args:
        num_classes: Foreground classes C.

    Attributes:
        sums (dict[str, Tensor]): (C,) each: ``pairs``; ``valid``, those with a contour; and of these
            the inside shares of the CAM's mask, ``cam``, and of phi^T, ``phi``, and the mean
            |phi^T - phi^0|, ``moved``, in shares of the truncation distance; and ``moments``, (C, 5), of
            D and phi^0, see :func:`mmlevelset.models.guidance.slopes`.
    """

    NAMES = ('pairs', 'valid', 'cam', 'phi', 'moved')

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self.reset()

    def reset(self) -> None:
        """Forget the sums, and start again from zero."""
        self.sums = {name: torch.zeros(self.num_classes) for name in self.NAMES}
        self.sums['moments'] = torch.zeros(self.num_classes, 5)

    @torch.no_grad()
    def count(
        self, pairs: Tensor, valid: Tensor, sdf: Tensor, phi0: Tensor, phi: Tensor, zero: Tensor
    ) -> None:
        """Add a batch; all maps and levels in shares of the truncation distance.

        Args:
            pairs (Tensor): classes of all pairs, (P,) integers.
            valid (Tensor): classes of the M pairs with a contour, (M,) integers.
            sdf (Tensor): D of these, (M, 1, h, w), positive inside.
            phi0 (Tensor): phi^0, likewise.
            phi (Tensor): phi^T, likewise.
            zero (Tensor): where phi^T has its contour, (M,).
        """
        maps = dict(
            cam=(sdf > 0).float(),
            phi=(phi > zero[:, None, None, None]).float(),
            moved=(phi - phi0).abs().float(),
        )
        rows = {name: (valid, value.flatten(1).mean(1)) for name, value in maps.items()}
        rows |= dict(
            pairs=(pairs, torch.ones_like(pairs, dtype=torch.float32)),
            valid=(valid, torch.ones_like(valid, dtype=torch.float32)),
            moments=(valid, moments_of(sdf, phi0)),
        )
        for name, (classes, values) in rows.items():
            # On the CPU: sums by index on a GPU have no deterministic order.
            self.sums[name] = self.sums[name].index_add(0, classes.cpu(), values.cpu())

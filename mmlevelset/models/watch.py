"""What a training of level sets should look like, class by class: cheap sums, read by LevelSetWatchHook."""

import torch
from torch import Tensor


class LevelSetWatch:
    """Sums over the pairs of an image and a present class since the last look.

    Args:
        num_classes: Foreground classes C.

    Attributes:
        sums (dict[str, Tensor]): (C,) each: ``pairs``; ``valid``, those with a contour; and of these
            the inside shares of the CAM's mask, ``cam``, and of phi^T, ``phi``, the mean |phi^T - phi^0|,
            ``moved``, and the means of D, D^2, phi^0 and D phi^0, ``sdf``, ``square``, ``phi0`` and
            ``product``, all in shares of the truncation distance, at which D is cut as by SDFLoss.
    """

    NAMES = ('pairs', 'valid', 'cam', 'phi', 'moved', 'sdf', 'square', 'phi0', 'product')

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self.reset()

    def reset(self) -> None:
        """Forget the sums, and start again from zero."""
        self.sums = {name: torch.zeros(self.num_classes) for name in self.NAMES}

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
        target, start = sdf.clamp(-1, 1).float(), phi0.float()
        maps = dict(
            cam=(sdf > 0).float(),
            phi=(phi > zero[:, None, None, None]).float(),
            moved=(phi - phi0).abs().float(),
            sdf=target,
            square=target.square(),
            phi0=start,
            product=target * start,
        )
        values = {name: value.flatten(1).mean(1) for name, value in maps.items()}
        for name, classes, weights in (
            ('pairs', pairs, None),
            ('valid', valid, None),
            *((name, valid, value) for name, value in values.items()),
        ):
            # not bincount, whose sums of weights have no deterministic order on a GPU
            counts = torch.ones_like(classes, dtype=torch.float32) if weights is None else weights
            self.sums[name] = self.sums[name].to(counts.device).index_add(0, classes, counts)


def following(sums: dict[str, Tensor]) -> Tensor:
    """How much of its target phi^0 has learnt, class by class: the slope of its regression on D.

    Args:
        sums (dict[str, Tensor]): (C,) each, see :class:`LevelSetWatch`.

    Returns:
        Tensor: (C,) float64, 1 for a phi^0 that equals D but for a constant, 0 for one that knows nothing of D;
        nan without a pair.
    """
    sdf, square, phi0, product = (
        sums[name].double() / sums['valid'] for name in ('sdf', 'square', 'phi0', 'product')
    )
    return (product - sdf * phi0) / (square - sdf.square())

"""What a training of level sets should look like, class by class: cheap sums, read by LevelSetWatchHook."""

import torch
from torch import Tensor


class LevelSetWatch:
    """Sums over the pairs of an image and a present class since the last look.

    Args:
        num_classes: Foreground classes C.

    Attributes:
        sums (dict[str, Tensor]): (C,) each: ``pairs``; ``valid``, those with a contour; and of these
            the inside shares of the CAM's mask, ``cam``, and of phi^T, ``phi``, and the mean
            |phi^T - phi^0| in shares of the truncation distance, ``moved``.
    """

    NAMES = ('pairs', 'valid', 'cam', 'phi', 'moved')

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self.reset()

    def reset(self) -> None:
        """Forget the sums, and start again from zero."""
        self.sums = {name: torch.zeros(self.num_classes) for name in self.NAMES}

    @torch.no_grad()
    def count(self, pairs: Tensor, **values: Tensor) -> None:
        """Add a batch.

        Args:
            pairs (Tensor): classes of all pairs, (P,) integers.
            **values (Tensor): ``valid``, classes of the M pairs with a contour, (M,) integers, and
                per pair the values named above, (M,).
        """
        valid = values.pop('valid')
        for name, classes, weights in (
            ('pairs', pairs, None),
            ('valid', valid, None),
            *((name, valid, value.float()) for name, value in values.items()),
        ):
            total = torch.bincount(classes, weights, minlength=self.num_classes)
            self.sums[name] = self.sums[name].to(total.device) + total

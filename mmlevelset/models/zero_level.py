"""Where the level sets of a class have their contour: between two levels that both err, one each way."""

import torch
from torch import Tensor
from torch.nn import functional as F

from .class_histogram import ClassHistogram

# Levels from -truncate to truncate: of 1 px where that is 80 px.
LEVELS = 160
# The last 20 batches count. Level sets grow and move for as long as they learn, unlike the CAMs of a host.
MEMORY = 0.95
# Of the way from 0, where hard objects are too small, to the level of the CAM's masks, which are too large.
# The masks of voc20's train, random seed 0, preferred the middle to either end (docs/en/results.md).
SHARE = 0.5
# The level sets of a class are inside on at least this share of what its CAM's masks cover.
LEAST = 0.25


class ZeroLevel(ClassHistogram):
    """For every class a level between 0 and the one that overlaps most with the masks of its CAM.

    Eq 25 asks for the mean of uncertain distances. Outside they reach the cut, inside a small object
    they do not: where an object is hard to find the mean is negative, and a class whose images are
    all hard lies below zero everywhere. Yet its level sets are in the right order: at another level
    of the class, the one of the largest intersection over union, they cover what the CAM does. (The
    fewest wrong pixels are no measure: of a class that knows nothing yet, they call for the empty set.)
    Where the level between still is the empty set, or nearly, the level goes on until ``LEAST`` is inside.
    A CAM in turn is wider than its object. The mask is where the class beats its background, whatever
    other classes say: these compete when labels are made of the level sets. No label but the image's
    is used.

    Args:
        num_classes: Foreground classes C.
        share: Of the way from 0 to that level. Level sets with learnt edges lie further out and want a smaller one.

    Attributes:
        histogram (Tensor): (C, 2 ``LEVELS``), see :class:`ClassHistogram`: pixels outside the masks by
            level, then those inside.
    """

    def __init__(self, num_classes: int, share: float = SHARE) -> None:
        super().__init__(num_classes, 2 * LEVELS, MEMORY)
        self.share = share

    @torch.no_grad()
    def update(self, classes: Tensor, phi: Tensor, mask: Tensor) -> None:
        """Count the level sets of a batch; those that are not finite are left out.

        Args:
            classes (Tensor): (M,) integers in 0 .. C-1.
            phi (Tensor): phi^T, (M, 1, h, w), in shares of ``truncate``, positive inside.
            mask (Tensor): bool, (M, 1, h, w), true where the CAM is above its background.
        """
        kept = phi.isfinite().flatten(1).all(1)
        level = ((phi[kept] + 1) * (LEVELS / 2)).floor().clamp(0, LEVELS - 1).long()
        self.count(classes[kept], (level + LEVELS * mask[kept]).flatten(1))

    @torch.no_grad()
    def forward(self) -> Tensor:
        """Levels found so far.

        Returns:
            Tensor: one per class, of shape (C,), float32 in [-1, 0.5], in shares of ``truncate``; 0 for
            classes without a map.
        """
        # On the CPU: cumulative sums on a GPU have no deterministic order.
        outside, inside = self.histogram.double().cpu().view(-1, 2, LEVELS).unbind(1)
        mask = inside.sum(1, keepdim=True)
        # what lies at a level or above it, of the masks and beside them; above the last one nothing
        covered, claimed = (
            F.pad(pixels.flip(1).cumsum(1).flip(1), (0, 1)) for pixels in (inside, outside)
        )
        overlap = covered / (mask + claimed).clamp_min(1e-12)
        enough = covered + claimed >= LEAST * mask
        levels = torch.arange(-LEVELS // 2, LEVELS // 2 + 1) / (LEVELS / 2)
        # Of equally good levels the nearest to zero; of a class without a map that is zero itself.
        best = overlap >= overlap.amax(1, keepdim=True) - 1e-9
        nearest = torch.where(best, levels.abs(), 2).argmin(1)
        highest = levels[enough.sum(1) - 1]  # at level -1 all pixels are inside
        return torch.minimum(self.share * levels[nearest], highest).to(self.histogram.device)

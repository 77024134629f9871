"""The background of eq 9 from the maps themselves: one threshold per class, found while training."""

import torch
from torch import Tensor

from mmlevelset.levelset import normalise_cam
from mmlevelset.levelset.otsu import HISTOGRAM_BINS, otsu_threshold

from .class_histogram import ClassHistogram

# Before the first map: the usual background of normalised CAMs, the default of eq 9's constant channel.
FALLBACK = 0.35
# About the last 100 batches that showed a class count: thresholds follow a host that still learns and do not
# jump with single images.
MEMORY = 0.99


class AutoBackground(ClassHistogram):
    """Otsu's threshold of the normalised CAMs of every class, over the batches that showed it lately.

    Maps of one class are alike, those of two classes are not: no number suits all. The histogram
    of a class, (C, 256) by level, holds its maps of the images that show it, so no label but the
    image's is used.

    Args:
        num_classes: Foreground classes C.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes, HISTOGRAM_BINS, MEMORY)

    @torch.no_grad()
    def update(self, cam: Tensor, labels: Tensor) -> None:
        """Count the maps of a batch, of all processes; those that are not finite are left out.

        Args:
            cam (Tensor): C, (N, C, h, w), >= 0, unnormalised.
            labels (Tensor): image labels, (N, C), 0/1.
        """
        n, c = (labels * cam.flatten(2).isfinite().all(2)).nonzero(as_tuple=True)
        levels = (normalise_cam(cam[n, c][:, None]) * (HISTOGRAM_BINS - 1)).round().long()
        self.count(c, levels.flatten(1))

    @torch.no_grad()
    def forward(self) -> Tensor:
        """Backgrounds, (C,) float32 in (0, 1): of classes without a map that of all classes."""
        everything = self.histogram.sum(0)
        if (everything > 0).sum() < 2:
            return self.histogram.new_full(self.histogram.shape[:1], FALLBACK)
        known = (self.histogram > 0).sum(1, keepdim=True) > 1
        # On the CPU: cumulative sums on a GPU have no deterministic order.
        return otsu_threshold(torch.where(known, self.histogram, everything).cpu()).to(
            self.histogram
        )

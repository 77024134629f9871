"""Transforms of the recipes that re-train segmentation models on pseudo-labels."""

import cv2
import numpy as np
from mmcv.transforms import BaseTransform, Resize

from mmlevelset.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomRescale(Resize):
    """Resize image and mask by a random factor of their own size.

    mmcv's ``RandomResize`` multiplies a size that is the same for all images.

    Args:
        ratio_range: Smallest and largest factor; uniform between them.
    """

    def __init__(self, ratio_range: tuple[float, float]) -> None:
        super().__init__(scale_factor=1.0, keep_ratio=True)
        low, high = ratio_range
        if not 0 < low <= high:
            raise ValueError(f'expected 0 < low <= high as ratio_range, got {ratio_range}')
        self.ratio_range = ratio_range

    def transform(self, results: dict) -> dict:
        """Resize ``img`` (bilinear) and ``gt_seg_map`` (nearest); update ``img_shape``."""
        self.scale_factor = (float(np.random.uniform(*self.ratio_range)),) * 2
        return super().transform(results)


@TRANSFORMS.register_module()
class RandomHSVShift(BaseTransform):
    """Add one random whole number each to hue, saturation and value of an image.

    Args:
        delta: The numbers are uniform in -delta .. delta; hue in OpenCV's half degrees, the others in
            grey levels.
    """

    def __init__(self, delta: int = 10) -> None:
        self.delta = delta

    def transform(self, results: dict) -> dict:
        """Change ``img``, (H, W, 3) uint8, BGR."""
        shift = np.random.randint(-self.delta, self.delta + 1, 3)
        hsv = cv2.cvtColor(results['img'], cv2.COLOR_BGR2HSV).astype(np.int16) + shift
        hsv[..., 0] %= 180
        results['img'] = cv2.cvtColor(hsv.clip(0, 255).astype(np.uint8), cv2.COLOR_HSV2BGR)
        return results

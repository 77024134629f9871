"""The colour jitter of SEAM's re-trained model."""

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmlevelset.registry import TRANSFORMS

from .input_transforms import uint8_image


@TRANSFORMS.register_module()
class RandomHSVShift(BaseTransform):
    """Add one random whole number each to hue, saturation and value of an image.

    Args:
        delta: The numbers are uniform in -delta .. delta; hue in OpenCV's half degrees, the others in
            grey levels.
    """

    def __init__(self, delta: int = 10) -> None:
        self.delta = delta

    @cache_randomness
    def _shift(self) -> np.ndarray:
        return np.random.randint(-self.delta, self.delta + 1, 3)

    def transform(self, results: dict) -> dict:
        """Change ``img``, (H, W, 3) uint8, BGR."""
        image = uint8_image(results, 'RandomHSVShift')
        hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV).astype(np.int16) + self._shift()
        hsv[..., 0] %= 180
        results['img'] = cv2.cvtColor(hsv.clip(0, 255).astype(np.uint8), cv2.COLOR_HSV2BGR)
        return results

"""Augmentations that PSA, SEAM, IRN and MuSCLe share and mmcv lacks."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from PIL import Image, ImageEnhance

from mmlevelset.registry import TRANSFORMS

from .input_transforms import check_unmoved, uint8_image

ENHANCERS = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)


@TRANSFORMS.register_module()
class ColorJitter(BaseTransform):
    """Torchvision's ``ColorJitter`` on a Pillow image; the four changes come in random order.

    mmseg's ``PhotoMetricDistortion`` is another one: it changes each property half of the time and
    adds to the brightness instead of multiplying.

    Args:
        brightness: b, factors are drawn from [1 - b, 1 + b].
        contrast: Likewise.
        saturation: Likewise.
        hue: h, shifts are drawn from [-h, h], in turns of the colour circle.
    """

    def __init__(self, brightness: float, contrast: float, saturation: float, hue: float) -> None:
        self.ranges = (brightness, contrast, saturation)
        self.hue = hue

    @cache_randomness
    def _draw(self) -> tuple[np.ndarray, list[float], float]:
        """Order of the changes, factors of the first three, and shift of the hue."""
        factors = [np.random.uniform(max(0, 1 - r), 1 + r) for r in self.ranges]
        return np.random.permutation(4), factors, np.random.uniform(-self.hue, self.hue)

    def transform(self, results: dict) -> dict:
        """Change ``img`` (ndarray (H, W, 3) uint8, BGR)."""
        order, factors, shift = self._draw()
        image = Image.fromarray(uint8_image(results, 'ColorJitter')[..., ::-1])
        for step in order:
            if step < len(ENHANCERS):
                image = ENHANCERS[step](image).enhance(factors[step])
            else:
                hue, saturation, value = image.convert('HSV').split()
                turned = (np.asarray(hue, np.int16) + int(shift * 255)).astype(
                    np.uint8
                )  # goes round
                bands = Image.fromarray(turned), saturation, value
                image = Image.merge('HSV', bands).convert('RGB')
        results['img'] = np.ascontiguousarray(np.asarray(image)[..., ::-1])
        return results


@TRANSFORMS.register_module()
class RandomPlacedCrop(BaseTransform):
    """A random crop; an image that is smaller is placed at random instead, on a plain ground.

    mmseg's ``RandomCrop`` leaves smaller images to the data preprocessor, which puts them into the
    corner. The result is float32, so that a ground of the mean colour is exactly zero once
    normalised: PSA, SEAM and MuSCLe pad with zeros after the normalisation. ``img_box`` says where on the ground
    the image lies, so this must come last of all that moves the image.

    Args:
        crop_size: (H, W).
        pad_val: Colour of the ground, BGR.
    """

    def __init__(self, crop_size: Sequence[int], pad_val: Sequence[float]) -> None:
        self.crop_size = tuple(crop_size)
        self.pad_val = tuple(pad_val)

    @cache_randomness
    def _offsets(self, shape: tuple[int, int]) -> list[int]:
        """Per axis the crop's offset in the image, or minus the image's offset in the crop."""
        gaps = [side - crop for side, crop in zip(shape, self.crop_size, strict=True)]
        return [int(np.sign(gap) * np.random.randint(abs(gap) + 1)) for gap in gaps]

    def transform(self, results: dict) -> dict:
        """Replace ``img`` (ndarray (H, W, 3), BGR) by its crop (ndarray float32), update ``img_shape``.

        ``img_box`` is (top, left, bottom, right) of the photograph in it, in pixels, the last two exclusive.
        """
        check_unmoved(results, 'RandomPlacedCrop')
        size = results['img'].shape[:2]
        offsets = self._offsets(size)
        first = [max(-offset, 0) for offset in offsets]
        last = [
            min(f + side, crop) for f, side, crop in zip(first, size, self.crop_size, strict=True)
        ]
        results['img_box'] = (*first, *last)
        results['img'] = placed(results['img'], offsets, self.crop_size, self.pad_val)
        results['img_shape'] = self.crop_size
        return results


def placed(
    array: np.ndarray, offsets: Sequence[int], size: Sequence[int], ground: float | Sequence[float]
) -> np.ndarray:
    """Cut ``array`` (ndarray (H, W, ...)) at ``offsets``, or place it there on a plain ground.

    Args:
        array: Image, scores or labels.
        offsets: Per axis the crop's offset in the array, or minus the array's offset in the crop.
        size: (H, W) of the crop.
        ground: Value outside of the array.

    Returns:
        np.ndarray: (size[0], size[1], ...), an image as float32.
    """
    source, target = [], []
    for offset, side, crop in zip(offsets, array.shape, size, strict=False):
        start, end = max(offset, 0), min(offset + crop, side)
        source.append(slice(start, end))
        target.append(slice(start - offset, end - offset))
    dtype = array.dtype if np.isscalar(ground) else np.float32
    out = np.empty((*size, *array.shape[2:]), dtype)
    out[:] = ground
    out[tuple(target)] = array[tuple(source)]
    return out

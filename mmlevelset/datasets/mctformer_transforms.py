"""The image transforms of MCTformer's recipe (timm 0.4.12) that mmcv and mmsegmentation lack.

They change the image only: seeds are trained from image-level labels. Images are BGR, ndarrays
(H, W, 3). All numbers are drawn from NumPy's generator, which mmengine seeds in every worker.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from mmcv.transforms import BaseTransform, Resize
from PIL import Image, ImageEnhance, ImageOps

from mmlevelset.registry import TRANSFORMS

from .input_transforms import check_unmoved, uint8_image

MAX_LEVEL = 10  # of RandAugment's magnitudes
ATTEMPTS = 10  # to find a rectangle that fits


@TRANSFORMS.register_module()
class ResizeByRatio(Resize):
    """Resize to ``(round(W * ratio), round(H * ratio))`` by Pillow, as the official inference.

    ``Resize(scale_factor=…)`` rounds halves up, Python's ``round`` rounds them to even numbers; with
    ``keep_ratio=True`` the sides depend on each other.

    Args:
        ratio: Of the sides; 1 leaves the image as it is.
        interpolation: Pillow's filter.
    """

    def __init__(self, ratio: float, interpolation: str = 'bicubic') -> None:
        super().__init__(scale_factor=ratio, interpolation=interpolation, backend='pillow')
        self.ratio = ratio

    def transform(self, results: dict) -> dict:
        """Resize ``img``; update ``img_shape``, ``scale`` and ``scale_factor``."""
        height, width = results['img'].shape[:2]
        results['scale'] = round(width * self.ratio), round(height * self.ratio)
        self._resize_img(results)
        return results


@TRANSFORMS.register_module()
class RandomResizedCrop(BaseTransform):
    """Cut out a random rectangle and resize it to a fixed size, bicubic by Pillow.

    Args:
        size: Of the result, (H, W), in pixels.
        area: Range of the rectangle's area, as a fraction of the image's.
        ratio: Range of its width / height, uniform in the logarithm.
    """

    def __init__(
        self,
        size: tuple[int, int],
        area: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
    ) -> None:
        self.height, self.width = size
        self.area = area
        self.ratio = ratio

    def transform(self, results: dict) -> dict:
        """Crop and resize ``img``; update ``img_shape``."""
        check_unmoved(results, 'RandomResizedCrop')
        x, y, width, height = self._rectangle(*results['img'].shape[:2])
        image = uint8_image(results, 'RandomResizedCrop')
        crop = Image.fromarray(image[y : y + height, x : x + width])
        results['img'] = np.asarray(
            crop.resize((self.width, self.height), Image.Resampling.BICUBIC)
        )
        results['img_shape'] = self.height, self.width
        return results

    def _rectangle(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Left, top, width and height, in pixels; in the middle when no random one fits."""
        for _ in range(ATTEMPTS):
            w, h = _random_sides(height * width, self.area, self.ratio)
            if h <= height and w <= width:
                x, y = np.random.randint(width - w + 1), np.random.randint(height - h + 1)
                return x, y, w, h
        low, high = self.ratio
        w, h = min(width, round(height * high)), min(height, round(width / low))
        return (width - w) // 2, (height - h) // 2, w, h


@TRANSFORMS.register_module()
class RandAugment(BaseTransform):
    """RandAugment with timm's increasing set: ``rand-m9-mstd0.5-inc1``.

    Two operations are drawn with replacement among the 15; each is applied with probability 0.5, at
    a level drawn from a normal distribution around the magnitude. Geometric operations are bicubic.

    Args:
        fill: RGB colour that moves in from outside; the rounded mean colour.
        magnitude: Mean level, 0 to 10.
        magnitude_std: Its standard deviation.
        num_ops: Operations per image.
        prob: That an operation is applied.
    """

    def __init__(
        self,
        fill: Sequence[int] = (124, 116, 104),
        magnitude: float = 9,
        magnitude_std: float = 0.5,
        num_ops: int = 2,
        prob: float = 0.5,
    ) -> None:
        self.fill = tuple(fill)
        self.magnitude = magnitude
        self.magnitude_std = magnitude_std
        self.num_ops = num_ops
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Change ``img``, a uint8 BGR image."""
        check_unmoved(results, 'RandAugment')
        image = Image.fromarray(uint8_image(results, 'RandAugment')[..., ::-1])
        for index in np.random.randint(len(OPERATIONS), size=self.num_ops):
            if np.random.rand() < self.prob:
                level = np.random.normal(self.magnitude, self.magnitude_std)
                share = min(max(level, 0), MAX_LEVEL) / MAX_LEVEL
                image = OPERATIONS[index](image, share, self.fill)
        results['img'] = np.ascontiguousarray(np.asarray(image)[..., ::-1])
        return results


@TRANSFORMS.register_module()
class RandomErasing(BaseTransform):
    """Replace a rectangle by normal noise, pixel by pixel, in the normalised image.

    The data preprocessor normalises later, so the noise gets its mean and standard deviation here,
    and the image becomes float32.

    Args:
        mean: Of the data preprocessor, RGB, 0 to 255.
        std: Of the data preprocessor, RGB, 0 to 255.
        prob: That an image is changed.
        area: Range of the rectangle's area, as a fraction of the image's.
        ratio: Range of its height / width, uniform in the logarithm.
    """

    def __init__(
        self,
        mean: Sequence[float],
        std: Sequence[float],
        prob: float = 0.25,
        area: tuple[float, float] = (0.02, 1 / 3),
        ratio: tuple[float, float] = (0.3, 1 / 0.3),
    ) -> None:
        self.mean = np.array(mean[::-1], np.float32)
        self.std = np.array(std[::-1], np.float32)
        self.prob = prob
        self.area = area
        self.ratio = ratio

    def transform(self, results: dict) -> dict:
        """Change ``img``, a BGR image."""
        if np.random.rand() >= self.prob:
            return results
        image = results['img'].astype(np.float32)
        height, width = image.shape[:2]
        for _ in range(ATTEMPTS):
            h, w = _random_sides(height * width, self.area, self.ratio)
            if h < height and w < width:
                y, x = np.random.randint(height - h + 1), np.random.randint(width - w + 1)
                image[y : y + h, x : x + w] = np.random.randn(h, w, 3) * self.std + self.mean
                break
        results['img'] = image
        return results


def _random_sides(
    pixels: int, area: tuple[float, float], ratio: tuple[float, float]
) -> tuple[int, int]:
    """Two sides, in pixels; ``area`` in units of ``pixels``, ``ratio`` of the first to the second."""
    target = pixels * np.random.uniform(*area)
    aspect = math.exp(np.random.uniform(math.log(ratio[0]), math.log(ratio[1])))
    return round(math.sqrt(target * aspect)), round(math.sqrt(target / aspect))


# Operations of RandAugment: (PIL image RGB, share of the largest level 0 to 1, fill) to PIL image.
Operation = Callable[[Image.Image, float, tuple[int, int, int]], Image.Image]


def _signed(value: float) -> float:
    return value if np.random.rand() < 0.5 else -value


def _affine(image: Image.Image, matrix: Sequence[float], fill: tuple[int, int, int]) -> Image.Image:
    return image.transform(
        image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC, fillcolor=fill
    )


def _rotate(image: Image.Image, share: float, fill: tuple[int, int, int]) -> Image.Image:
    return image.rotate(_signed(30 * share), Image.Resampling.BICUBIC, fillcolor=fill)  # degrees


def _solarize_add(image: Image.Image, share: float, fill: tuple[int, int, int]) -> Image.Image:
    """Lighten the dark half of the values by up to 110."""
    add = int(110 * share)
    return image.point([min(255, i + add) if i < 128 else i for i in range(256)] * 3)


def _posterize(image: Image.Image, share: float, fill: tuple[int, int, int]) -> Image.Image:
    """Keep the upper bits of the values, 4 down to 0; Pillow's own refuses to keep none."""
    mask = 256 - 2 ** (4 + int(4 * share))
    return image.point([i & mask for i in range(256)] * 3)


def _enhance(kind: type) -> Operation:
    """Away from the image as it is, factor 1, by up to 0.9 in either direction."""
    return lambda image, share, fill: kind(image).enhance(1 + _signed(0.9 * share))


OPERATIONS: tuple[Operation, ...] = (
    lambda image, share, fill: ImageOps.autocontrast(image),
    lambda image, share, fill: ImageOps.equalize(image),
    lambda image, share, fill: ImageOps.invert(image),
    _rotate,
    _posterize,
    lambda image, share, fill: ImageOps.solarize(image, 256 - int(256 * share)),
    _solarize_add,
    _enhance(ImageEnhance.Color),
    _enhance(ImageEnhance.Contrast),
    _enhance(ImageEnhance.Brightness),
    _enhance(ImageEnhance.Sharpness),
    lambda image, share, fill: _affine(image, (1, _signed(0.3 * share), 0, 0, 1, 0), fill),
    lambda image, share, fill: _affine(image, (1, 0, 0, _signed(0.3 * share), 1, 0), fill),
    # translations by up to 0.45 of the side
    lambda image, share, fill: _affine(
        image, (1, 0, _signed(0.45 * share) * image.width, 0, 1, 0), fill
    ),
    lambda image, share, fill: _affine(
        image, (1, 0, 0, 0, 1, _signed(0.45 * share) * image.height), fill
    ),
)

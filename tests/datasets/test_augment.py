"""ColorJitter against Pillow and colorsys, RandomPlacedCrop against where its pixels come from."""

import colorsys

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from mmlevelset.datasets import ColorJitter, RandomPlacedCrop
from mmlevelset.registry import TRANSFORMS

NOTHING = dict(brightness=0, contrast=0, saturation=0, hue=0)


def picture(height: int = 12, width: int = 16) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ('name', 'enhance'),
    [
        ('brightness', ImageEnhance.Brightness),
        ('contrast', ImageEnhance.Contrast),
        ('saturation', ImageEnhance.Color),
    ],
)
def test_one_factor(name, enhance, monkeypatch):
    """The factor reaches Pillow's change of this name, on RGB."""
    monkeypatch.setattr(np.random, 'uniform', lambda low, high: high)
    image = picture()
    jittered = ColorJitter(**{**NOTHING, name: 0.3}).transform(dict(img=image))['img']
    expected = enhance(Image.fromarray(image[..., ::-1])).enhance(1.3)
    off = np.abs(jittered[..., ::-1].astype(int) - np.asarray(expected, int)).max()
    assert off <= 8  # Pillow's 8-bit HSV and back, which a shift of 0 goes through as well
    assert np.abs(jittered.astype(int) - image).mean() > 8


@pytest.mark.parametrize('shift', [0.1, -0.1])
def test_hue(shift, monkeypatch):
    """A tenth of a turn around the colour circle, in either direction, across red as well."""
    monkeypatch.setattr(np.random, 'uniform', lambda low, high: high)
    colours = [(250, 20, 10), (20, 200, 30), (30, 40, 220), (200, 30, 60)]
    image = np.array([colours], np.uint8)[..., ::-1]
    jittered = ColorJitter(**{**NOTHING, 'hue': shift}).transform(dict(img=image))['img']
    for before, after in zip(image[0, :, ::-1], jittered[0, :, ::-1], strict=True):
        hues = [colorsys.rgb_to_hsv(*colour / 255)[0] for colour in (before, after)]
        turn = (hues[1] - hues[0] - shift + 0.5) % 1 - 0.5
        assert abs(turn) < 0.01


def test_ranges_and_order():
    jitter = ColorJitter(0.3, 0.2, 0.1, 0.05)
    drawn = [jitter._draw() for _ in range(500)]
    factors, shifts = np.array([d[1] for d in drawn]), np.array([d[2] for d in drawn])
    for column, width in zip(factors.T, (0.3, 0.2, 0.1), strict=True):
        assert 1 - width <= column.min() < 1 - 0.95 * width
        assert 1 + 0.95 * width < column.max() <= 1 + width
    assert 0.045 < np.abs(shifts).max() <= 0.05
    assert len({tuple(d[0]) for d in drawn}) == 24


@pytest.mark.parametrize('shape', [(12, 16), (5, 16), (12, 6), (5, 6), (8, 9)])
def test_crop(shape):
    """Every place is taken; what the image does not cover has exactly the ground's colour."""
    image, ground = picture(*shape), (103.53, 116.28, 123.675)
    crop, seen = RandomPlacedCrop((8, 9), ground), set()
    for _ in range(300):
        results = crop.transform(dict(img=image))
        out = results['img']
        assert out.shape == (8, 9, 3) and out.dtype == np.float32 and results['img_shape'] == (8, 9)
        covered = (out != np.float32(ground)).all(2)
        assert covered.sum() == min(8, shape[0]) * min(9, shape[1])
        y, x = np.argwhere(covered)[0]
        assert results['img_box'] == (y, x, *(np.argwhere(covered)[-1] + 1))
        found = np.argwhere((image == out[y, x]).all(2))
        assert len(found) == 1
        seen.add((*(found[0] - (y, x)),))
        h, w = min(8, shape[0]), min(9, shape[1])
        sy, sx = found[0]
        np.testing.assert_array_equal(out[y : y + h, x : x + w], image[sy : sy + h, sx : sx + w])
    assert len(seen) == (abs(shape[0] - 8) + 1) * (abs(shape[1] - 9) + 1)


@pytest.mark.parametrize(
    ('name', 'options'),
    [
        ('ColorJitter', dict(brightness=0.1, contrast=0.1, saturation=0.1, hue=0.1)),
        ('RandomHSVShift', {}),
        ('RandAugment', {}),
        ('RandomResizedCrop', dict(size=(8, 8))),
    ],
)
def test_images_of_other_types(name, options):
    """OpenCV and Pillow mean another range by floats, or nothing."""
    transform = TRANSFORMS.build(dict(type=f'mmlevelset.{name}', **options))
    image = picture(12, 16)
    transform(dict(img=image.copy(), img_shape=(12, 16)))
    with pytest.raises(ValueError, match=f'a.jpg: {name} got an image of float32, expected uint8'):
        transform(dict(img=image.astype(np.float32), img_path='a.jpg', img_shape=(12, 16)))

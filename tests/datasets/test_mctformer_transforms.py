"""The transforms of MCTformer's recipe: shapes, ranges, and pixels that can be foretold."""

import math

import numpy as np
import pytest
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from PIL import Image

from mmlevelset.config import read_config
from mmlevelset.datasets import RandAugment, RandomErasing, RandomResizedCrop, ResizeByRatio
from mmlevelset.datasets.mctformer_transforms import OPERATIONS

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
FILL = (124, 116, 104)
GEOMETRIC = {3: 'rotate', 11: 'shear x', 12: 'shear y', 13: 'translate x', 14: 'translate y'}


@pytest.fixture(autouse=True)
def _seed():
    np.random.seed(0)


def ramp(height=40, width=50):
    """BGR: blue grows with x, green with y, red is constant."""
    y, x = np.mgrid[:height, :width]
    return np.stack([4 * x, 5 * y, np.full_like(x, 60)], 2).astype(np.uint8)


@pytest.mark.parametrize(
    ('size', 'ratio', 'expected'),
    # 374 * 0.75 = 280.5 and 374 * 1.25 = 467.5: halves go to the even number
    [((500, 374), 0.75, (375, 280)), ((500, 374), 1.25, (625, 468)), ((31, 17), 1.0, (31, 17))],
)
def test_resize_by_ratio(size, ratio, expected):
    image = np.random.randint(0, 256, (size[1], size[0], 3), np.uint8)
    results = ResizeByRatio(ratio)(dict(img=image))
    assert results['img'].shape == (expected[1], expected[0], 3)
    assert results['img_shape'] == (expected[1], expected[0])
    pillow = Image.fromarray(image).resize(expected, Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(results['img'], np.asarray(pillow))


def test_rectangles_of_random_resized_crop():
    """Area 8 to 100 %, aspect 3:4 to 4:3, inside the image; the whole range is used."""
    crop = RandomResizedCrop((16, 16))
    boxes = np.array([crop._rectangle(300, 400) for _ in range(2000)])
    x, y, w, h = boxes.T
    assert (boxes >= 0).all() and (x + w <= 400).all() and (y + h <= 300).all()
    area, aspect = w * h / (300 * 400), w / h
    assert 0.079 < area.min() < 0.1 and 0.9 < area.max() <= 1
    assert 0.74 < aspect.min() < 0.77 and 1.3 < aspect.max() < 1.35
    assert abs(np.log(aspect[area < 0.4]).mean()) < 0.02


def test_no_rectangle_fits():
    """A very long image: the middle, as wide as the aspect allows."""
    crop = RandomResizedCrop((16, 16), area=(1, 1))
    assert crop._rectangle(30, 400) == (180, 0, 40, 30)
    assert crop._rectangle(400, 30) == (0, 180, 30, 40)


def test_pixels_of_random_resized_crop():
    results = RandomResizedCrop((24, 32))(dict(img=ramp()))
    image = results['img'].astype(int)
    assert image.shape == (24, 32, 3) and results['img_shape'] == (24, 32)
    assert (image[..., 2] == 60).all()
    blue, green = image[..., 0], image[..., 1]
    assert (np.diff(blue, axis=1) >= 0).all() and (np.diff(green, axis=0) >= 0).all()
    assert np.ptp(blue, axis=0).max() <= 1 and blue.max() - blue.min() < 200


def gray(value):
    return Image.new('RGB', (2, 2), (value,) * 3)


@pytest.mark.parametrize(
    ('operation', 'share', 'before', 'after'),
    [
        (2, 1, 30, [225]),  # invert
        (4, 0.9, 0xFF, [0x80]),  # posterise: 4 - 3 bits stay
        (4, 1, 0xFF, [0]),
        (4, 0, 0xFF, [0xF0]),
        (5, 0.5, 127, [127]),  # solarise at 256 - 128
        (5, 0.5, 129, [126]),
        (6, 1, 100, [210]),  # add 110 to the dark half
        (6, 1, 128, [128]),
        (9, 1, 100, [10, 190]),  # brightness times 1 -+ 0.9
        (9, 0.5, 100, [55, 145]),
        (9, 0, 100, [100]),
    ],
)
def test_values_of_operations(operation, share, before, after):
    found = {
        OPERATIONS[operation](gray(before), share, FILL).getpixel((0, 0))[0] for _ in range(20)
    }
    assert found == set(after)


def test_geometry_of_operations():
    """At level 0 nothing moves; at full level by the angle, slope or shift of timm, filled outside."""
    assert len(OPERATIONS) == 15
    image = Image.new('RGB', (101, 101))
    for y in range(101):
        for x in range(101):
            image.putpixel((x, y), (2 * x, 2 * y, 0))
    source = np.asarray(image, float)
    for index in GEOMETRIC:
        np.testing.assert_array_equal(OPERATIONS[index](image, 0, FILL), source)
    y, x = np.mgrid[:101, :101].astype(float)
    turn = math.radians(30)
    dx, dy = x - 50, y - 50
    expected = {  # where a pixel comes from, for a positive sign
        3: lambda s: (
            50 + math.cos(turn) * dx - s * math.sin(turn) * dy,
            50 + s * math.sin(turn) * dx + math.cos(turn) * dy,
        ),
        11: lambda s: (x + s * 0.3 * y, y),
        12: lambda s: (x, y + s * 0.3 * x),
        13: lambda s: (x + s * 45.45, y),
        14: lambda s: (x, y + s * 45.45),
    }
    for index, origin in expected.items():
        signs = set()
        for _ in range(12):
            moved = np.asarray(OPERATIONS[index](image, 1, FILL), float)
            for sign in (1, -1):
                u, v = origin(sign)
                inside = (u > 2) & (u < 98) & (v > 2) & (v < 98)
                outside = (u < -2) | (u > 102) | (v < -2) | (v > 102)
                error = np.abs(moved[..., 0] - 2 * u)[inside].max()
                error = max(error, np.abs(moved[..., 1] - 2 * v)[inside].max())
                if error < 3:
                    signs.add(sign)
                    assert (moved[outside] == FILL).all()
        assert signs == {1, -1}, GEOMETRIC[index]


def test_rand_augment_applies_two_operations_half_of_the_time(monkeypatch):
    """Levels are normal around the magnitude, cut off at 10; the operations see RGB."""
    shares = []

    def record(image, share, fill):
        shares.append(share)
        assert image.getpixel((0, 0)) == (3, 2, 1) and fill == FILL
        return image

    path = 'mmlevelset.datasets.mctformer_transforms.OPERATIONS'
    monkeypatch.setattr(path, (record,) * 15)
    augment = RandAugment()
    image = np.full((1, 1, 3), (1, 2, 3), np.uint8)
    for _ in range(2000):
        out = augment(dict(img=image))['img']
        assert out.dtype == np.uint8 and (out == image).all()
    assert len(shares) == pytest.approx(2000, abs=120)
    levels = 10 * np.array(shares)
    assert np.median(levels) == pytest.approx(9, abs=0.05) and levels.max() == 10
    assert np.mean(levels < 8.5) == pytest.approx(0.159, abs=0.03)


def test_random_erasing():
    """A quarter of the images; 2 to 33 % of their area; the noise is standard normal once normalised."""
    image = np.full((100, 120, 3), 7, np.uint8)
    erase, shares, noise = RandomErasing(MEAN, STD), [], []
    for _ in range(400):
        out = erase(dict(img=image))['img']
        if out is image:
            continue
        changed = (out != 7).any(2)
        rows, cols = changed.any(1), changed.any(0)
        assert changed.sum() == rows.sum() * cols.sum()  # a rectangle
        assert 0.28 < rows.sum() / cols.sum() < 3.6
        shares.append(changed.mean())
        noise.append((out[changed] - MEAN[::-1]) / STD[::-1])
    assert len(shares) == pytest.approx(100, abs=30)
    assert 0.015 < min(shares) < 0.06 and 0.25 < max(shares) < 0.34
    noise = np.concatenate(noise)
    np.testing.assert_allclose(noise.mean(0), 0, atol=0.02)
    np.testing.assert_allclose(noise.std(0), 1, atol=0.02)
    assert (image == 7).all()


def test_operations_differ():
    """All 15 change a picture, in their own way, and keep its size."""
    image = Image.fromarray(np.random.randint(0, 200, (20, 30, 3), np.uint8))
    found = {OPERATIONS[i](image, 0.9, FILL).tobytes() for i in range(15)}
    assert len(found) == 15 and all(len(data) == 20 * 30 * 3 for data in found)
    assert image.tobytes() not in found


@pytest.mark.parametrize(
    ('path', 'side', 'views'),
    [('mctformer_plus/deit-s_voc12.py', 448, 6), ('mctformer/deit-s_v2_voc12.py', 224, 2)],
)
def test_pipelines(path, side, views, tmp_path):
    """What a training image and the views of a test image look like."""
    Image.fromarray(ramp(94, 126)).save(tmp_path / 'a.png')
    Image.fromarray(np.zeros((94, 126), np.uint8)).save(tmp_path / 'mask.png')
    init_default_scope('mmseg')
    cfg = read_config(f'configs/seed/{path}')
    info = dict(
        img_path=str(tmp_path / 'a.png'),
        seg_map_path=str(tmp_path / 'mask.png'),
        img_label=np.ones(20, np.float32),
        label_map=None,
        reduce_zero_label=False,
        seg_fields=[],
    )
    train = Compose(cfg.train_dataloader.dataset.pipeline)
    for _ in range(5):
        item = train(dict(info))
        assert item['inputs'].shape == (3, side, side)
        assert item['data_samples'].img_label.sum() == 20
    inputs = Compose(cfg.tta_pipeline)(dict(info))['inputs']
    sizes = [tuple(x.shape[1:]) for x in inputs]
    expected = [(94, 126)] * 2 + [(70, 94)] * 2 + [(118, 158)] * 2  # 70.5, 94.5, 117.5, 157.5
    assert sizes == expected[:views]

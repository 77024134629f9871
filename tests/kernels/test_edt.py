"""Distances by OpenCV and in plain torch: each against SciPy, bit for bit."""

import cv2
import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt

from mmlevelset.kernels import edt
from mmlevelset.levelset import sdf, signed_distance

# Rows and columns without a neighbour, even and odd sides, and distances of hundreds of pixels.
SIZES = [(1, 1), (1, 40), (40, 1), (2, 3), (8, 8), (28, 28), (31, 33), (20, 130), (150, 21)]
SIZES += [(147, 147), (3, 300), (300, 3), (1, 512), (390, 512)]


def planes(height, width):
    """Noise from empty to full, one pixel in the corner, one hole, a diagonal and a half plane."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing='ij')
    corner = (y == 0) & (x == 0)
    noise = [torch.rand(height, width) < p for p in (0, 0.002, 0.05, 0.5, 0.95, 1)]
    return torch.stack([*noise, corner, ~corner, x * height > y * width, y >= height // 2])


def signed_squares(mask):
    """Integers of SciPy's nearest pixels, and the defined values where there is none."""
    height, width = mask.shape
    if mask.all() or not mask.any():
        return np.full(mask.shape, (height + width) ** 2) * (1 if mask.all() else -1)
    out = np.zeros(mask.shape, np.int64)
    for sign, region in ((1, mask), (-1, ~mask)):
        near = distance_transform_edt(region, return_distances=False, return_indices=True)
        out += sign * ((near - np.indices(mask.shape)) ** 2).sum(0)
    return out


PATHS = [
    pytest.param(sdf.signed_edt.__wrapped__, id='torch'),
    pytest.param(edt.signed_edt, id='opencv'),
]


@pytest.fixture(params=[0, 2])
def threads(request):
    """OpenCV runs other code on one thread (mmengine's `opencv_num_threads=0`) than on several."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(request.param)
    yield
    cv2.setNumThreads(before)


@pytest.mark.usefixtures('threads')
@pytest.mark.parametrize('size', SIZES, ids=str)
@pytest.mark.parametrize('path', PATHS)
def test_squares_are_bit_equal_to_scipy(path, size):
    mask = planes(*size)
    expected = np.stack([signed_squares(plane) for plane in mask.numpy()])
    present = torch.ones(len(mask), dtype=torch.bool)
    squares = path(mask, present, True)
    assert squares.dtype == torch.int32
    assert np.array_equal(squares.numpy(), expected)
    distance = path(mask, present, False)
    exact = np.sign(expected) * np.sqrt(np.abs(expected).astype(np.float32))
    assert distance.dtype == torch.float32
    assert np.array_equal(distance.numpy(), exact)


@pytest.mark.parametrize('path', PATHS)
def test_absent_planes_are_zero_and_the_rest_does_not_change(path):
    mask = torch.rand(50, 17, 19) < 0.3
    present = torch.rand(50) < 0.1
    assert 0 < present.sum() < 50
    out = path(mask, present, False)
    assert out[~present].eq(0).all()
    assert torch.equal(out[present], path(mask[present], present[present], False))
    assert path(mask, present & False, False).eq(0).all()
    assert path(mask[:0], present[:0], False).shape == (0, 17, 19)


@pytest.mark.parametrize('path', PATHS)
def test_strides_do_not_matter(path):
    mask = torch.rand(6, 24, 40) < 0.2
    present = torch.tensor([1, 0, 1, 1, 0, 1], dtype=torch.bool)
    views = mask.transpose(1, 2), mask[:, ::2, 1::3], mask.flip(0), mask[:1].expand(6, -1, -1)
    for view in views:
        assert torch.equal(path(view, present, True), path(view.clone(), present, True))
    spread = torch.stack([present, present], 1)[:, 0]
    assert torch.equal(path(mask, spread, True), path(mask, present, True))


def test_opencv_is_taken_and_can_be_missing(monkeypatch):
    mask = torch.rand(2, 3, 30, 31) < 0.3
    present = torch.tensor([[1, 0, 1], [0, 0, 1]])
    cv2, calls = edt._opencv(), []
    monkeypatch.setattr(edt, '_opencv', lambda: calls.append(1) or cv2)
    fast = signed_distance(mask, present)
    assert calls
    monkeypatch.setattr(edt, '_opencv', lambda: None)
    assert torch.equal(signed_distance(mask, present), fast)


def test_maps_too_large_for_float32_squares_are_left_to_torch():
    assert edt.usable(torch.zeros(1, 512, 512, dtype=torch.bool))
    assert not edt.usable(torch.zeros(1, 3, 513, dtype=torch.bool))

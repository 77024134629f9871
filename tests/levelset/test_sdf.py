"""Distances against SciPy, bit for bit, and the defined values of degenerate masks."""

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt

from mmlevelset.levelset import signed_distance, squared_distance, valid_masks

SIZES = [(1, 2), (1, 17), (17, 1), (2, 2), (7, 5), (28, 28), (31, 64), (112, 57)]


def masks(height, width):
    """Random, disc, one pixel, one hole, stripes and a half plane; each has both regions."""
    generator = torch.Generator().manual_seed(height * 1000 + width)
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing='ij')
    disc = (y - height // 2) ** 2 + (x - width // 3) ** 2 <= (min(height, width) / 3) ** 2
    pixel = torch.zeros(height, width, dtype=torch.bool)
    pixel[height // 3, 2 * width // 3] = True
    noise = [torch.rand(height, width, generator=generator) < p for p in (0.002, 0.05, 0.5, 0.97)]
    stripes = [(x + y) % 2 == 0, x % 7 == 3, y % 5 == 0, y > 0]
    stack = torch.stack([*noise, *stripes, disc, pixel, ~pixel])
    return stack[valid_masks(stack[None])[0]]


def integer_scipy(mask):
    """Squared distance in integers, from the coordinates of the nearest site."""
    nearest = distance_transform_edt(~mask, return_distances=False, return_indices=True)
    return ((nearest - np.indices(mask.shape)) ** 2).sum(0)


@pytest.mark.parametrize('size', SIZES)
def test_squared_distance_is_bit_equal_to_scipy(size):
    stack = masks(*size)
    assert len(stack) >= 2
    expected = np.stack([integer_scipy(mask.numpy()) for mask in stack])
    assert np.array_equal(squared_distance(stack).numpy(), expected)


@pytest.mark.parametrize('size', SIZES)
def test_signed_distance(size):
    stack = masks(*size)
    expected = np.stack(
        [distance_transform_edt(m) - distance_transform_edt(~m) for m in stack.numpy()]
    )
    out = signed_distance(stack[None])
    assert out.dtype == torch.float32
    np.testing.assert_allclose(out[0].numpy(), expected, rtol=1e-6)
    assert torch.equal(out > 0, stack[None])


def test_more_planes_than_one_block_with_empty_ones_between():
    stack = torch.rand(300, 31, 29) < 0.01
    stack[::7] = False
    out = squared_distance(stack)
    assert out[::7].eq(60**2).all()
    for i in (1, 150, 299):
        assert np.array_equal(out[i].numpy(), integer_scipy(stack[i].numpy()))


def test_only_present_masks_and_defined_degenerate_values():
    mask = torch.zeros(1, 5, 8, 6, dtype=torch.bool)
    mask[0, 0, 2:4, 2:4] = True
    mask[0, 2] = True
    mask[0, 3] = mask[0, 0]
    mask[0, 4] = True
    present = torch.tensor([[1, 1, 1, 0, 0]])
    out = signed_distance(mask, present)
    assert valid_masks(mask).tolist() == [[True, False, False, True, False]]
    assert out[0, 0].max() == 1
    assert out[0, 1].eq(-14).all() and out[0, 2].eq(14).all()  # empty, full: H + W = 14
    assert out[0, 3:].eq(0).all()  # absent, even if full
    clipped = signed_distance(mask, present, truncate=3)
    assert clipped[0, 1].eq(-3).all() and clipped[0, 2].eq(3).all()


def test_options():
    mask = torch.zeros(1, 1, 1, 9, dtype=torch.bool)
    mask[..., 3:6] = True
    expected = torch.tensor([-3.0, -2, -1, 1, 2, 1, -1, -2, -3])
    assert torch.equal(signed_distance(mask)[0, 0, 0], expected)
    assert torch.equal(signed_distance(mask, inside='negative')[0, 0, 0], -expected)
    assert torch.equal(signed_distance(mask, truncate=1.5)[0, 0, 0], expected.clamp(-1.5, 1.5))
    half = signed_distance(mask, subpixel=True)[0, 0, 0]
    assert torch.equal(half, expected - 0.5 * expected.sign())
    assert not half.diff().abs().gt(1).any()  # no jump by two at the boundary


def test_no_masks():
    assert signed_distance(torch.zeros(0, 3, 4, 4, dtype=torch.bool)).shape == (0, 3, 4, 4)


def test_user_errors():
    mask = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    with pytest.raises(ValueError, match='dtype torch.float32'):
        signed_distance(mask.float())
    with pytest.raises(ValueError, match='inside'):
        signed_distance(mask, inside='up')
    with pytest.raises(ValueError, match='truncate'):
        signed_distance(mask, truncate=0)
    with pytest.raises(ValueError, match='present'):
        signed_distance(mask, torch.ones(1, 2))
    with pytest.raises(ValueError, match='expected'):
        signed_distance(mask[0])


def test_no_gradient_and_the_same_under_autocast_and_inference_mode():
    mask = torch.rand(2, 3, 20, 21) < 0.2
    present = torch.tensor([[1, 0, 1], [1, 1, 0]])
    plain = signed_distance(mask, present)
    assert not plain.requires_grad
    with torch.autocast('cpu', dtype=torch.bfloat16):
        low = signed_distance(mask, present)
    with torch.inference_mode():
        inference = signed_distance(mask, present)
    assert low.dtype == torch.float32
    assert torch.equal(low, plain) and torch.equal(inference, plain)


@pytest.mark.parametrize('dtype', [torch.bool, torch.uint8, torch.int64, torch.float32])
def test_any_dtype_and_strides_of_present_and_mask(dtype):
    mask = torch.rand(3, 12, 14, 4) < 0.2
    present = torch.tensor([[1, 0, 1], [1, 1, 0], [0, 0, 1], [1, 1, 1]]).to(dtype).T
    view = mask.permute(0, 3, 1, 2)
    expected = signed_distance(view.contiguous(), present.bool().contiguous())
    assert torch.equal(signed_distance(view, present), expected)
    assert torch.equal(expected.ne(0).flatten(2).all(2), present.bool())

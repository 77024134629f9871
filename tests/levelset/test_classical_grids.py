"""The same object on maps of many grids: classical evolutions move its contour as far."""

import pytest
import torch
from torch.nn import functional as F

from mmlevelset.levelset import ClassicalEvolution, shrink, signed_distance, standardise

SIDE = 288
Y, X = torch.meshgrid(torch.arange(SIDE) + 0.5, torch.arange(SIDE) + 0.5, indexing='ij')
EGG = (((X - 130) / 80) ** 2 + ((Y - 150) / 60) ** 2 < 1)[None, None]
IMAGE = (0.2 + 0.6 * EGG).expand(-1, 3, -1, -1).clone()
ERODED = signed_distance(EGG, subpixel=True) - 12  # the egg is 12 px of the image larger
RIM = 440  # length of its contour, in pixels of the image
METHODS = [
    dict(steps=15),
    dict(steps=15, geodesic=False),
    dict(steps=15, geodesic=False, local_radius=16),
    dict(steps=5, step_size=0.5, eps=2.0, max_phi=15.0),
    dict(method='drlse', steps=15),
    dict(method='drlse', steps=40, alpha=-1.5),
]


def evolved(options: dict, grid: int, stride: int, start: torch.Tensor = ERODED):
    """phi^0 and phi^T on a map of ``stride``, in pixels of the image, with x on a grid of ``grid`` of them."""
    x, size = shrink(IMAGE, (SIDE // grid,) * 2), (SIDE // stride,) * 2
    phi = shrink(start, size)
    features = standardise(shrink(IMAGE, size))
    return phi, grid * ClassicalEvolution(**options)(phi / grid, x, features)


def change(start: torch.Tensor, end: torch.Tensor) -> float:
    """Mean distance that level sets near the contour move by, in pixels of the image."""
    return (end - start)[start.abs() < 20].mean().item()


def moved(start: torch.Tensor, end: torch.Tensor) -> float:
    """Mean distance that the contour moves by, in pixels of the image."""
    fine = (F.interpolate(phi, (SIDE, SIDE), mode='bilinear') for phi in (start, end))
    before, after = ((phi > 0).sum().item() for phi in fine)
    return (after - before) / RIM


@pytest.mark.parametrize('options', METHODS, ids=str)
def test_as_far_at_every_stride_of_a_head(options):
    """A head shows an evolution the image on a grid of 4 px."""
    maps = {stride: evolved(options, 4, stride) for stride in (4, 8, 16)}
    for measure, within in ((change, 0.15), (moved, 0.35)):
        found = {stride: measure(*both) for stride, both in maps.items()}
        assert abs(found[4]) > 2.5
        for stride in (8, 16):
            assert found[stride] == pytest.approx(found[4], rel=within), (measure, found)


@pytest.mark.parametrize('options', METHODS, ids=str)
def test_as_far_on_any_map_of_an_image(options):
    """From a map of the image itself, as refiners have it, to a sixteenth of it."""
    # Curvature holds the finest map back.
    straight = options if options.get('method') else options | dict(length=0.0)
    found = {s: change(*evolved(straight, 1, s)) for s in (1, 2, 4, 8, 16)}
    assert abs(found[1]) > 0.1
    for stride, distance in found.items():
        assert distance == pytest.approx(found[1], rel=0.3), (stride, found)


@pytest.mark.parametrize('stride', [4, 8, 16])
def test_ends_where_the_scores_of_a_head_do(stride):
    """20 px of x are the 80 px of the image at which a head cuts: saturated scores are the same at every stride."""
    _, end = evolved(dict(steps=60), 4, stride)
    assert end.max().item() == pytest.approx(80, abs=1e-4)
    assert end.min().item() == pytest.approx(-80, abs=1e-4)


@pytest.mark.parametrize('stride', [1, 2, 4, 8, 16])
def test_stable_on_every_grid(stride):
    """Noise, for many steps of the largest that are allowed."""
    torch.manual_seed(0)
    noise = 20 * torch.randn(1, 1, SIDE, SIDE)
    for options in (dict(steps=200, length=1.0), dict(method='drlse', steps=200, mu=0.2, dt=1.2)):
        start, end = evolved(options, 1, stride, noise)
        assert end.isfinite().all()
        assert end.abs().max() <= 1.5 * start.abs().max().clamp_min(20)


@pytest.mark.parametrize('stride', [4, 8, 16])
def test_no_step_moves_nothing(stride):
    """Not even by being brought to another grid."""
    for method in ('chan_vese', 'drlse'):
        start, end = evolved(dict(method=method, steps=0), 4, stride, ERODED.clamp(-70, 70))
        torch.testing.assert_close(end, start, rtol=0, atol=1e-4)
        assert not end.requires_grad


@pytest.mark.parametrize(
    'wrong',
    [
        dict(local_radius=-2),
        dict(local_radius=2.7),
        dict(step_size='1'),
        dict(max_phi=None),
        dict(eps=0),
    ],
)
def test_a_wrong_length_is_named_when_it_is_given(wrong: dict) -> None:
    """And not rounded to one that runs, or found at the first image."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ClassicalEvolution(**wrong)

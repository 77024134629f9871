"""Classical evolution against scikit-image, its own energy and degenerate inputs."""

import pytest
import torch
from skimage.segmentation import chan_vese as skimage_chan_vese

from mmlevelset.levelset import (
    ClassicalEvolution,
    chan_vese,
    contour_length,
    drlse,
    edge_stopping,
    region_energy,
    signed_distance,
)

EVOLUTIONS = [
    ClassicalEvolution('chan_vese', steps=10),
    ClassicalEvolution('chan_vese', steps=10, local_radius=3),
    ClassicalEvolution('drlse', steps=10),
]


def disc(y, x, radius, size=48):
    t = torch.arange(size)
    return ((t[:, None] - y) ** 2 + (t - x) ** 2 <= radius**2)[None, None]


def noisy_disc():
    torch.manual_seed(0)
    mask = disc(24, 22, 12)
    return mask, torch.where(mask, 0.7, 0.3) + 0.06 * torch.randn(1, 1, 48, 48)


def iou(a, b):
    return ((a & b).sum() / (a | b).sum()).item()


def test_agrees_with_scikit_image():
    mask, x = noisy_disc()
    phi = signed_distance(disc(25, 23, 12))
    ours = chan_vese(phi, x, steps=60) > 0
    theirs = skimage_chan_vese(
        x[0, 0].numpy(), mu=0.1, tol=1e-5, max_num_iter=500, init_level_set=phi[0, 0].numpy()
    )
    assert iou(ours, mask) > 0.98
    assert iou(ours, torch.from_numpy(theirs)[None, None]) > 0.98


def test_fifteen_steps_from_a_small_misplaced_disc():
    mask, x = noisy_disc()
    start = signed_distance(disc(27, 26, 7))
    assert iou(start > 0, mask) < 0.4 and iou(chan_vese(start, x) > 0, mask) > 0.9


def test_descends_on_its_energy_in_any_unit():
    _, x = noisy_disc()
    start = signed_distance(disc(27, 26, 7))
    energies = []
    for steps in (0, 5, 15, 40):
        phi = chan_vese(start, x, steps=steps)
        energy = region_energy(phi, x) / x.var(unbiased=False) + 0.01 * contour_length(phi)
        energies.append(energy.item())
    assert energies == sorted(energies, reverse=True) and energies[-1] < 0.5 * energies[0]
    scaled = chan_vese(start, 100 * x, steps=15)
    torch.testing.assert_close(scaled, chan_vese(start, x, steps=15), rtol=1e-3, atol=1e-3)


def test_every_class_and_image_evolves_on_its_own():
    mask, x = noisy_disc()
    starts = torch.cat([signed_distance(disc(25, 23, r)) for r in (6, 10)], dim=1)
    weight = torch.rand(1, 2, 48, 48)
    phi = chan_vese(starts.repeat(2, 1, 1, 1), torch.cat([1 - x, x]), weight.repeat(2, 1, 1, 1))
    alone = chan_vese(starts[:, 1:], x, weight[:, 1:])
    torch.testing.assert_close(phi[1:, 1:], alone, rtol=1e-3, atol=1e-3)


def test_local_means_survive_a_gradient_in_the_background():
    mask, x = noisy_disc()
    x = x + torch.linspace(0, 1.2, 48)
    start = signed_distance(disc(25, 23, 11))
    everywhere = chan_vese(start, x, steps=40) > 0
    local = chan_vese(start, x, steps=40, local_radius=7) > 0
    assert iou(local, mask) > 0.9 > iou(everywhere, mask)


def test_plain_length_shrinks_and_edges_hold():
    mask = disc(24, 24, 12)
    x = torch.where(mask, 0.7, 0.3)
    g = edge_stopping(x)
    flat = torch.full_like(x, 0.5)
    phi = signed_distance(mask)
    shrunk = (chan_vese(phi, flat, steps=100, length=0.1) > 0).sum()
    held = (chan_vese(phi, flat, steps=100, length=0.1, edge=g) > 0).sum()
    assert shrunk < 0.9 * mask.sum() and held > 0.95 * mask.sum()


@pytest.mark.parametrize(('radius', 'alpha'), [(17, 1.5), (8, -1.5)])
def test_drlse_stops_at_the_edge_from_both_sides(radius, alpha):
    mask = disc(24, 24, 12)
    g = edge_stopping(torch.where(mask, 0.9, 0.1))
    start = signed_distance(disc(24, 24, radius))
    phi = drlse(start, g, steps=300, alpha=alpha)
    assert iou(start > 0, mask) < 0.6 and iou(phi > 0, mask) > 0.9


def test_drlse_regularisation_restores_unit_slope():
    start = 3 * signed_distance(disc(24, 24, 12), subpixel=True).clamp(-4, 4)
    phi = drlse(start, torch.ones(1, 1, 48, 48), steps=200, lam=0.0, alpha=0.0, mu=0.2)

    def slope(p):
        return (p[0, 0, 24, 36] - p[0, 0, 24, 37]).item()

    assert abs(slope(phi) - 1) < 0.2 * abs(slope(start) - 1)


@pytest.mark.parametrize('evolution', EVOLUTIONS, ids=repr)
@pytest.mark.parametrize('size', [(1, 1), (1, 9), (8, 8)])
@pytest.mark.parametrize('level', [-20.0, 0.0, 20.0, None])
def test_degenerate_inputs_stay_finite(evolution, size, level):
    phi = torch.randn(1, 2, *size) if level is None else torch.full((1, 2, *size), level)
    with torch.inference_mode():
        out = evolution(phi, torch.full((1, 3, *size), 0.5), edge=torch.ones(1, 1, *size))
    assert out.shape == phi.shape and out.isfinite().all()
    if level:
        assert torch.equal(out.sign(), phi.sign())


def test_user_errors():
    phi, x = torch.zeros(1, 1, 8, 8), torch.zeros(1, 3, 8, 8)
    with pytest.raises(ValueError, match='method'):
        ClassicalEvolution('snake')
    with pytest.raises(ValueError, match=r"unknown options \['step'\]"):
        ClassicalEvolution(step=3)
    with pytest.raises(ValueError, match='edge=None'):
        ClassicalEvolution('drlse')(phi, x)
    with pytest.raises(ValueError, match='lower mu or dt'):
        drlse(phi, torch.ones(1, 1, 8, 8), mu=0.04, dt=7.0)
    with pytest.raises(ValueError, match='steps'):
        chan_vese(phi, x, steps=-1)
    with pytest.raises(ValueError, match='step_size'):
        chan_vese(phi, x, step_size=0.0)
    with pytest.raises(ValueError, match='edge has shape'):
        chan_vese(phi, x, edge=torch.ones(1, 8, 8))

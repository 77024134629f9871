"""Classical evolution against scikit-image, plain loops, its own energy and degenerate inputs."""

import math

import numpy as np
import pytest
import torch
from skimage.segmentation import chan_vese as skimage_chan_vese

from mmlevelset.levelset import (
    ClassicalEvolution,
    chan_vese,
    contour_length,
    data_force,
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


def neighbours(a):
    """Right, left, lower and upper neighbour; a pixel past the border equals the border."""
    p = np.pad(a, 1, mode='edge')
    return p[1:-1, 2:], p[1:-1, :-2], p[2:, 1:-1], p[:-2, 1:-1]


def flow_divergence(phi, coefficient):
    """div(c grad phi) and the sum of c on the four sides, pixel by pixel."""
    total, sides = np.zeros_like(phi), np.zeros_like(phi)
    h, w = phi.shape
    for y in range(h):
        for x in range(w):
            # The side between two pixels has the coefficient of its left or upper pixel.
            for dy, dx, (cy, cx) in (
                (0, 1, (y, x)),
                (1, 0, (y, x)),
                (0, -1, (y, x - 1)),
                (-1, 0, (y - 1, x)),
            ):
                if 0 <= y + dy < h and 0 <= x + dx < w:
                    total[y, x] += coefficient[cy, cx] * (phi[y + dy, x + dx] - phi[y, x])
                    sides[y, x] += coefficient[cy, cx]
    return total, sides


def forward_slope(phi):
    right, _, below, _ = neighbours(phi)
    return np.hypot(right - phi, below - phi)


def plain_chan_vese(phi, force, edge, variance, step_size=0.7, length=0.2):
    right, left, below, above = neighbours(phi)
    slope = np.minimum(np.hypot(right - left, below - above) / 2, 1)
    bending, sides = flow_divergence(phi, edge / np.sqrt(forward_slope(phi) ** 2 + 1e-6))
    gamma, rate = length * min(phi.shape), step_size * slope
    change = rate * (gamma * bending - force / variance) / (1 + rate * gamma * sides)
    return np.clip(phi + np.clip(change, -step_size, step_size), -20, 20)


def plain_drlse(phi, edge, mu=0.04, lam=5.0, alpha=1.5):
    slope = forward_slope(phi)
    well = np.where(slope <= 1, np.sinc(2 * slope), 1 - 1 / np.maximum(slope, 1))
    regular, geodesic = flow_divergence(phi, well), flow_divergence(phi, edge / (slope + 1e-10))
    dirac = np.where(abs(phi) <= 1.5, (1 + np.cos(math.pi * phi / 1.5)) / 3, 0)
    return phi + mu * regular[0] + dirac * (lam * geodesic[0] - alpha * edge)


@pytest.fixture(params=[1, 250, 10**6], ids='block of {} pixels'.format)
def maps(request, monkeypatch):
    """phi (2, 3, 9, 11) and its image, weight and edges, in blocks of one plane, two or all."""
    monkeypatch.setattr('mmlevelset.levelset.stencil._BLOCK_PIXELS', request.param)
    torch.manual_seed(0)
    sizes = (2, 3, 9, 11), (2, 2, 9, 11), (2, 3, 9, 11), (2, 1, 9, 11)
    phi, x, weight, edge = (torch.rand(s, dtype=torch.float64) for s in sizes)
    return 6 * phi - 3, x, weight, edge


def test_chan_vese_step_equals_a_loop_over_pixels(maps):
    phi, x, weight, edge = maps
    new = phi
    for _ in range(2):
        old, new = new, torch.empty_like(new)
        force = data_force(old, x, weight)
        for n, c in np.ndindex(2, 3):
            weighted = weight[n, c] * x[n]
            variance = weighted.var(dim=(1, 2), unbiased=False).mean().item()
            arrays = (a.numpy() for a in (old[n, c], force[n, c], edge[n, 0]))
            new[n, c] = torch.from_numpy(plain_chan_vese(*arrays, variance))
    start = phi.clone()
    ours = chan_vese(phi, x, weight, steps=2, step_size=0.7, length=0.2, edge=edge)
    torch.testing.assert_close(ours, new, rtol=0, atol=1e-9)
    assert torch.equal(phi, start)


def test_drlse_step_equals_a_loop_over_pixels(maps):
    phi, _, _, edge = maps
    new = torch.empty_like(phi)
    for n, c in np.ndindex(2, 3):
        once = plain_drlse(phi[n, c].numpy(), edge[n, 0].numpy())
        new[n, c] = torch.from_numpy(plain_drlse(once, edge[n, 0].numpy()))
    start = phi.clone()
    torch.testing.assert_close(drlse(phi, edge, steps=2), new, rtol=0, atol=1e-8)
    assert torch.equal(phi, start)


def test_no_level_sets_at_all():
    for n, c in ((0, 1), (1, 0)):
        phi, x = torch.zeros(n, c, 8, 8), torch.zeros(n, 3, 8, 8)
        assert chan_vese(phi, x).shape == drlse(phi, torch.ones(n, 1, 8, 8)).shape == phi.shape


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
    start, x = start.double(), x.double()  # every step feeds on the rounding of the last one
    scaled = chan_vese(start, 100 * x, steps=15)
    torch.testing.assert_close(scaled, chan_vese(start, x, steps=15), rtol=0, atol=1e-6)


def test_every_class_and_image_evolves_on_its_own():
    x = noisy_disc()[1].double()  # every step feeds on the rounding of the last one
    starts = torch.cat([signed_distance(disc(25, 23, r)) for r in (6, 10)], dim=1).double()
    weight = torch.rand(1, 2, 48, 48, dtype=torch.float64)
    phi = chan_vese(starts.repeat(2, 1, 1, 1), torch.cat([1 - x, x]), weight.repeat(2, 1, 1, 1))
    alone = chan_vese(starts[:, 1:], x, weight[:, 1:])
    torch.testing.assert_close(phi[1:, 1:], alone, rtol=0, atol=1e-6)


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


def test_the_module_is_the_function_on_what_the_contract_gives():
    mask, grey = noisy_disc()
    phi, image, features = (
        signed_distance(mask),
        grey.expand(-1, 3, -1, -1),
        torch.randn(1, 4, 48, 48),
    )
    edge = edge_stopping(image)
    for evolution, expected in (
        (ClassicalEvolution(steps=3), chan_vese(phi, features, steps=3, edge=edge)),
        (ClassicalEvolution(geodesic=False, steps=3), chan_vese(phi, features, steps=3)),
        (ClassicalEvolution('drlse', steps=3), drlse(phi, edge, steps=3)),
    ):
        assert torch.equal(evolution(phi, image, features), expected)
        assert not torch.equal(expected, phi)


@pytest.mark.parametrize('evolution', EVOLUTIONS, ids=repr)
@pytest.mark.parametrize('size', [(1, 1), (1, 9), (8, 8)])
@pytest.mark.parametrize('level', [-20.0, 0.0, 20.0, None])
def test_degenerate_inputs_stay_finite(evolution, size, level):
    phi = torch.randn(1, 2, *size) if level is None else torch.full((1, 2, *size), level)
    with torch.inference_mode():
        grey = torch.full((1, 3, *size), 0.5)
        out = evolution(phi, image=grey, features=grey)
    assert out.shape == phi.shape and out.isfinite().all()
    if level:
        assert torch.equal(out.sign(), phi.sign())


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast_changes_nothing(dtype):
    """The variance of faint images is smaller than what half precision resolves."""
    mask, image = noisy_disc()
    phi, image = signed_distance(mask), 0.5 + 0.05 * (image - 0.5)
    expected = chan_vese(phi, image, steps=5)
    with torch.autocast('cpu', dtype):
        assert torch.equal(chan_vese(phi, image, steps=5), expected)


def test_user_errors():
    phi = torch.zeros(1, 2, 8, 8)
    with pytest.raises(ValueError, match='data has shape'):
        chan_vese(phi, torch.zeros(2, 1, 8, 8))
    with pytest.raises(ValueError, match='weight has shape'):
        chan_vese(phi, torch.zeros(1, 1, 8, 8), torch.ones(1, 3, 8, 8))
    phi, x = torch.zeros(1, 1, 8, 8), torch.zeros(1, 3, 8, 8)
    with pytest.raises(ValueError, match='method'):
        ClassicalEvolution('snake')
    with pytest.raises(ValueError, match=r"unknown options \['step'\]"):
        ClassicalEvolution(step=3)
    with pytest.raises(ValueError, match='lower mu or dt'):
        drlse(phi, torch.ones(1, 1, 8, 8), mu=0.04, dt=7.0)
    with pytest.raises(ValueError, match='steps'):
        chan_vese(phi, x, steps=-1)
    with pytest.raises(ValueError, match='step_size'):
        chan_vese(phi, x, step_size=0.0)
    with pytest.raises(ValueError, match='edge has shape'):
        chan_vese(phi, x, edge=torch.ones(1, 8, 8))

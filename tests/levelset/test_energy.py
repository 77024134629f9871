"""Energies against brute force in float64, finite differences and shapes with known answers."""

import math

import pytest
import torch
from torch.autograd import gradcheck

from mmlevelset.levelset import (
    contour_length,
    data_force,
    edge_attraction,
    edge_stopping,
    heaviside,
    local_data_force,
    local_region_energy,
    region_energy,
    signed_distance,
    standardise,
)

SIZES = [(8, 8), (1, 6), (9, 7), (28, 28)]


def disc(radius, size=64):
    t = torch.arange(size) - size // 2
    return (t[:, None] ** 2 + t**2 <= radius**2)[None, None]


def problem(size, classes=3, channels=5):
    torch.manual_seed(0)
    phi = 3 * torch.randn(2, classes, *size, dtype=torch.float64)
    data = torch.randn(2, channels, *size, dtype=torch.float64) + 1
    return phi.requires_grad_(), data, torch.rand(2, classes, *size, dtype=torch.float64)


def naive_energy(phi, data, weight, eps=1.0):
    """Eq 20-23 with I_c written out and the means inside the graph."""
    i = data[:, None] * (torch.ones_like(phi) if weight is None else weight)[:, :, None]
    h = torch.sigmoid(phi / eps)[:, :, None]
    energy = 0
    for side in (h, 1 - h):
        mean = (side * i).sum((3, 4), keepdim=True) / side.sum((3, 4), keepdim=True)
        energy = energy + (side * (i - mean) ** 2).mean((2, 3, 4))
    return energy


def naive_local_energy(phi, data, radius):
    """The mean over all windows of the energy of one window."""
    height, width = phi.shape[2:]
    total = 0
    for y in range(height):
        for x in range(width):
            window = (
                ...,
                slice(max(0, y - radius), y + radius + 1),
                slice(max(0, x - radius), x + radius + 1),
            )
            total = total + naive_energy(phi[window], data[window], None)
    return total / (height * width)


@pytest.mark.parametrize('weighted', [False, True])
@pytest.mark.parametrize('size', SIZES)
def test_region_energy_and_gradient_equal_brute_force(size, weighted):
    phi, data, weight = problem(size)
    weight = weight if weighted else None
    ours, naive = region_energy(phi, data, weight, 1.3), naive_energy(phi, data, weight, 1.3)
    torch.testing.assert_close(ours, naive, rtol=1e-6, atol=1e-8)
    probe = torch.randn_like(ours)
    grads = [torch.autograd.grad((e * probe).sum(), phi)[0] for e in (ours, naive)]
    torch.testing.assert_close(*grads, rtol=1e-5, atol=1e-9)


def test_gradcheck():
    phi, data, weight = problem((5, 4))
    assert gradcheck(lambda p: region_energy(p, data, weight), phi)
    assert gradcheck(lambda p: local_region_energy(p, data, 1, weight=weight), phi)
    edge = edge_stopping(data)
    # |grad H| is smooth only above the scale of its smoothing, 1e-3
    assert gradcheck(lambda p: contour_length(p), phi)
    assert gradcheck(lambda p: contour_length(p, edge=edge), phi)


@pytest.mark.parametrize('size', [(5, 6), (1, 7)])
@pytest.mark.parametrize('radius', [1, 2, 9])
def test_local_energy_equals_brute_force(size, radius):
    phi, data, _ = problem(size, classes=2, channels=9)  # two chunks of channels
    ours, naive = local_region_energy(phi, data, radius), naive_local_energy(phi, data, radius)
    torch.testing.assert_close(ours, naive, rtol=1e-5, atol=1e-7)
    grads = [torch.autograd.grad(e.sum(), phi)[0] for e in (ours, naive)]
    torch.testing.assert_close(*grads, rtol=1e-4, atol=1e-7)


def test_window_over_the_whole_map_is_the_global_energy():
    phi, data, weight = problem((8, 8))
    torch.testing.assert_close(
        local_region_energy(phi, data, 8, weight=weight), region_energy(phi, data, weight)
    )
    torch.testing.assert_close(
        local_data_force(phi, data, 8, weight=weight), data_force(phi, data, weight)
    )


def test_two_tone_disc():
    mask = disc(15)
    x = torch.where(mask, 0.8, 0.2).expand(-1, 3, -1, -1)
    right, wrong = signed_distance(mask) * 20, signed_distance(disc(20)) * 20
    assert region_energy(right, x).item() < 1e-6 < region_energy(wrong, x).item()
    # mu = 0.8, nu = 0.2: |x - mu|^2 - |x - nu|^2 is -0.36 inside and 0.36 outside
    torch.testing.assert_close(data_force(right, x), torch.where(mask, -0.36, 0.36))


def test_force_is_the_gradient_without_the_dirac_factor():
    phi, data, weight = problem((9, 7))
    for energy, force in (
        (region_energy(phi, data, weight), data_force(phi, data, weight)),
        (local_region_energy(phi, data, 2), local_data_force(phi, data, 2)),
    ):
        (grad,) = torch.autograd.grad(energy.sum(), phi)
        h = heaviside(phi)
        torch.testing.assert_close(grad * 63, force * h * (1 - h))


def test_only_phi_receives_gradient():
    phi, data, weight = problem((8, 8))
    data.requires_grad_(), weight.requires_grad_()
    total = region_energy(phi, data, weight) + local_region_energy(phi, data, 2, weight=weight)
    (total + contour_length(phi, edge=edge_stopping(data))).sum().backward()
    assert phi.grad is not None and data.grad is None and weight.grad is None


@pytest.mark.parametrize('level', [-60.0, -15.0, 15.0, 60.0])
def test_empty_and_full_regions_are_the_total_variance(level):
    data = torch.rand(1, 4, 8, 8)
    phi = torch.full((1, 1, 8, 8), level, requires_grad=True)
    variance = data.var(dim=(2, 3), unbiased=False).mean()
    for energy in (region_energy(phi, data), local_region_energy(phi, data, 8)):
        torch.testing.assert_close(energy.squeeze(), variance, rtol=1e-3, atol=1e-5)
    energy = region_energy(phi, data) + local_region_energy(phi, data, 2)
    (energy + contour_length(phi) + contour_length(phi, edge=edge_stopping(data))).sum().backward()
    assert phi.grad.abs().max() < 1e-3
    assert data_force(phi, data).isfinite().all()


def test_one_pixel_and_constant_data():
    mask = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    mask[..., 4, 4] = True
    phi = signed_distance(mask) * 30
    x = torch.where(mask, 1.0, 0.0)
    assert region_energy(phi, x).item() < 1e-5
    assert region_energy(phi, torch.full((1, 2, 8, 8), 0.7)).item() < 1e-6
    assert data_force(phi, torch.full((1, 2, 8, 8), 0.7)).abs().max() < 1e-5


def test_float32_accuracy_with_many_offset_channels():
    phi, data, weight = problem((28, 28), channels=64)
    data = data + 2
    expected = region_energy(phi, data, weight)
    out = region_energy(phi.float(), data.float(), weight.float())
    torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=0)


def test_half_precision_and_autocast_compute_in_float32():
    phi, data, weight = (t.detach().float() for t in problem((28, 28)))
    expected = region_energy(phi, data, weight)
    half = phi.bfloat16().requires_grad_()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(region_energy(phi, data, weight), expected)
        energy = region_energy(half, data, weight) + contour_length(half)
    assert energy.dtype == torch.float32
    energy.sum().backward()
    assert half.grad.dtype == torch.bfloat16 and half.grad.isfinite().all()


def test_length_of_a_disc_and_of_nothing():
    for radius in (10, 20):
        length = contour_length(signed_distance(disc(radius), subpixel=True)) * 64
        assert length.item() == pytest.approx(2 * math.pi * radius, rel=0.08)
    assert contour_length(torch.full((1, 1, 8, 8), 3.0)).item() == 0
    assert contour_length(torch.full((1, 1, 1, 1), 3.0)).item() == 0


def test_edge_stopping_is_low_on_the_edge_and_length_prefers_it():
    x = torch.where(disc(15), 0.8, 0.2).expand(-1, 3, -1, -1)
    g = edge_stopping(x)
    assert g.shape == (1, 1, 64, 64) and g.max() == 1 and g[0, 0, 32, 32 + 15] < 0.1
    lengths = [contour_length(signed_distance(disc(r)), edge=g).item() for r in (8, 12, 15, 18, 24)]
    assert min(lengths) == lengths[2]
    # far from edges g = 1: the value is total / (total + 1), nearly independent of the size
    assert lengths[0] == pytest.approx(lengths[4], rel=0.05)


def test_edge_attraction_pulls_the_contour_to_the_edge_from_both_sides():
    g = edge_stopping(torch.where(disc(15), 0.8, 0.2))
    for radius, sign in ((13, -1), (17, 1)):  # negative force: the contour moves outwards
        band = disc(radius + 1) ^ disc(radius - 1)
        force = edge_attraction(signed_distance(disc(radius)), g)[band]
        assert (sign * force).mean() > 0.1 and (sign * force < -0.05).float().mean() < 0.1
    assert edge_attraction(signed_distance(disc(15)), torch.ones(1, 1, 64, 64)).eq(0).all()


def test_edge_stopping_value_of_a_ramp():
    ramp = 0.08 * torch.arange(8.0).expand(1, 1, 5, 8)
    torch.testing.assert_close(edge_stopping(ramp, kappa=0.08)[0, 0, 2, 2:5], torch.full((3,), 0.5))


def test_standardise():
    data = torch.randn(2, 3, 9, 9) * 4 + 100
    data[0, 1] = 0.1
    out = standardise(data)
    assert out[0, 1].eq(0).all()
    torch.testing.assert_close(out[1].mean((1, 2)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(out[1].std((1, 2), unbiased=False), torch.ones(3))


def test_user_errors():
    phi = torch.zeros(1, 2, 8, 8)
    with pytest.raises(ValueError, match='resize the data'):
        region_energy(phi, torch.zeros(1, 3, 16, 16))
    with pytest.raises(ValueError, match='weight'):
        region_energy(phi, torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 8, 8))
    with pytest.raises(ValueError, match='radius'):
        local_region_energy(phi, torch.zeros(1, 3, 8, 8), 0)
    with pytest.raises(ValueError, match='edge'):
        contour_length(phi, edge=torch.zeros(1, 2, 8, 8))
    with pytest.raises(ValueError, match='kappa'):
        edge_stopping(phi, kappa=0)
    with pytest.raises(ValueError, match='floating-point'):
        contour_length(phi.bool())


def test_a_vanished_contour_is_the_worst():
    """Otherwise an operator learns to empty every region: no contour would cost nothing."""
    g = edge_stopping(torch.where(disc(15), 0.8, 0.2))
    empty, full = (
        contour_length(torch.full((1, 1, 64, 64), v), edge=g).item() for v in (-20.0, 20.0)
    )
    assert empty == full == pytest.approx(1)
    assert contour_length(signed_distance(disc(15)), edge=g).item() < 0.5


@pytest.mark.parametrize('weighted', [False, True])
def test_no_pairs_have_no_energy_and_empty_gradients(weighted):
    """A batch whose images show no class of the list."""
    phi = torch.zeros(0, 1, 8, 8, requires_grad=True)
    weight = torch.zeros(0, 1, 8, 8) if weighted else None
    data = torch.zeros(0, 3, 8, 8)
    for energy in (
        region_energy(phi, data, weight),
        local_region_energy(phi, data, 2, weight=weight),
    ):
        assert energy.shape == (0, 1)
        (gradient,) = torch.autograd.grad(energy.sum(), phi)
        assert gradient.shape == phi.shape
    assert data_force(phi.detach(), data, weight).shape == phi.shape

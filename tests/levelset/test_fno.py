"""The truncated real DFT against rfft2/irfft2, and the evolution module against its contract."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from mmlevelset.kernels import dft
from mmlevelset.levelset import FNOEvolution, FNOLayer, SpectralConv2d, spectral
from mmlevelset.levelset.condition import evolution_condition
from mmlevelset.levelset.energy import edge_stopping

DATA = Path(__file__).resolve().parents[1] / 'data'
SIZES = [(1, 1), (1, 7), (6, 1), (2, 2), (5, 8), (8, 8), (14, 14), (20, 28), (25, 30), (33, 24)]
SIZES += [(64, 9), (71, 30)]


@pytest.fixture(params=['products', 'fft'])
def path(request, monkeypatch) -> str:
    """Either way to transform: matrix products, as on any CPU, and the reference."""
    if request.param == 'fft':
        monkeypatch.setattr(dft, 'filtered', None)  # must not be called
        monkeypatch.setattr(spectral, 'filtered', spectral.filtered.__wrapped__)
    return request.param


def conv2d(conv, x):
    return torch.nn.functional.conv2d(x, conv.weight, conv.bias, groups=conv.groups)


def reference(conv, x):
    """The same operator with complex FFTs, filling one frequency after the other."""
    height, width = x.shape[2:]
    spectrum = torch.fft.rfft2(x, norm='forward')
    weight = torch.view_as_complex(conv.weight.movedim(-3, -1).contiguous())
    out = torch.zeros_like(spectrum)
    done = set()
    # Negative rows first: the Nyquist row of an even map is p = -H / 2.
    for p in [*range(-conv.modes, 0), *range(conv.modes)]:
        if abs(p) > height // 2 or p % height in done:
            continue
        done.add(p % height)
        for q in range(min(conv.modes, width // 2 + 1)):
            r = weight[..., p, q]
            value = spectrum[:, :, p % height, q]
            out[:, :, p % height, q] = value * r if conv.mixing == 'diag' else value @ r.T
    return torch.fft.irfft2(out, s=(height, width), norm='forward')


@pytest.mark.parametrize('mixing', ['diag', 'full'])
@pytest.mark.parametrize('size', SIZES)
def test_equals_fft(size, mixing, path):
    torch.manual_seed(0)
    conv = SpectralConv2d(3, 12, mixing).double()
    x = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    probe = torch.randn(2, 3, *size, dtype=torch.float64)
    ours, theirs = conv(x), reference(conv, x)
    torch.testing.assert_close(ours, theirs)
    for variable in (x, conv.weight):
        grads = [
            torch.autograd.grad((y * probe).sum(), variable, retain_graph=True)[0]
            for y in (ours, theirs)
        ]
        torch.testing.assert_close(*grads)


@pytest.mark.parametrize('mixing', ['diag', 'full'])
def test_float32_accuracy(mixing, path):
    conv = SpectralConv2d(4, 12, mixing)
    x = torch.randn(2, 4, 128, 112)
    expected = reference(conv.double(), x.double())
    assert (conv.float()(x) - expected).abs().max() < 1e-5 * expected.abs().max()


@pytest.mark.parametrize('size', [(1, 1), (5, 8), (23, 24), (72, 41)])
def test_products_equal_the_reference(size):
    """Values and gradients of the two ways, of float32 within the rounding of the largest entry."""
    x, probe = torch.randn(2, 3, 2, *size).unbind()
    weight = torch.randn(2, 24, 12, dtype=torch.complex64)
    low = spectral.lowest(weight, size, 12)
    assert dft.usable(x)
    results = []
    for function in (dft.filtered, spectral.filtered.__wrapped__):
        variable, factor = x.clone().requires_grad_(), low.clone().requires_grad_()
        out = function(variable, 12, lambda f, factor=factor: f * factor)
        results.append([out, *torch.autograd.grad(out, (variable, factor), probe)])
    for ours, expected in zip(*results, strict=True):
        assert (ours - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_every_weight_is_used_once_on_large_maps_and_none_twice_on_small_ones():
    conv = SpectralConv2d(1, 4)
    impulse = torch.zeros(1, 1, 16, 16)
    impulse[..., 3, 5] = 1
    (grad,) = torch.autograd.grad(conv(impulse).square().sum(), conv.weight)
    assert (grad.abs().sum(dim=1) > 0).all()
    (small,) = torch.autograd.grad(conv(torch.randn(1, 1, 4, 4)).square().sum(), conv.weight)
    used = (small.abs().sum(dim=1) > 0)[0]
    assert used.sum() == 4 * 3  # 4 rows, 4 // 2 + 1 columns


def test_resolution_transfer():
    conv = SpectralConv2d(1, 3).double()

    def wave(n):
        t = torch.arange(n, dtype=torch.float64) / n * 2 * torch.pi
        return (torch.sin(t)[:, None] * torch.cos(2 * t) + 0.5)[None, None]

    torch.testing.assert_close(conv(wave(32))[..., ::2, ::2], conv(wave(16)))


def test_gate_pools_the_spectral_output(path):
    layer = FNOLayer(8, 5).double()
    x = torch.randn(2, 8, 13, 18, dtype=torch.float64)
    update = layer.spectral(x)
    gate = layer.gate(update.mean(dim=(2, 3)))[:, :, None, None]
    expected = torch.nn.functional.gelu(layer.local(x) + gate * update)
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize('shared', [False, True])
@pytest.mark.parametrize('depth, size', [(1, (7, 12)), (3, (7, 12)), (2, (65, 4))])
def test_operator_equals_its_parts_one_after_the_other(depth, size, shared):
    """Convolutions by ``conv2d``, the gate as a mean over the map, complex FFTs."""
    net = FNOEvolution(3, 4, depth, condition_channels=2, width=4, shared=shared).double()
    torch.nn.init.normal_(net.project.weight)
    phi = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    condition = torch.randn(2, 3, 2, *size, dtype=torch.float64)
    x = torch.cat([phi[:, :, None], condition], dim=2)
    x = conv2d(net.lift, x.flatten(0, 1) if shared else x.flatten(1, 2))
    for layer in net.layers:
        update = reference(layer.spectral, x)
        gate = layer.gate(update.mean(dim=(2, 3)))[:, :, None, None]
        x = conv2d(layer.local, x) + gate * update
        x = torch.nn.functional.gelu(x) if layer.activation else x
    expected = phi + conv2d(net.project, x).view(phi.shape)
    ours = net.operator(phi, condition)
    torch.testing.assert_close(ours, expected)
    probe, variables = torch.randn_like(ours), [phi, *net.parameters()]
    grads = [torch.autograd.grad((y * probe).sum(), variables) for y in (ours, expected)]
    torch.testing.assert_close(*grads)


def test_without_gradient_the_inputs_stay():
    net = FNOEvolution(3, modes=4, condition_channels=1).double()
    torch.nn.init.normal_(net.project.weight)
    phi, condition = torch.randn(2, 3, 2, 9, 9).double().tensor_split([1], dim=2)
    phi = phi[:, :, 0]
    for operator, inputs in ((net.operator, (phi, condition)), (net.layers[0], (phi,))):
        expected, before = operator(*inputs), [x.clone() for x in inputs]
        with torch.no_grad():
            torch.testing.assert_close(operator(*inputs), expected)
        torch.testing.assert_close([*inputs], before, rtol=0, atol=0)


def test_the_contract_repeats_the_operator_with_its_own_condition():
    """phi in pixels; every step sees the forces on its own last level sets, without gradient."""
    net = FNOEvolution(2, modes=4, condition_channels=5, width=2, steps=3, truncate=8.0)
    torch.nn.init.normal_(net.project.weight)
    phi = 8 * torch.randn(2, 2, 12, 13)
    image, features = torch.rand(2, 3, 12, 13), torch.randn(2, 6, 12, 13)
    expected, edge = phi, edge_stopping(image)
    for _ in range(3):
        condition = evolution_condition(expected, image, features, edge)
        expected = 8 * net.operator(expected / 8, condition)
    torch.testing.assert_close(net(phi, image, features), expected)


def test_parameter_counts():
    # 4 layers x 24 rows x 12 columns x 2 reals, per channel or per pair of channels
    for mixing, multipliers in (('diag', 20), ('full', 400)):
        net = FNOEvolution(20, mixing=mixing, condition_channels=0)
        count = sum(p.numel() for n, p in net.named_parameters() if 'spectral' in n)
        assert count == multipliers * 4 * 24 * 12 * 2


@pytest.mark.parametrize('shared', [False, True])
@pytest.mark.parametrize('size', [(1, 1), (8, 8), (13, 28)])
def test_starts_as_identity_and_learns(shared, size):
    torch.manual_seed(0)
    net = FNOEvolution(3, modes=4, depth=2, condition_channels=2, width=4, shared=shared)
    phi, condition = torch.randn(2, 3, *size), torch.randn(2, 3, 2, *size)
    assert torch.equal(net.operator(phi, condition), phi)
    target = phi - condition[:, :, 0]
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        loss = (net.operator(phi, condition) - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert all(p.grad is not None for p in net.parameters())
    assert losses[-1] < 0.3 * losses[0]


def test_shared_operator_commutes_with_class_permutation():
    net = FNOEvolution(4, modes=3, width=2, condition_channels=1, shared=True).double()
    torch.nn.init.normal_(net.project.weight)
    phi, condition = torch.randn(1, 4, 9, 9).double(), torch.randn(1, 4, 1, 9, 9).double()
    order = torch.tensor([2, 0, 3, 1])
    expected = net.operator(phi, condition)[:, order]
    torch.testing.assert_close(net.operator(phi[:, order], condition[:, order]), expected)


def test_autocast_keeps_the_transform_in_float32():
    conv = SpectralConv2d(2, 6)
    x = torch.randn(1, 2, 28, 28)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        inside = conv(x)
        evolved = FNOEvolution(2, modes=6, condition_channels=0).operator(x)
    assert inside.dtype == torch.float32 and torch.equal(inside, conv(x))
    assert evolved.isfinite().all()


def test_inference_first_does_not_poison_the_cached_bases():
    conv = SpectralConv2d(1, 3)
    with torch.inference_mode():
        conv(torch.randn(1, 1, 11, 37))
    conv(torch.randn(1, 1, 11, 37)).sum().backward()
    assert conv.weight.grad is not None


def test_user_errors():
    with pytest.raises(ValueError, match='mixing'):
        SpectralConv2d(2, 3, 'both')
    with pytest.raises(ValueError, match='condition_channels'):
        FNOEvolution(2, condition_channels=0).operator(
            torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 1, 4, 4)
        )
    with pytest.raises(ValueError, match='condition is None'):
        FNOEvolution(2, condition_channels=1).operator(torch.zeros(1, 2, 4, 4))
    with pytest.raises(ValueError, match='phi has shape'):
        FNOEvolution(2, condition_channels=0).operator(torch.zeros(1, 3, 4, 4))
    for name in ('modes', 'depth', 'width', 'steps'):
        for value in (0, 1.5, 'abc', True):
            with pytest.raises(
                ValueError, match=f'{name} must be a whole number of at least 1, got {value!r}'
            ):
                FNOEvolution(2, **{name: value})
    # told when it is built: an operator looks at its condition only once the energy is on
    with pytest.raises(
        ValueError, match='condition_channels must be a whole number from 0 to 5, got 9'
    ):
        FNOEvolution(2, condition_channels=9)


def waves(start: int, *shape: int) -> torch.Tensor:
    """sin(n^2) of n = start, start + 1, ... in ``shape``, float32: every frequency has its share."""
    n = torch.arange(start, start + math.prod(shape), dtype=torch.float64)
    return n.square().sin().float().view(shape)


@pytest.mark.parametrize('mixing', ['diag', 'full'])
@pytest.mark.parametrize('size', [(6, 5), (8, 13), (16, 12), (20, 21)])
def test_equals_neuraloperator(size, mixing):
    """Output and gradient of ``SpectralConv`` of neuraloperator 2.0.0, also on maps below the modes.

    tests/data/neuraloperator_spectral.npz was recorded from the layer that
    ``neuralop_layer`` of tools/benchmark/peers.py makes of ``conv``, for the same ``x`` and ``probe``.
    Only even heights: version 2.0.0 shifts the rows of odd maps by one on the way back.
    """
    golden = np.load(DATA / 'neuraloperator_spectral.npz')
    assert golden['version'] == '2.0.0'
    conv = SpectralConv2d(3, 4, mixing)
    with torch.no_grad():
        conv.weight.copy_(waves(0, *conv.weight.shape))
    x, probe = waves(1000, 2, 3, *size).requires_grad_(), waves(2000, 2, 3, *size)
    out = conv(x)
    (grad,) = torch.autograd.grad(out, x, probe)
    for name, value in dict(out=out, grad=grad).items():
        expected = torch.from_numpy(golden[f'{mixing}/{size[0]}x{size[1]}/{name}'])
        torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-5)

"""The compiled pass over the maps against float64 in plain torch."""

import copy

import pytest
import torch

from mmlevelset.kernels import row_pass
from mmlevelset.kernels.fno_layer import AddSynthesis, FusedLayer, LocalAnalysis
from mmlevelset.kernels.spectral_dft import analyse, fourier_basis
from mmlevelset.levelset import FNOEvolution

pytestmark = pytest.mark.skipif(row_pass.library() is None, reason='row_pass.cpp was not built')
# Around the lengths of vectors and tiles, and sides of one pixel.
SIZES = [(1, 1), (1, 9), (6, 1), (3, 15), (5, 16), (4, 31), (7, 32), (9, 33), (14, 70)]


@pytest.fixture(autouse=True)
def _small_maps_too(monkeypatch):
    monkeypatch.setattr(row_pass, '_MIN_PIXELS', 1)


def reference(x, weight, coefficients, skip, basis, gelu, ahead):
    _, local = LocalAnalysis.apply(x, weight, basis)
    out = AddSynthesis.apply(coefficients, local, basis).unflatten(2, x.shape[2:])
    out = out if skip is None else out + skip
    out = torch.nn.functional.gelu(out) if gelu else out
    return out, LocalAnalysis.apply(out, weight.new_zeros(1, out.shape[1]), basis)[0]


def inputs(size, channels=(3, 5), scale=1.0):
    batch, modes, (k, c) = 2, 4, channels
    basis = [
        fourier_basis(*size, modes, torch.device('cpu'), t) for t in (torch.float32, torch.float64)
    ]
    shape = analyse(torch.zeros(batch, c, *size), basis[0]).shape
    x, skip = scale * torch.randn(batch, k, *size), torch.randn(batch, c, *size)
    return (x, torch.randn(c, k), torch.randn(shape), skip), basis


def close(ours, theirs):
    theirs = theirs.float()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5 * (1 + theirs.abs().max().item()))


@pytest.mark.parametrize('size', SIZES, ids=str)
@pytest.mark.parametrize('channels', [(1, 1), (3, 5), (8, 4), (21, 20)], ids=str)
def test_value_and_gradients(size, channels):
    for gelu, ahead, skipped in ((True, True, False), (False, True, False), (False, False, True)):
        tensors, (single, double) = inputs(size, channels)
        tensors = tensors if skipped else (*tensors[:3], None)
        ours = [t if t is None else t.clone().requires_grad_() for t in tensors]
        theirs = [t if t is None else t.double().requires_grad_() for t in tensors]
        out, spectrum = FusedLayer.apply(*ours, single, gelu, ahead)
        expected, expected_spectrum = reference(*theirs, double, gelu, ahead)
        close(out, expected)
        probe = torch.randn_like(out)
        loss, expected_loss = (out * probe).sum(), (expected * probe).sum()
        if ahead:
            close(spectrum, expected_spectrum)
            probe = torch.randn_like(spectrum)
            loss = loss + (spectrum * probe).sum()
            expected_loss = expected_loss + (expected_spectrum * probe).sum()
        else:
            assert spectrum is None
        given = range(4 if skipped else 3)
        grads = torch.autograd.grad(loss, [ours[i] for i in given])
        expected_grads = torch.autograd.grad(expected_loss, [theirs[i] for i in given])
        for grad, expected_grad in zip(grads, expected_grads, strict=True):
            close(grad, expected_grad)


def test_gelu_everywhere():
    """From where it vanishes to where it is the identity, and its derivative."""
    z = torch.cat([torch.linspace(-15, 15, 3001), torch.tensor([-1e4, -0.0, 1e4])])
    x = z[None, None, None].clone().requires_grad_()
    basis = fourier_basis(1, len(z), 1, z.device, z.dtype)
    flat = torch.zeros_like(analyse(x.detach(), basis))
    out, _ = FusedLayer.apply(x, torch.ones(1, 1), flat, None, basis, True, False)
    exact = z.double().requires_grad_()
    expected = torch.nn.functional.gelu(exact)
    torch.testing.assert_close(out.flatten(), expected.float(), rtol=1e-6, atol=1e-6)
    out.sum().backward()  # a gradient with stride 0
    expected.sum().backward()
    torch.testing.assert_close(x.grad.flatten(), exact.grad.float(), rtol=1e-6, atol=1e-6)


def test_not_a_number_stays_in_its_row():
    (x, weight, coefficients, _), (basis, _) = inputs((5, 40))
    x[1, 2, 3, 7] = torch.nan
    out, _ = FusedLayer.apply(x, weight, coefficients, None, basis, True, False)
    expected = torch.zeros_like(out, dtype=torch.bool)
    expected[1, :, 3, 7] = True
    assert torch.equal(out.isnan(), expected)


def test_threads_give_the_same(monkeypatch):
    monkeypatch.setattr(row_pass, '_PIXELS_PER_THREAD', 1)
    tensors, (basis, _) = inputs((7, 20))
    results = []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        leaves = [t.clone().requires_grad_() for t in tensors[:3]]
        out, spectrum = FusedLayer.apply(*leaves, None, basis, True, True)
        loss = out.square().sum() + spectrum.square().sum()
        results.append([out, *torch.autograd.grad(loss, leaves)])
    torch.testing.assert_close(*results)


def test_only_the_gradients_that_are_needed():
    tensors, (basis, _) = inputs((4, 10))
    weight = tensors[1].requires_grad_()
    FusedLayer.apply(*tensors[:3], None, basis, True, True)[0].sum().backward()
    assert weight.grad is not None and tensors[0].grad is None


@pytest.mark.parametrize('shared', [False, True])
@pytest.mark.parametrize('width', [1, 4])
@pytest.mark.parametrize('mixing', ['diag', 'full'])
def test_evolution_with_and_without(monkeypatch, shared, width, mixing):
    net = FNOEvolution(3, 4, 3, mixing, condition_channels=2, width=width, shared=shared)
    torch.nn.init.normal_(net.project.weight)
    phi, condition = torch.randn(2, 3, 12, 21), torch.randn(2, 3, 2, 12, 21)
    probe, before = torch.randn_like(phi), (phi.clone(), condition.clone())
    calls = []
    compiled = row_pass.forward
    monkeypatch.setattr(row_pass, 'forward', lambda *a: calls.append(1) or compiled(*a))
    outputs, grads = [], []
    for missing in (False, True):
        if missing:
            monkeypatch.setattr(row_pass, 'library', lambda: None)
        start = phi.clone().requires_grad_()
        out = net(start, condition)
        grads.append(torch.autograd.grad((out * probe).sum(), [start, *net.parameters()]))
        with torch.no_grad():
            outputs += [out, net(phi, condition)]
    assert len(calls) == 2 * 3  # layers, with and without gradient
    for out in outputs[1:]:
        torch.testing.assert_close(out, outputs[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(*grads, rtol=1e-4, atol=1e-4)
    assert torch.equal(phi, before[0]) and torch.equal(condition, before[1])


def test_other_dtypes_take_torch():
    net = FNOEvolution(2, modes=3)
    for dtype in (torch.float64, torch.bfloat16):
        phi = torch.randn(1, 2, 8, 8, dtype=dtype)
        assert not row_pass.usable(phi)
        assert copy.deepcopy(net).to(dtype)(phi).dtype == dtype
    assert row_pass.usable(phi.float()) and not row_pass.usable(phi[:0].float())

"""The building blocks against their peers: signed distance, energy, spectral layer, group."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmlevelset.levelset import FNOEvolution, SpectralConv2d, region_energy, signed_distance

from . import peers
from .timing import Comparison, Row

MODES = 12  # section 4.1 of the paper
_BASES = {
    'times ours, diag': lambda method: 'ours, diag',
    'times ours, same mixing': lambda method: f'ours, {method.split(", ")[1]}',
}
_CELLS = 14  # blobs of the random masks; a CAM of a 448 px image at stride 32


@dataclass
class Setup:
    """Sizes and device of a run."""

    device: torch.device
    classes: int = 20
    batch: int = 64
    maps: tuple[int, ...] = (28, 56, 112)
    large: int = 448
    channels: int = 384


def random_masks(batch: int, classes: int, size: int, device: torch.device) -> Tensor:
    """Smooth blobs, bool (N, C, size, size), about half of them inside."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(batch, classes, _CELLS, _CELLS, generator=generator)
    fine = F.interpolate(coarse, (size, size), mode='bicubic', align_corners=False)
    return (fine > 0.5).to(device)


def sdf(setup: Setup) -> Iterator[Comparison]:
    """Signed distances of a batch, with all classes present and with one to three per image."""
    for size in setup.maps:
        mask = random_masks(setup.batch, setup.classes, size, setup.device)
        name = f'{setup.batch}x{setup.classes}@{size}'
        comparison = Comparison('sdf', f'{name}, all present', setup.device)
        truth = peers.sdf_loop('scipy', mask)()
        check = partial(_largest_error, truth, torch.ones_like(mask[..., 0, 0]))
        comparison.add('ours', lambda m=mask: partial(signed_distance, m), check)
        for library in ('scipy', 'cv2', 'edt'):
            build = partial(peers.sdf_loop, library, mask)
            comparison.add(f'{library} loop', build, check)
        yield comparison

        generator = torch.Generator().manual_seed(0)
        count = torch.randint(1, 4, (setup.batch, 1), generator=generator)
        rank = torch.rand(setup.batch, setup.classes, generator=generator).argsort(1).argsort(1)
        present = (rank < count).to(setup.device)
        sparse = mask & present[:, :, None, None]  # masks of absent classes are empty
        comparison = Comparison('sdf', f'{name}, 1-3 present', setup.device)
        check = partial(_largest_error, truth, present)
        comparison.add('ours', lambda m=sparse, p=present: partial(signed_distance, m, p), check)
        build = partial(peers.sdf_loop, 'scipy', sparse)
        comparison.add('scipy loop, all classes', build, check)
        for library in ('scipy', 'cv2', 'edt'):
            build = partial(peers.sdf_loop, library, sparse, present)
            comparison.add(f'{library} loop, present only', build, check)
        yield comparison


def energy(setup: Setup) -> Iterator[Comparison]:
    """Value and gradient of the region energy, moments against the weighted input."""
    for batch, channels, size in ((4, setup.channels, setup.maps[0]), (1, 3, setup.large)):
        generator = torch.Generator().manual_seed(0)
        shape = (batch, setup.classes, size, size)
        phi = 4 * torch.randn(shape, generator=generator)
        weight = 0.5 + 0.5 * torch.rand(shape, generator=generator)
        data = torch.randn(batch, channels, size, size, generator=generator)
        data, weight = data.to(setup.device), weight.to(setup.device)
        phi = phi.to(setup.device).requires_grad_()
        truth = _exact_gradient(phi, data, weight)
        comparison = Comparison(
            'energy', f'({batch}, {setup.classes}, {size}²), K = {channels}', setup.device
        )
        for name, function in (('ours', region_energy), ('naive', peers.naive_region_energy)):
            run = partial(_energy_step, function, phi, data, weight)
            comparison.add(name, lambda r=run: r, partial(_relative, 'gradient error', truth))
        yield comparison


def spectral(setup: Setup) -> Iterator[Comparison]:
    """Forward and backward of one spectral layer against neuraloperator's."""
    batches = [(8, s) for s in setup.maps] + [(setup.batch, s) for s in setup.maps[:2]]
    for batch, size in [*batches, (1, setup.large)]:
        x = torch.randn(batch, setup.classes, size, size, device=setup.device, requires_grad=True)
        upstream = torch.randn_like(x)
        case = f'{batch}x{setup.classes}@{size}'
        comparison = Comparison('spectral', case, setup.device, _BASES)
        for mixing in ('diag', 'full'):
            layer = SpectralConv2d(setup.classes, MODES, mixing).to(setup.device)
            _add_pair(comparison, mixing, layer, partial(peers.neuralop_layer, layer), x, upstream)
        yield comparison


def group(setup: Setup) -> Iterator[Comparison]:
    """The whole group of four layers against the same group on neuraloperator's layers."""
    size = setup.large
    x = torch.randn(1, setup.classes, size, size, device=setup.device)
    for upstream in (None, torch.randn_like(x)):
        work = 'forward' if upstream is None else 'forward + backward'
        case = f'1x{setup.classes}@{size}, {work}'
        comparison = Comparison('group', case, setup.device, _BASES)
        for mixing in ('diag', 'full'):
            ours = FNOEvolution(setup.classes, MODES, mixing=mixing).to(setup.device)
            nn.init.normal_(ours.project.weight)  # zero at first, which would hide any error
            _add_pair(comparison, mixing, ours, partial(peers.NeuralopGroup, ours), x, upstream)
        yield comparison


def _add_pair(
    comparison: Comparison,
    mixing: str,
    ours: nn.Module,
    theirs: Callable[[], nn.Module],
    x: Tensor,
    upstream: Tensor | None,
) -> None:
    with torch.no_grad():
        truth = ours(x)
    check = partial(_relative, 'difference to ours', truth)
    comparison.add(f'ours, {mixing}', lambda: partial(_layer_step, ours, x, upstream))
    comparison.add(
        f'neuraloperator, {mixing}', lambda: partial(_layer_step, theirs(), x, upstream), check
    )


def _layer_step(module: nn.Module, x: Tensor, upstream: Tensor | None) -> Tensor:
    """Output; with an upstream gradient also the gradients of the weights (and of x)."""
    if upstream is None:
        with torch.inference_mode():
            return module(x)
    out = module(x)
    wanted = [t for t in (x, *module.parameters()) if t.requires_grad]
    torch.autograd.grad(out, wanted, upstream, allow_unused=True)
    return out.detach()


def _energy_step(function: Callable, phi: Tensor, data: Tensor, weight: Tensor) -> Tensor:
    # Not phi.grad, which would live on: the next call would start with its memory.
    return torch.autograd.grad(function(phi, data, weight).sum(), phi)[0]


def _exact_gradient(phi: Tensor, data: Tensor, weight: Tensor) -> Tensor:
    """Gradient in float64, one image at a time because of its memory."""
    gradients = []
    for p, x, w in zip(phi.detach(), data, weight, strict=True):
        p = p[None].double().requires_grad_()
        peers.naive_region_energy(p, x[None].double(), w[None].double()).sum().backward()
        gradients.append(p.grad.float())
    return torch.cat(gradients)


def _largest_error(truth: Tensor, chosen: Tensor, distance: Tensor) -> Row:
    return {'max error (px)': (distance - truth)[chosen].abs().max().item()}


def _relative(name: str, truth: Tensor, value: Tensor) -> Row:
    return {name: ((value - truth).abs().max() / truth.abs().max()).item()}


SECTIONS = dict(sdf=sdf, energy=energy, spectral=spectral, group=group)

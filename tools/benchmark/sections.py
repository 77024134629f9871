"""The building blocks against their peers: energy and spectral layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from mmlevelset.levelset import SpectralConv2d, region_energy

from . import peers
from .timing import Comparison, Row

MODES = 12  # section 4.1 of the paper
_BASES = {
    'times ours, diag': lambda method: 'ours, diag',
    'times ours, same mixing': lambda method: f'ours, {method.split(", ")[1]}',
}


@dataclass
class Setup:
    """Sizes and device of a run."""

    device: torch.device
    classes: int = 20
    batch: int = 64
    maps: tuple[int, ...] = (28, 56, 112)
    large: int = 448
    channels: int = 384
    images: str | None = None  # folder of photographs
    crf_size: tuple[int, int] = (480, 640)  # most images of COCO
    crf_labels: int = 81  # of COCO, with background
    scored_size: tuple[int, int] = (375, 500)  # most images of VOC


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
            comparison.add(name, partial(_ready, run), partial(_relative, 'gradient error', truth))
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
            with torch.no_grad():
                check = partial(_relative, 'difference to ours', layer(x))
            ours = partial(_layer_step, layer, x, upstream)
            comparison.add(f'ours, {mixing}', partial(_ready, ours))
            theirs = partial(_neuralop_step, layer, x, upstream)
            comparison.add(f'neuraloperator, {mixing}', theirs, check)
        yield comparison


def _ready(run: Callable[[], Tensor]) -> Callable[[], Tensor]:
    return run


def _neuralop_step(ours: SpectralConv2d, x: Tensor, upstream: Tensor) -> Callable[[], Tensor]:
    return partial(_layer_step, peers.neuralop_layer(ours), x, upstream)


def _layer_step(layer: nn.Module, x: Tensor, upstream: Tensor) -> Tensor:
    """Output of a layer, and the gradients of x and of the weights."""
    out = layer(x)
    torch.autograd.grad(out, (x, *layer.parameters()), upstream)
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


def _relative(name: str, truth: Tensor, value: Tensor) -> Row:
    return {name: ((value - truth).abs().max() / truth.abs().max()).item()}

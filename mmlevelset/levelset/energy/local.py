"""Chan-Vese region terms with the means of a window around every pixel."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from .common import EMPTY, chain_heaviside, heaviside, prepare

_CHUNK = 8  # data channels held at once


def local_region_energy(
    phi: Tensor,
    data: Tensor,
    radius: int = 7,
    eps: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """Chan-Vese energy with local means, for data whose background is not constant.

    Every pixel carries a (2 radius + 1)^2 window (cut at the border) with its own mu and nu, as in
    Lankton and Tannenbaum, "Localizing region-based active contours", IEEE TIP 2008. Their outer
    Dirac factor is left out, so that the energy is the mean of the energies of all windows and its
    gradient is exact. A window that covers the whole map everywhere gives :func:`region_energy`.
    The cost is one window filter per class and data channel: made for images, not for hundreds of
    feature channels.

    Args:
        phi (Tensor): level sets, (N, C, h, w), in pixels, positive inside.
        data (Tensor): X, (N, K, h, w), detached here.
        radius (int): half-size of the window, in pixels, >= 1.
        eps (float): width of the Heaviside function, in the unit of ``phi``.
        weight (Tensor, optional): w of eq 20, (N, C, h, w), detached here.

    Returns:
        Tensor: (N, C), in data units squared, >= 0.

    Raises:
        ValueError: if the shapes do not fit or ``radius`` is below 1.
    """
    phi, data, weight = prepare(phi, data, weight)
    with torch.autocast(phi.device.type, enabled=False):
        return _LocalRegionEnergy.apply(phi, data, weight, _checked_radius(radius), eps)


@torch.no_grad()
def local_data_force(
    phi: Tensor,
    data: Tensor,
    radius: int = 7,
    eps: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """Data force of :func:`local_region_energy`; sign, scale and arguments as :func:`data_force`.

    It fades to zero where no window around the pixel contains both regions.

    Args:
        phi (Tensor): level sets, (N, C, h, w), in pixels, positive inside.
        data (Tensor): X, (N, K, h, w).
        radius (int): half-size of the window, in pixels, >= 1.
        eps (float): width of the Heaviside function, in the unit of ``phi``.
        weight (Tensor, optional): w of eq 20, (N, C, h, w).

    Returns:
        Tensor: (N, C, h, w), in data units squared.

    Raises:
        ValueError: if the shapes do not fit or ``radius`` is below 1.
    """
    phi, data, weight = prepare(phi, data, weight)
    with torch.autocast(phi.device.type, enabled=False):
        return _local_terms(phi, data, weight, _checked_radius(radius), eps)[1]


def _local_terms(
    phi: Tensor, data: Tensor, weight: Tensor | None, radius: int, eps: float
) -> tuple[Tensor, Tensor]:
    """Energy (N, C) and data force (N, C, h, w), a few data channels at a time."""
    classes = phi.shape[1]
    h, g = heaviside(phi, eps), heaviside(-phi, eps)
    area_h, area_g = _box_mean(h, radius), _box_mean(g, radius)
    count = _box_sum(torch.ones_like(data[:1, :1]), radius)  # pixels of each window
    inverse_h, inverse_g = (1 / (area + EMPTY / count) for area in (area_h, area_g))
    gain, tilt = inverse_h + inverse_g, inverse_h.square() - inverse_g.square()

    variance = similarity = offset = data.new_zeros(())
    for part in data.split(_CHUNK, dim=1):
        i = part[:, None] if weight is None else part[:, None] * weight[:, :, None]
        first_h, first_g = (
            _box_mean((side[:, :, None] * i).flatten(1, 2), radius).unflatten(1, (classes, -1))
            for side in (h, g)
        )
        centre = first_h + first_g
        covariance = first_h * area_g[:, :, None] - first_g * area_h[:, :, None]
        contrast = covariance * gain[:, :, None]
        explained = covariance.square().sum(dim=2)
        power = _box_mean(i.square().sum(dim=2), radius)
        variance = variance + power - centre.square().sum(dim=2) - explained * gain
        offset = offset + 2 * (centre * contrast).sum(dim=2) + explained * tilt
        # Every window that contains a pixel votes on it: the adjoint of the window mean.
        votes = _box_sum((contrast / count[:, :, None]).flatten(1, 2), radius)
        similarity = similarity + (i * votes.unflatten(1, (classes, -1))).sum(dim=2)

    energy = variance.clamp_min(0).mean(dim=(2, 3)) / data.shape[1]
    force = (_box_sum(offset / count, radius) - 2 * similarity) / data.shape[1]
    return energy, force


class _LocalRegionEnergy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, phi: Tensor, data: Tensor, weight: Tensor | None, radius: int, eps: float
    ) -> Tensor:
        """Energy (N, C) of phi (N, C, h, w), see :func:`local_region_energy`."""
        energy, force = _local_terms(phi, data, weight, radius, eps)
        ctx.save_for_backward(phi, force)
        ctx.eps = eps
        return energy

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        phi, force = ctx.saved_tensors
        return chain_heaviside(phi, force, grad, ctx.eps), None, None, None, None


def _box_mean(value: Tensor, radius: int) -> Tensor:
    """Mean over the part of the window inside the map, (N, C, h, w)."""
    size = 2 * radius + 1
    for kernel, padding in (((size, 1), (radius, 0)), ((1, size), (0, radius))):
        value = F.avg_pool2d(value, kernel, 1, padding, count_include_pad=False)
    return value


def _box_sum(value: Tensor, radius: int) -> Tensor:
    """Sum over the part of the window inside the map, (N, C, h, w)."""
    size = 2 * radius + 1
    for kernel, padding in (((size, 1), (radius, 0)), ((1, size), (0, radius))):
        value = F.avg_pool2d(value, kernel, 1, padding, divisor_override=1)
    return value


def _checked_radius(radius: int) -> int:
    if radius < 1:
        raise ValueError(f'radius is {radius}, expected pixels >= 1.')
    return radius

"""Global Chan-Vese region terms in moment form (eq 21-23)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..limits import check_number
from ..stencil import blocks
from .common import EMPTY, chain_heaviside, heaviside, prepare


def region_energy(
    phi: Tensor, data: Tensor, weight: Tensor | None = None, eps: float = 1.0
) -> Tensor:
    """Region terms of the Chan-Vese energy per class (first two terms of eq 19 and 21).

    The mean over pixels and data channels, so it does not grow with the resolution or with K.
    Gradient reaches ``phi`` only: through X the energy would fall by shrinking the features,
    through C by switching the CAM off.

    Args:
        phi (Tensor): level sets, (N, C, h, w), in pixels, positive inside.
        data (Tensor): image in [0, 1] or standardised features X, (N, K, h, w), detached here.
        weight (Tensor, optional): w of eq 20 from ``cam_weight``, (N, C, h, w), detached here.
        eps (float): width of the Heaviside function, in the unit of ``phi``.

    Returns:
        Tensor: (N, C), in data units squared, >= 0; the variance of the data when a region is
        empty.

    Raises:
        ValueError: if the shapes do not fit, or ``eps`` is no width.
    """
    check_number('eps', eps, 0, ends='()')
    phi, data, weight = prepare(phi, data, weight)
    with torch.autocast(phi.device.type, enabled=False):
        return _RegionEnergy.apply(phi, data, weight, eps)


@torch.no_grad()
def data_force(phi: Tensor, data: Tensor, weight: Tensor | None = None, eps: float = 1.0) -> Tensor:
    """Data force dE/dH of :func:`region_energy`, without the factor H'(phi) and without 1/(h w).

    (-2 w X (mu - nu) + |mu|^2 - |nu|^2) / K: the squared distance of a pixel to the inside mean
    minus that to the outside mean. Negative where the pixel looks like the inside, so descent is
    phi <- phi - step * H'(phi) * force. Without gradient.

    Args:
        phi (Tensor): level sets, (N, C, h, w), in pixels, positive inside.
        data (Tensor): X, (N, K, h, w).
        weight (Tensor, optional): w of eq 20, (N, C, h, w).
        eps (float): width of the Heaviside function, in the unit of ``phi``.

    Returns:
        Tensor: (N, C, h, w), in data units squared.

    Raises:
        ValueError: if the shapes do not fit.
    """
    phi, data, weight = prepare(phi, data, weight)
    with torch.autocast(phi.device.type, enabled=False):
        _, contrast, offset = _region_moments(phi, data, weight, eps)
        return _region_force(data, weight, contrast, offset)


def _region_moments(
    phi: Tensor, data: Tensor, weight: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """<I>^2 + explained variance (N, C), contrast mu - nu (N, C, K), offset of the force (N, C)."""
    pixels, x = data.shape[2:].numel(), data.flatten(2)
    weight = None if weight is None else weight.flatten(2)
    moments = []
    for width in (eps, -eps):  # inside, outside: 1 - H(phi) would lose the last pixels of a side
        side = heaviside(phi, width).flatten(2)
        moments.append(side.mean(dim=2))
        side = side if weight is None else side.mul_(weight)
        moments.append(side @ x.transpose(1, 2) / pixels)
    # <h>, <hI> (numerator of eq 22 with H for phi), <g>, <gI> (eq 23 with 1 - H for 1 - phi)
    area_h, first_h, area_g, first_g = moments
    centre = first_h + first_g
    covariance = first_h * area_g[:, :, None] - first_g * area_h[:, :, None]
    inverse_h, inverse_g = (1 / (area + EMPTY / pixels) for area in (area_h, area_g))

    explained = covariance.square().sum(dim=2) * (inverse_h + inverse_g)
    contrast = covariance * (inverse_h + inverse_g)[:, :, None]
    offset = 2 * (centre * contrast).sum(dim=2)
    offset = offset + covariance.square().sum(dim=2) * (inverse_h.square() - inverse_g.square())
    return centre.square().sum(dim=2) + explained, contrast, offset


def _power(data: Tensor, weight: Tensor | None) -> Tensor:
    """<I^2> summed over the channels, (N, C) or (N, 1)."""
    square = data.flatten(2).square().sum(dim=1)[:, :, None]
    if weight is None:
        return square.mean(dim=1)
    return (weight.flatten(2).square() @ square).squeeze(2) / square.shape[1]


def _region_force(data: Tensor, weight: Tensor | None, contrast: Tensor, offset: Tensor) -> Tensor:
    """The data force, (N, C, h, w)."""
    channels = data.shape[1]
    force = (contrast * (-2 / channels) @ data.flatten(2)).unflatten(2, data.shape[2:])
    if weight is not None:
        force.mul_(weight)
    return force.add_((offset / channels)[:, :, None, None])


class _RegionEnergy(torch.autograd.Function):
    """Closed-form backward: one matmul, and nothing saved but the inputs and the two means.

    A few level sets at a time, so that on the CPU all but the gradient stays in the cache.
    """

    @staticmethod
    def forward(ctx: Any, phi: Tensor, data: Tensor, weight: Tensor | None, eps: float) -> Tensor:
        """Energy (N, C) of phi (N, C, h, w), see :func:`region_energy`."""
        energy, offset = phi.new_empty(2, *phi.shape[:2])
        contrast = phi.new_empty(*phi.shape[:2], data.shape[1])
        for n, c in blocks(phi):
            x, w = data[n], None if weight is None else weight[n, c]
            known, contrast[n, c], offset[n, c] = _region_moments(phi[n, c], x, w, eps)
            energy[n, c] = (_power(x, w) - known).clamp_min(0) / data.shape[1]
        ctx.save_for_backward(phi, data, weight, contrast, offset)
        ctx.eps = eps
        return energy

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        phi, data, weight, contrast, offset = ctx.saved_tensors
        with torch.autocast(phi.device.type, enabled=False):
            grad_phi = torch.empty_like(phi)
            for n, c in blocks(phi):
                w = None if weight is None else weight[n, c]
                force = _region_force(data[n], w, contrast[n, c], offset[n, c])
                grad_phi[n, c] = chain_heaviside(phi[n, c], force, grad[n, c], ctx.eps)
            return grad_phi, None, None, None

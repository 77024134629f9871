"""Heaviside function, standardised data and input checks shared by the energies."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

# Pixels of an image per pixel of its reduced copy, which edges are sought on where a map is coarser.
IMAGE_STRIDE = 4
EMPTY = 1e-6  # pixels; keeps the mean of an empty region finite


def heaviside(phi: Tensor, eps: float = 1.0) -> Tensor:
    """Soft Heaviside function H(phi) = sigmoid(phi / eps) of eq 19.

    Args:
        phi (Tensor): level sets, any shape, in pixels, positive inside.
        eps (float): half-width of the transition, in the unit of ``phi``.

    Returns:
        Tensor: like ``phi``, in (0, 1), above 0.5 inside.
    """
    return phi.sigmoid() if eps == 1 else (phi / eps).sigmoid_()


def standardise(data: Tensor) -> Tensor:
    """Give every image and channel zero mean and unit standard deviation; constants become zero.

    Args:
        data (Tensor): (N, K, h, w), any unit.

    Returns:
        Tensor: (N, K, h, w), dimensionless, float32 or the wider dtype of ``data``.
    """
    data = wide(data)
    centred = data - data.mean(dim=(2, 3), keepdim=True)
    deviation = centred.square().mean(dim=(2, 3), keepdim=True).sqrt()
    # A constant channel keeps only rounding errors, which must not be blown up to unit variance.
    noise = 1e-6 * data.abs().amax(dim=(2, 3), keepdim=True)
    return torch.where(deviation > noise, centred / deviation.clamp_min(1e-12), 0.0)


def shrink(image: Tensor, size: Sequence[int]) -> Tensor:
    """Average an image (N, K, H, W) over the pixels of a coarser map; returns (N, K, h, w)."""
    if image.shape[2:] == tuple(size):
        return image
    return F.interpolate(image, tuple(size), mode='area')


def reduced(image: Tensor, size: Sequence[int]) -> Tensor:
    """What level sets see of an image: its grid is theirs or, where that is coarser than 6 px, of 4 px.

    Args:
        image (Tensor): x, (N, K, H, W).
        size (Sequence[int]): (h, w) of the level sets.

    Returns:
        Tensor: (N, K, H', W'), averaged; ``image`` itself on a map of its size.
    """
    if image.shape[3] / size[1] > 1.5 * IMAGE_STRIDE:
        size = [-(-side // IMAGE_STRIDE) for side in image.shape[2:]]
    return shrink(image, size)


def chain_heaviside(phi: Tensor, force: Tensor, grad: Tensor, eps: float) -> Tensor:
    """Turn dE/dH into dE/dphi: times H'(phi), the mean over pixels and the incoming gradient."""
    slope = heaviside(phi, eps).mul_(heaviside(phi, -eps))
    return slope.mul_(force).mul_((grad / (eps * phi.shape[2:].numel()))[:, :, None, None])


def alone(maps: Tensor) -> Tensor:
    """Maps of every image and class, (N, C, h, w), as images of one channel, (N * C, 1, h, w)."""
    return maps.flatten(0, 1)[:, None]


def wide(value: Tensor) -> Tensor:
    """Half precision to float32: e^2 underflows and moments overflow in float16."""
    return value.to(torch.promote_types(value.dtype, torch.float32))


def prepare(
    phi: Tensor, data: Tensor, weight: Tensor | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Check level sets, data and weight, and detach all that is not the level set."""
    phi = wide(checked_phi(phi))
    if data.dim() != 4 or data.shape[0] != phi.shape[0] or data.shape[2:] != phi.shape[2:]:
        raise ValueError(
            f'data has shape {tuple(data.shape)}, expected ({phi.shape[0]}, K, {phi.shape[2]}, '
            f'{phi.shape[3]}) to fit phi: resize the data to the size of the level sets.'
        )
    if weight is not None and weight.shape != phi.shape:
        raise ValueError(
            f'weight has shape {tuple(weight.shape)}, expected that of phi, {tuple(phi.shape)}.'
        )
    return phi, data.detach().to(phi.dtype), None if weight is None else weight.detach().to(phi)


def checked_phi(phi: Tensor) -> Tensor:
    """Return level sets (N, C, h, w) as they are, or say what is wrong with them."""
    if phi.dim() != 4 or not phi.is_floating_point():
        raise ValueError(
            f'phi has shape {tuple(phi.shape)} and dtype {phi.dtype}, expected a floating-point '
            '(N, C, h, w) tensor.'
        )
    return phi


def checked_edge(edge: Tensor, phi: Tensor) -> Tensor:
    """Return an edge map (N, 1, h, w) that fits the level sets, detached and in their dtype."""
    expected = (phi.shape[0], 1, *phi.shape[2:])
    if edge.shape != expected:
        raise ValueError(f'edge has shape {tuple(edge.shape)}, expected {expected} to fit phi.')
    return edge.detach().to(phi.dtype)

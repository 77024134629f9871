"""Exact signed distance functions of binary masks (eq 11-12), on any device, without gradient."""

from __future__ import annotations

import torch
from torch import Tensor

# Pixels per block on the CPU: one int32 block and its temporaries stay in the L2 cache.
_BLOCK_PIXELS = 1 << 16
# Rows to shift by between two looks at the current maximum (a look is a device synchronisation).
_LOOK_EVERY = 4


def signed_distance(
    mask: Tensor,
    present: Tensor | None = None,
    inside: str = 'positive',
    subpixel: bool = False,
    truncate: float | None = None,
) -> Tensor:
    """Signed Euclidean distance function of every mask (eq 11-12, the targets D of eq 26).

    Eq 11 as printed is zero inside; here the inside distance is the one to the complement. Eq 12
    is printed negative inside, while eq 19-23 need phi > 0 inside: positive is the default.

    Degenerate masks have no boundary and hence no distance: an empty mask gives -(H + W), a full
    mask +(H + W), an absent class 0, at every pixel (sign for ``inside='positive'``; truncated like
    all others). Losses give them the weight 0, see :func:`valid_masks`.

    Args:
        mask (Tensor): bool, (N, C, H, W), true inside.
        present (Tensor, optional): bool or 0/1, (N, C); only these masks are computed.
        inside (str): ``'positive'`` or ``'negative'`` (eq 12 as printed).
        subpixel (bool): move the zero level from the pixel centres to the pixel edge between
            inside and outside, that is subtract half a pixel from the absolute distance.
        truncate (float, optional): clamp to [-truncate, truncate], in pixels of the mask.

    Returns:
        Tensor: float32, (N, C, H, W), in pixels of the mask.

    Raises:
        ValueError: if a shape, dtype or option is wrong.
    """
    if inside not in ('positive', 'negative'):
        raise ValueError(f"inside is {inside!r}, expected 'positive' or 'negative'.")
    if truncate is not None and truncate <= 0:
        raise ValueError(f'truncate is {truncate}, expected pixels > 0, or None for no truncation.')
    valid = valid_masks(mask)
    if present is None:
        present = torch.ones_like(valid)
    if present.shape != valid.shape:
        raise ValueError(
            f'present has shape {tuple(present.shape)}, expected {tuple(valid.shape)}: one value '
            'per image and class of mask.'
        )
    present = present.to(device=mask.device, dtype=torch.bool)

    height, width = mask.shape[-2:]
    beyond = (mask[:, :, 0, 0].float() * 2 - 1) * (height + width)  # + full, - empty
    distance = (beyond * present)[:, :, None, None].repeat(1, 1, height, width)

    chosen = valid & present
    region = mask[chosen]
    # Both polarities as one batch; one of the two distances of a pixel is always zero.
    to_outside, to_inside = squared_distance(torch.cat([~region, region])).float().sqrt().chunk(2)
    signed = to_outside - to_inside
    if subpixel:
        signed -= 0.5 * signed.sign()
    distance[chosen] = signed

    if truncate is not None:
        distance.clamp_(-truncate, truncate)
    return distance if inside == 'positive' else -distance


def valid_masks(mask: Tensor) -> Tensor:
    """Tell which masks have a boundary, i.e. at least one pixel inside and one outside.

    Args:
        mask (Tensor): bool, (N, C, H, W).

    Returns:
        Tensor: bool, (N, C).

    Raises:
        ValueError: if ``mask`` is not a bool tensor with four dimensions.
    """
    if mask.dim() != 4:
        raise ValueError(f'mask has shape {tuple(mask.shape)}, expected (N, C, H, W).')
    _check_bool(mask)
    flat = mask.flatten(2)
    return flat.any(dim=2) & ~flat.all(dim=2)


@torch.no_grad()
def squared_distance(mask: Tensor) -> Tensor:
    """Exact squared Euclidean distance of every pixel to the nearest true pixel (eq 11, squared).

    Separable: distances g along the rows first, then the lower envelope min_j g_j^2 + (i - j)^2
    along the columns. The second pass shifts by 1, 2, ... rows and stops once the squared shift
    reaches the largest distance left, after which no candidate can win: the result stays exact.

    Args:
        mask (Tensor): bool, (..., H, W).

    Returns:
        Tensor: int32, (..., H, W), in square pixels; (H + W)^2 where a mask has no true pixel.

    Raises:
        ValueError: if ``mask`` is not a bool tensor with at least two dimensions.
    """
    if mask.dim() < 2:
        raise ValueError(f'mask has shape {tuple(mask.shape)}, expected (..., H, W).')
    _check_bool(mask)
    height, width = mask.shape[-2:]
    planes = mask.reshape(-1, height, width)
    if planes.shape[0] == 0:
        return torch.zeros(mask.shape, dtype=torch.int32, device=mask.device)
    block = planes.shape[0]
    if mask.device.type == 'cpu':
        block = max(1, _BLOCK_PIXELS // (height * width))
    return torch.cat([_columns(_rows(part)) for part in planes.split(block)]).reshape(mask.shape)


def _rows(mask: Tensor) -> Tensor:
    """Squared distance along the rows, (P, H, W) int32; (H + W)^2 in rows without a true pixel."""
    height, width = mask.shape[-2:]
    far = height + width
    index = torch.arange(width, dtype=torch.int32, device=mask.device)
    left = torch.where(mask, index, -far).cummax(dim=2).values
    right = torch.where(mask, index, width + far).flip(2).cummin(dim=2).values.flip(2)
    return torch.minimum(index - left, right - index).clamp_max_(far).square_()


def _columns(row: Tensor) -> Tensor:
    """Lower envelope along the columns of squared row distances, (P, H, W) int32."""
    height, width = row.shape[-2:]
    # An empty plane stays at the sentinel for ever; it must not keep the loop running.
    finite = row.flatten(1).amin(dim=1) < (height + width) ** 2
    best = row.clone()
    for shift in range(1, height):
        square = shift * shift
        if shift % _LOOK_EVERY == 1 and not bool((finite & (best.amax((1, 2)) > square)).any()):
            break
        torch.minimum(best[:, shift:], row[:, :-shift] + square, out=best[:, shift:])
        torch.minimum(best[:, :-shift], row[:, shift:] + square, out=best[:, :-shift])
    return best


def _check_bool(mask: Tensor) -> None:
    if mask.dtype != torch.bool:
        raise ValueError(
            f'mask has dtype {mask.dtype}, expected torch.bool: compare with a threshold first, '
            'for example with cam_masks.'
        )

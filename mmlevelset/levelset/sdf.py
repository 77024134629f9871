"""Exact signed distance functions of binary masks (eq 11-12), on any device, without gradient."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..kernels import edt
from ..kernels.dispatch import accelerated

# Where level sets are cut, in pixels of the input image: a quarter of a photograph of 320 px.
TRUNCATE = 80.0
# Scores run over sigmoid(-5) .. sigmoid(5), 0.007 to 0.993, between the two cuts.
_STEEPNESS = 5.0


def seed_scores(phi: Tensor, truncate: float = TRUNCATE) -> Tensor:
    """Scores sigmoid(5 phi / truncate) of level sets: 0.5 on the contour, the same on every grid.

    A score is a distance in shares of the truncation: 0.6 lies 8 % of it inside, 0.147 lies 35 % of
    it outside. Thresholds of refiners therefore hold for every stride.

    Args:
        phi (Tensor): level sets, any shape, positive inside.
        truncate (float): in the unit of ``phi``.

    Returns:
        Tensor: like ``phi``, in (0, 1).
    """
    return torch.sigmoid(phi * (_STEEPNESS / truncate))


@torch.no_grad()
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
    _check_masks(mask)
    if present is None:
        present = torch.ones(mask.shape[:2], dtype=torch.bool, device=mask.device)
    if present.shape != mask.shape[:2]:
        raise ValueError(
            f'present has shape {tuple(present.shape)}, expected {tuple(mask.shape[:2])}: one '
            'value per image and class of mask.'
        )
    present = present.to(device=mask.device, dtype=torch.bool)

    out = signed_edt(mask.flatten(0, 1), present.flatten(), False).view(mask.shape)
    if subpixel:
        # Every real distance is shorter than H + W, the value of masks without a boundary.
        out -= 0.5 * out.sign() * (out.abs() < sum(mask.shape[-2:]))
    if truncate is not None:
        out.clamp_(-truncate, truncate)
    return out if inside == 'positive' else out.neg_()


def valid_masks(mask: Tensor) -> Tensor:
    """Tell which masks have a boundary, i.e. at least one pixel inside and one outside.

    Args:
        mask (Tensor): bool, (N, C, H, W).

    Returns:
        Tensor: bool, (N, C).

    Raises:
        ValueError: if ``mask`` is not a bool tensor with four dimensions.
    """
    _check_masks(mask)
    flat = mask.flatten(2)
    return flat.any(dim=2) & ~flat.all(dim=2)


@torch.no_grad()
def squared_distance(mask: Tensor) -> Tensor:
    """Exact squared Euclidean distance of every pixel to the nearest true pixel (eq 11, squared).

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
    planes = mask.reshape(-1, *mask.shape[-2:])
    present = torch.ones(len(planes), dtype=torch.bool, device=mask.device)
    return signed_edt(planes, present, True).neg_().clamp_min_(0).view(mask.shape)


@accelerated(edt.signed_edt, edt.usable)
def signed_edt(mask: Tensor, present: Tensor, squared: bool) -> Tensor:
    """Signed distances of present planes.

    Both signs need one pass: with g the distance along the row to the nearest pixel of the other
    value, and v the one along the column, the squared distance at row i is
    min(v^2, min_k g_k^2 + (i - k)^2). A row k where the pixel has the other value adds nothing
    wrong, because its distance is not below v^2. The minimum over k shifts by 1, 2, ... rows.

    Args:
        mask (Tensor): bool, (P, H, W), true inside.
        present (Tensor): bool, (P,); planes that are not present are filled with 0.
        squared (bool): return squared distances instead.

    Returns:
        Tensor: (P, H, W), positive inside; float32 in pixels, or int32 in square pixels. An empty
        plane is -(H + W) everywhere, a full one H + W, or minus and plus its square.
    """
    far = sum(mask.shape[1:])
    row = _runs(mask, far).square_()
    best = torch.minimum(row, _runs(mask.mT, far).mT.square())
    for shift in range(1, mask.shape[1]):
        square = shift * shift
        torch.minimum(best[:, shift:], row[:, :-shift] + square, out=best[:, shift:])
        torch.minimum(best[:, :-shift], row[:, shift:] + square, out=best[:, :-shift])
    # In double: the float32 square root of torch on the CPU is not always the nearest number.
    best = best if squared else best.double().sqrt().float()
    return torch.where(mask, best, -best) * present[:, None, None]


def _runs(mask: Tensor, far: int) -> Tensor:
    """Distance along the last axis to the nearest pixel of the other value, int32, at most far."""
    index = torch.arange(mask.shape[-1], dtype=torch.int32, device=mask.device)
    change = mask[..., 1:] != mask[..., :-1]
    left = F.pad(torch.where(change, index[:-1], -far), (1, 0), value=-far)
    right = F.pad(torch.where(change, index[1:], 2 * far), (0, 1), value=2 * far)
    left = left.cummax(dim=-1).values
    right = right.flip(-1).cummin(dim=-1).values.flip(-1)
    return torch.minimum(index - left, right - index).clamp_max_(far)


def _check_masks(mask: Tensor) -> None:
    if mask.dim() != 4:
        raise ValueError(f'mask has shape {tuple(mask.shape)}, expected (N, C, H, W).')
    _check_bool(mask)


def _check_bool(mask: Tensor) -> None:
    if mask.dtype != torch.bool:
        raise ValueError(
            f'mask has dtype {mask.dtype}, expected torch.bool: compare with a threshold first, '
            'for example with cam_masks.'
        )

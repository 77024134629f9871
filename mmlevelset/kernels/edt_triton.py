"""Signed Euclidean distance on the GPU: two Triton kernels, brute force in registers.

Checked against SciPy in Triton's interpreter (TRITON_INTERPRET=1), not yet on a GPU.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

# Elements of one tile: 16 int32 registers of each of the 128 threads of a program.
_TILE = 2048


@triton.jit
def _minimum(a, b):
    return tl.minimum(a, b)


@triton.jit
def _maximum(a, b):
    return tl.maximum(a, b)


@triton.jit
def _runs(mask, before, after, inside, index, length, far, axis: tl.constexpr):
    """Distance along an axis to the nearest pixel of the other value, at most far."""
    changed_before = (mask != before) & (index > 0) & inside
    changed_after = (mask != after) & (index < length - 1) & inside
    left = tl.associative_scan(tl.where(changed_before, index - 1, -far), axis, _maximum)
    right = tl.associative_scan(
        tl.where(changed_after, index + 1, length + far), axis, _minimum, reverse=True
    )
    return tl.minimum(tl.minimum(index - left, right - index), far)


@triton.jit
def _row_kernel(
    mask_ptr, present_ptr, row_ptr, rows, height, width, ROWS: tl.constexpr, COLUMNS: tl.constexpr
):
    """Squared distances along the rows of present planes; (H + W)^2 in rows of one value."""
    row = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)[:, None]
    x = tl.arange(0, COLUMNS)[None, :]
    present = tl.load(present_ptr + row // height, mask=row < rows, other=0) != 0
    inside = present & (x < width)
    at = row * width + x
    mask = tl.load(mask_ptr + at, mask=inside, other=0)
    before = tl.load(mask_ptr + at - 1, mask=inside & (x > 0), other=0)
    after = tl.load(mask_ptr + at + 1, mask=inside & (x < width - 1), other=0)
    run = _runs(mask, before, after, inside, x, width, height + width, 1)
    tl.store(row_ptr + at, run * run, mask=inside)


@triton.jit
def _column_kernel(
    mask_ptr,
    present_ptr,
    row_ptr,
    out_ptr,
    height,
    width,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    SQUARED: tl.constexpr,
):
    """All rows of some columns of a plane: min over k of row[k] + (y - k)^2, in registers."""
    plane = tl.program_id(0).to(tl.int64)
    y = tl.arange(0, ROWS)[:, None]
    x = (tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS))[None, :]
    inside = (y < height) & (x < width)
    base = plane * height * width
    at = base + y * width + x
    if tl.load(present_ptr + plane) != 0:
        mask = tl.load(mask_ptr + at, mask=inside, other=0)
        before = tl.load(mask_ptr + at - width, mask=inside & (y > 0), other=0)
        after = tl.load(mask_ptr + at + width, mask=inside & (y < height - 1), other=0)
        run = _runs(mask, before, after, inside, y, height, height + width, 0)
        best = run * run
        for k in range(height):
            row = tl.load(row_ptr + base + k * width + x, mask=x < width, other=0)
            best = tl.minimum(best, row + (y - k) * (y - k))
        sign = tl.where(mask != 0, 1, -1)
        if SQUARED:
            tl.store(out_ptr + at, sign * best, mask=inside)
        else:
            distance = tl.sqrt_rn(best.to(tl.float32))
            tl.store(out_ptr + at, sign.to(tl.float32) * distance, mask=inside)
    else:
        tl.store(out_ptr + at, tl.zeros((ROWS, COLUMNS), tl.int32), mask=inside)


def signed_edt(mask: Tensor, present: Tensor, squared: bool) -> Tensor:
    """Signed distance of every pixel to the nearest pixel of the other value, without a host sync.

    Args:
        mask (Tensor): bool, (P, H, W), true inside.
        present (Tensor): bool, (P,); planes that are not present are filled with 0.
        squared (bool): return squared distances instead.

    Returns:
        Tensor: (P, H, W), positive inside; float32 in pixels, or int32 in square pixels. An empty
        plane is -(H + W) everywhere, a full one H + W, or minus and plus its square.
    """
    mask, present = mask.contiguous().view(torch.uint8), present.contiguous().view(torch.uint8)
    planes, height, width = mask.shape
    row = torch.empty(mask.shape, dtype=torch.int32, device=mask.device)
    out = torch.empty_like(row, dtype=torch.int32 if squared else torch.float32)
    if not out.numel():
        return out
    tall, wide = triton.next_power_of_2(height), triton.next_power_of_2(width)
    rows, columns = max(1, _TILE // wide), min(wide, max(1, _TILE // tall))
    _row_kernel[(triton.cdiv(planes * height, rows),)](
        mask, present, row, planes * height, height, width, rows, wide
    )
    _column_kernel[(planes, triton.cdiv(width, columns))](
        mask, present, row, out, height, width, tall, columns, squared
    )
    return out

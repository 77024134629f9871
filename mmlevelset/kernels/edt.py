"""Signed Euclidean distance on the CPU by the compiled library of edt.cpp, where it was built."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from mmlevelset.kernels import native

# Longer sides would overflow the 16 bit run lengths of edt.cpp (kFar).
_MAX_SIDE = (1 << 14) - 1
# Planes smaller than this together are not worth waking a second thread for.
_PIXELS_PER_THREAD = 1 << 14


@functools.cache
def library() -> Callable | None:
    """Load the compiled function, once.

    Returns:
        Callable | None: the function, or None where ``pip install`` could not build it.
    """
    loaded = native.load('_edt', ['mmlevelset_signed_edt_1'])
    if loaded is None:
        return None
    function = loaded.mmlevelset_signed_edt_1
    pointer, integer = ctypes.c_void_p, ctypes.c_int64
    function.argtypes = [pointer] * 3 + [integer] * 3 + [ctypes.c_int] * 2
    function.restype = ctypes.c_int
    return function


def usable(mask: Tensor) -> bool:
    """Tell whether :func:`signed_edt` can take this mask."""
    return mask.device.type == 'cpu' and max(mask.shape[-2:]) <= _MAX_SIDE and library() is not None


@torch.compiler.disable
def signed_edt(mask: Tensor, present: Tensor, squared: bool) -> Tensor:
    """Signed distance of every pixel to the nearest pixel of the other value.

    One pass for both signs, on ``torch.get_num_threads()`` threads; see ``levelset/sdf.py``.

    Args:
        mask (Tensor): bool, (P, H, W), on the CPU, true inside; sides up to 16383 pixels.
        present (Tensor): bool, (P,); planes that are not present are filled with 0.
        squared (bool): return squared distances instead.

    Returns:
        Tensor: (P, H, W), positive inside; float32 in pixels, or int32 in square pixels. An empty
        plane is -(H + W) everywhere, a full one H + W, or minus and plus its square.

    Raises:
        MemoryError: if the buffers of one plane cannot be allocated.
    """
    mask, present = mask.contiguous(), present.contiguous()
    # NumPy's large arrays lie in huge pages, five times faster to touch first than the pages of
    # torch.empty, and zeros that nobody reads, the planes that are not present, cost no time.
    out = torch.from_numpy(np.zeros(mask.shape, np.int32 if squared else np.float32))
    if not out.numel():
        return out
    threads = min(torch.get_num_threads(), len(mask), mask.numel() // _PIXELS_PER_THREAD)
    pointers = mask.data_ptr(), present.data_ptr(), out.data_ptr()
    if library()(*pointers, *mask.shape, int(squared), max(threads, 1)):
        raise MemoryError(f'no memory for the buffers of a plane of {tuple(mask.shape[1:])} pixels')
    return out

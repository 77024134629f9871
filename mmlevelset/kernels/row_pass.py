"""One pass over the maps per layer of the operator: the compiled library of row_pass.cpp.

Coefficients of rows are real transforms along the rows alone, (h, 2 Q, N, C): cosine and -sine.
``cols`` is their basis, (2 Q, w), see :class:`mmlevelset.kernels.spectral_dft.Basis`.
"""

from __future__ import annotations

import ctypes
import functools

import torch
from torch import Tensor

from mmlevelset.kernels import native

# Smaller maps stay in the cache anyway and plain torch is as fast: a group of 20 classes took 1.5 times
# as long with torch at 1 x 448^2, 1.15 at 2 x 224^2, 1.05 at 8 x 112^2, 0.9 at 64 x 28^2 (EPYC).
_MIN_PIXELS = 1 << 14
# Maps smaller than this together are not worth waking a second thread for.
_PIXELS_PER_THREAD = 1 << 14


@functools.cache
def library() -> ctypes.CDLL | None:
    """Load the compiled functions, once.

    Returns:
        ctypes.CDLL | None: the library, or None where ``pip install`` could not build it or the
        processor lacks its instructions.
    """
    # Without fused multiply-add plain torch is faster: 75 instead of 107 ms for 20 maps of 448 x 448.
    if torch.backends.cpu.get_cpu_capability() not in ('AVX2', 'AVX512'):
        return None
    names = 'mmlevelset_row_forward_1', 'mmlevelset_row_backward_1'
    loaded = native.load('_row_pass', names)
    if loaded is None:
        return None
    for name, pointers in zip(names, (7, 9), strict=True):
        function = getattr(loaded, name)
        function.argtypes = [ctypes.c_void_p] * pointers + [ctypes.c_int]
        function.argtypes += [ctypes.c_int64 * 6, ctypes.c_int]
    return loaded


def usable(x: Tensor) -> bool:
    """Tell whether the functions below can take maps like x."""
    return (
        x.dtype == torch.float32
        and x.device.type == 'cpu'
        and x.numel() > 0
        and x.shape[-2:].numel() >= _MIN_PIXELS
        and not torch.compiler.is_compiling()
        and library() is not None
    )


def forward(
    x: Tensor,
    weight: Tensor,
    waves: Tensor,
    cols: Tensor,
    skip: Tensor | None,
    gelu: bool,
    ahead: bool,
    out: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:
    """out = sigma(skip + weight x + synthesis of ``waves``) and the analysis of out.

    Args:
        x (Tensor): (N, K, h, w), contiguous.
        weight (Tensor): 1x1 convolution, (C, K).
        waves (Tensor): coefficients of rows, (h, 2 Q, N, C).
        cols (Tensor): basis, (2 Q, w).
        skip (Tensor, optional): (N, C, h, w); not with ``gelu`` or ``ahead``.
        gelu (bool): sigma is GELU instead of nothing.
        ahead (bool): analyse the result.
        out (Tensor, optional): place for the result, contiguous; may be x.

    Returns:
        tuple[Tensor, Tensor | None]: (N, C, h, w) and its coefficients, (h, 2 Q, N, C).
    """
    assert skip is None or not (gelu or ahead)  # its gradient is that of the result
    batch, inputs, height, width = x.shape
    if out is None:
        out = native.empty(batch, len(weight), height, width)
    columns = torch.empty_like(waves) if ahead else None
    tensors = x, weight.contiguous(), waves, cols, skip, out, columns
    sizes = batch, inputs, len(weight), height, width, len(cols)
    _call(library().mmlevelset_row_forward_1, tensors, gelu, sizes)
    return out, columns


def backward(
    x: Tensor,
    weight: Tensor,
    waves: Tensor,
    cols: Tensor,
    grad: Tensor,
    grad_columns: Tensor | None,
    gelu: bool,
    wants_x: bool,
) -> tuple[Tensor | None, Tensor, Tensor]:
    """Gradients of :func:`forward`, which computes its result before GELU again.

    Args:
        x, weight, waves, cols, gelu: of :func:`forward`.
        grad (Tensor): gradient of its result, (N, C, h, w), contiguous.
        grad_columns (Tensor, optional): gradient of its coefficients, (h, 2 Q, N, C).
        wants_x (bool): compute the gradient of x.

    Returns:
        tuple[Tensor | None, Tensor, Tensor]: gradients of x (N, K, h, w), of ``waves``
        (h, 2 Q, N, C) and of ``weight`` (C, K).
    """
    batch, inputs, height, width = x.shape
    grad_x = native.empty(*x.shape) if wants_x else None
    grad_waves = torch.empty_like(waves)
    threads = _threads(batch * height * width)
    grad_weight = weight.new_empty(threads, *weight.shape)
    tensors = x, weight.contiguous(), waves, cols, grad, grad_columns
    tensors += grad_x, grad_waves, grad_weight
    sizes = batch, inputs, len(weight), height, width, len(cols)
    _call(library().mmlevelset_row_backward_1, tensors, gelu, sizes)
    return grad_x, grad_waves, grad_weight.sum(dim=0)


def _threads(pixels: int) -> int:
    return max(1, min(torch.get_num_threads(), pixels // _PIXELS_PER_THREAD))


def _call(
    function: ctypes._CFuncPtr, tensors: tuple[Tensor | None, ...], gelu: bool, sizes: tuple
) -> None:
    batch, *_, height, width, _ = sizes
    pointers = (None if t is None else t.data_ptr() for t in tensors)
    if function(*pointers, gelu, (ctypes.c_int64 * 6)(*sizes), _threads(batch * height * width)):
        raise MemoryError(f'no memory for the buffers of a row of {width} pixels')

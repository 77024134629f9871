"""Truncated real Fourier transform by matrix products, and products per frequency.

Coefficients have the layout (2, P, Q, N, C): real and imaginary part; rows p = 0 .. m - 1,
-m .. -1 and columns q = 0 .. m - 1 as far as the map has them; images; channels. Frequencies come
first, so that a matrix per frequency is one batched product and a matrix for all is ``F.linear``;
the transform writes this layout without a copy. It is scaled by 1 / sqrt(h w), which makes
``synthesise`` the transpose of ``analyse`` and each the backward pass of the other; y =
synthesise(D analyse(x)) is the low-pass of x, where D counts the columns that stand for q and -q.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# From this height on a map is first reduced to the cosine and sine of its rows: 3.8 + 0.2 instead
# of 6.1 + 0.2 ms for 20 maps of 448 x 448, 2.2 + 0.3 instead of 3.2 + 0.3 for 160 of 112 x 112,
# but 1.9 + 0.8 instead of 1.4 + 1.0 for 1280 of 28 x 28 (EPYC, one thread).
_HALVE_ROWS = 64


class Basis(NamedTuple):
    """Constant matrices of one map size and number of modes.

    ``rows`` leads from the rows of the map, or from those that ``half`` leaves, to the parts of
    2 P coefficients: (2, 2 P, H), one matrix for the real and one for the imaginary columns.
    """

    height: int
    width: int
    half: Tensor | None  # cosine and sine of p = 0 .. max |p|, (2 K, H)
    rows: Tensor
    cols: Tensor  # cosine and -sine, (2 Q, W)
    multiplicity: Tensor  # D, (Q, 1): 2, but 1 for q = 0 and the Nyquist column
    positive: int  # rows p >= 0
    negative: int  # rows p < 0


@lru_cache(maxsize=64)
def fourier_basis(
    height: int, width: int, modes: int, device: torch.device, dtype: torch.dtype
) -> Basis:
    """Basis of maps of height x width for the frequencies |p| <= modes, q < modes."""
    # A basis made inside inference_mode could never be used for training afterwards.
    with torch.inference_mode(False), torch.no_grad():
        # p = H / 2 counts as negative, like fftfreq
        positive, negative = min(modes, (height + 1) // 2), min(modes, height // 2)
        p = torch.cat([torch.arange(positive), torch.arange(-negative, 0)])
        half, (cos, sin) = None, _waves(p, height)
        if height >= _HALVE_ROWS:
            k = torch.arange(max(positive, negative + 1))
            half = torch.cat(_waves(k, height))
            same = (p.abs()[:, None] == k).double()
            zero = torch.zeros_like(same)
            cos, sin = torch.cat([same, zero], 1), torch.cat([zero, same * p.sign()[:, None]], 1)
        # exp(-i t) (a + i b) = (cos a + sin b) + i (cos b - sin a)
        rows = torch.stack([torch.cat([cos, -sin]), torch.cat([sin, cos])]) / math.sqrt(height)
        q = torch.arange(min(modes, width // 2 + 1))
        cos, sin = _waves(q, width)
        cols = torch.cat([cos, -sin]) / math.sqrt(width)
        multiplicity = torch.where(2 * q % width == 0, 1.0, 2.0)[:, None]
        half, rows, cols, multiplicity = (
            t if t is None else t.to(device=device, dtype=dtype)
            for t in (half, rows, cols, multiplicity)
        )
        return Basis(height, width, half, rows, cols, multiplicity, positive, negative)


def _waves(frequency: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """cos and sin of 2 pi k n / size, (K, size) float64; reduced modulo one turn to stay exact."""
    turns = frequency[:, None] * torch.arange(size) % size
    angle = turns.double() * (2 * math.pi / size)
    return angle.cos(), angle.sin()


def analyse(x: Tensor, basis: Basis) -> Tensor:
    """Coefficients (2, P, Q, N, C) of x (N, C, h, w)."""
    batch, channels = x.shape[:2]
    if basis.half is not None:
        maps = x.reshape(batch * channels, basis.height, basis.width)
        x = torch.bmm(basis.half.expand(len(maps), -1, -1), maps)
    x = torch.mm(basis.cols, x.reshape(-1, basis.width).t())
    real, imag = x.view(2, -1, basis.rows.shape[2])
    x = torch.mm(basis.rows[0], real.t()).addmm_(basis.rows[1], imag.t())
    return x.view(2, basis.rows.shape[1] // 2, -1, batch, channels)


def synthesise(coefficients: Tensor, basis: Basis, base: Tensor | None = None) -> Tensor:
    """Maps (N, C, h, w) of coefficients (2, P, Q, N, C); added to ``base`` in place if given."""
    batch, channels = coefficients.shape[3:]
    if base is None:
        base = coefficients.new_zeros(batch, channels, basis.height, basis.width)
    y = coefficients.reshape(1, basis.rows.shape[1], -1).transpose(1, 2).expand(2, -1, -1)
    y = torch.bmm(y, basis.rows).view(basis.cols.shape[0], -1).t()
    if basis.half is None:
        base.view(-1, basis.width).addmm_(y, basis.cols)
    else:
        y = torch.mm(y, basis.cols).view(batch * channels, -1, basis.width)
        maps = base.view(batch * channels, basis.height, basis.width)
        maps.baddbmm_(basis.half.t().expand(len(y), -1, -1), y)
    return base


class Analysis(torch.autograd.Function):
    """:func:`analyse`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, basis: Basis) -> Tensor:
        ctx.basis = basis
        return analyse(x, basis)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return synthesise(grad, ctx.basis), None


class Synthesis(torch.autograd.Function):
    """:func:`synthesise`."""

    @staticmethod
    def forward(ctx: Any, coefficients: Tensor, basis: Basis) -> Tensor:
        ctx.basis = basis
        return synthesise(coefficients, basis)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return analyse(grad, ctx.basis), None


class LocalAnalysis(torch.autograd.Function):
    """``analyse(x)`` and weight x, so that both gradients of x meet in one buffer."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, basis: Basis) -> tuple[Tensor, Tensor]:
        """x (N, K, h, w), weight (C, K) to (2, P, Q, N, K) and (N, C, h w)."""
        ctx.basis = basis
        ctx.save_for_backward(x, weight)
        return analyse(x, basis), _pointwise(weight, x.flatten(2))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, grad_local: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = synthesise(grad, ctx.basis, _pointwise(weight.t(), grad_local)).view(x.shape)
        grad_weight = torch.bmm(grad_local, x.flatten(2).transpose(1, 2)).sum(dim=0)
        return grad_x, grad_weight, None


class AddSynthesis(torch.autograd.Function):
    """base + ``synthesise(coefficients)``, in the buffer of base (N, C, h w)."""

    @staticmethod
    def forward(ctx: Any, coefficients: Tensor, base: Tensor, basis: Basis) -> Tensor:
        ctx.basis = basis
        ctx.mark_dirty(base)
        return synthesise(coefficients, basis, base)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        grad = grad.contiguous()
        return analyse(grad.unflatten(2, (ctx.basis.height, ctx.basis.width)), ctx.basis), grad, None


def _pointwise(weight: Tensor, x: Tensor) -> Tensor:
    """1x1 convolution of x (N, K, h w); conv2d takes ten times as long on CPU for 64 x 20 maps."""
    return torch.bmm(weight.expand(len(x), -1, -1), x)


class DiagonalProduct(torch.autograd.Function):
    """R X of every channel and frequency; X (2, P, Q, N, C), R (2, P, Q, C)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight[..., None, :])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        return _product(grad, weight[..., None, :], -1), _product(grad, x, -1).sum(dim=-2)


def _product(x: Tensor, y: Tensor, sign: int = 1) -> Tensor:
    """Complex x y, or x conj(y) for sign -1."""
    (a, b), (c, d) = x, y
    return torch.stack([(a * c).addcmul_(b, d, value=-sign), (b * c).addcmul_(a, d, value=sign)])


class FullProduct(torch.autograd.Function):
    """R X of every frequency; X (2, P, Q, N, C), R (2, P, Q, C, C)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        (a, b), (c, d) = x.flatten(1, 2), weight.flatten(1, 2).transpose(2, 3)
        return _matrix_product(a, b, c, d).view(x.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        (a, b), (c, d), (e, f) = (t.flatten(1, 2) for t in (x, weight, grad))
        grad_x = _matrix_product(e, f, c, d, -1).view(x.shape)
        e, f = e.transpose(1, 2), f.transpose(1, 2)
        return grad_x, _matrix_product(e, f, a, b, -1).view(weight.shape)


def _matrix_product(a: Tensor, b: Tensor, c: Tensor, d: Tensor, sign: int = 1) -> Tensor:
    """(a + i b) (c + i d), or (a + i b) (c - i d) for sign -1; batches of matrices."""
    real = torch.bmm(a, c).baddbmm_(b, d, alpha=-sign)
    return torch.stack([real, torch.bmm(b, c).baddbmm_(a, d, alpha=sign)])


class FrequencyFirst(torch.autograd.Function):
    """(..., 2, P, Q) to (2, P, Q, ...)."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor) -> Tensor:
        ctx.shape = weight.shape
        lead, frequencies = weight.shape[:-3], weight.shape[-3:]
        return weight.reshape(-1, frequencies.numel()).t().contiguous().view(*frequencies, *lead)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad.flatten(3).flatten(0, 2).t().contiguous().view(ctx.shape)

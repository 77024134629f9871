"""Truncated real Fourier transform by matrix products, and products per frequency.

Coefficients have the layout (2, 2, P, Q, N, C): real and imaginary part; sign of p; |p|; q; images;
channels. Frequencies come first, so that a matrix per frequency is one batched product and a matrix
for all is ``F.linear``. p = -0 and the |p| and q that only one sign or a larger map has are not
used: their weights are zero.
Everything is scaled by 1 / sqrt(h w), which makes ``synthesise`` the transpose of ``analyse`` and
each the backward pass of the other. ``synthesise(D analyse(x))`` is the low-pass of x, where D
counts the columns that stand for q and -q; D goes into the weights.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# From this height on the rows are transformed first: 3.8 instead of 6.1 ms for 20 maps of
# 448 x 448, but 1.9 instead of 1.4 ms for 1280 of 28 x 28 (EPYC, MKL, one thread).
_ROWS_FIRST = 64


class Basis(NamedTuple):
    """Constants of one map size and number of modes."""

    height: int
    width: int
    rows: Tensor  # cosine and sine of |p|, (2 P, H)
    cols: Tensor  # cosine and -sine of q, (2 Q, W)
    gather: tuple[Tensor, Tensor]  # place in (2, 2 m, m) of each (2, 2, P, Q), and D or 0, (., 1)
    scatter: tuple[Tensor, Tensor]  # the same the other way round


def fourier_basis(
    height: int, width: int, modes: int, device: torch.device, dtype: torch.dtype
) -> Basis:
    """Basis of maps of height x width for the frequencies -modes <= p < modes, q < modes."""
    if torch.compiler.is_compiling():  # tensors of a graph must not be kept beyond it
        return _build(height, width, modes, device, dtype)
    return _kept(height, width, modes, device, dtype)


@lru_cache(maxsize=64)
def _kept(*key: Any) -> Basis:
    # A basis made inside inference_mode could never be used for training afterwards.
    with torch.inference_mode(False):
        return _build(*key)


def _build(height: int, width: int, modes: int, device: torch.device, dtype: torch.dtype) -> Basis:
    # p = H / 2 counts as negative, like fftfreq
    positive, negative = min(modes, (height + 1) // 2), min(modes, height // 2)
    p, q = torch.arange(max(positive, negative + 1)), torch.arange(min(modes, width // 2 + 1))
    cos, sin = _waves(p, height)
    rows = torch.cat([cos, sin])
    cos, sin = _waves(q, width)
    cols = torch.cat([cos, -sin])
    # A real map has q and -q; only q = 0 and the Nyquist column stand for themselves.
    multiplicity = torch.where(2 * q % width == 0, 1.0, 2.0)

    part = torch.arange(2)[:, None, None]
    used = torch.stack([p < positive, (p > 0) & (p <= negative)])
    row = torch.stack([p.clamp(max=modes - 1), (2 * modes - p) % (2 * modes)])
    place = (part[..., None] * 2 * modes + row[..., None]) * modes + q
    factor = (used[..., None] * multiplicity).expand(2, -1, -1, -1)
    gather = place.flatten(), factor.reshape(-1, 1)

    row, q = torch.arange(2 * modes)[:, None], torch.arange(modes)
    sign = (row >= modes).long()
    p = torch.where(row < modes, row, 2 * modes - row)
    known = (p < used.shape[1]) & (q < len(multiplicity))
    p, q = p.clamp(max=used.shape[1] - 1), q.clamp(max=len(multiplicity) - 1)
    place = ((part * 2 + sign) * used.shape[1] + p) * len(multiplicity) + q
    factor = (known * used[sign, p] * multiplicity[q]).expand(2, -1, -1)
    scatter = place.flatten(), factor.reshape(-1, 1)

    rows, cols = (t.to(device=device, dtype=dtype) for t in (rows, cols))
    gather, scatter = (
        (place.to(device), factor.to(device=device, dtype=dtype))
        for place, factor in (gather, scatter)
    )
    return Basis(height, width, rows, cols, gather, scatter)


def _waves(frequency: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """cos and sin of 2 pi k n / size, over sqrt(size), (K, size) float64."""
    # reduced modulo one turn to stay exact
    turns = frequency[:, None] * torch.arange(size) % size
    angle = turns.double() * (2 * math.pi / size)
    return angle.cos() / math.sqrt(size), angle.sin() / math.sqrt(size)


def analyse(x: Tensor, basis: Basis) -> Tensor:
    """Coefficients (2, 2, P, Q, N, C) of x (N, C, h, w)."""
    if basis.height < _ROWS_FIRST:
        out = torch.mm(basis.cols, x.reshape(-1, basis.width).t())
        out = torch.mm(basis.rows, out.view(-1, basis.height).t())
    else:
        maps = x.reshape(-1, basis.height, basis.width)
        out = torch.bmm(basis.rows.expand(len(maps), -1, -1), maps)
        out = torch.mm(basis.cols, out.view(-1, basis.width).t())
        out = out.view(-1, len(basis.rows)).t()
    return _fold(out.unflatten(1, (2, -1, *x.shape[:2])).unflatten(0, (2, -1)))


def synthesise(coefficients: Tensor, basis: Basis, base: Tensor | None = None) -> Tensor:
    """Maps (N, C, h, w) of coefficients (2, 2, P, Q, N, C); added to ``base`` in place if given."""
    batch, channels = coefficients.shape[4:]
    if base is None:
        base = coefficients.new_zeros(batch, channels, basis.height, basis.width)
    y = _unfold(coefficients).view(len(basis.rows), -1).t()
    if basis.height < _ROWS_FIRST:
        y = torch.mm(y, basis.rows).view(len(basis.cols), -1).t()
        base.view(-1, basis.width).addmm_(y, basis.cols)
    else:
        y = y.reshape(len(basis.cols), -1).t()
        y = torch.mm(y, basis.cols).view(batch * channels, -1, basis.width)
        maps = base.view(batch * channels, basis.height, basis.width)
        maps.baddbmm_(basis.rows.t().expand(len(y), -1, -1), y)
    return base


def analyse_rows(columns: Tensor, basis: Basis) -> Tensor:
    """Coefficients (2, 2, P, Q, N, C) of the coefficients of rows (h, 2 Q, N, C)."""
    out = torch.mm(basis.rows, columns.view(basis.height, -1))
    return _fold(out.view(2, -1, 2, len(basis.cols) // 2, *columns.shape[2:]))


def synthesise_rows(coefficients: Tensor, basis: Basis) -> Tensor:
    """Transpose of :func:`analyse_rows`."""
    out = torch.mm(basis.rows.t(), _unfold(coefficients).view(len(basis.rows), -1))
    return out.view(basis.height, len(basis.cols), *coefficients.shape[4:])


def _fold(x: Tensor) -> Tensor:
    """Cosine and sine rows (2, P, 2, Q, N, C) to X(+p) = c - i s and X(-p) = c + i s."""
    (a, b), (c, d) = (part.unbind(dim=1) for part in x)
    out = x.new_empty(2, 2, x.shape[1], *x.shape[3:])
    # not out=, which torch.export cannot trace
    out[0, 0].copy_(a).add_(d)
    out[0, 1].copy_(a).sub_(d)
    out[1, 0].copy_(b).sub_(c)
    out[1, 1].copy_(b).add_(c)
    return out


def _unfold(x: Tensor) -> Tensor:
    """Transpose of :func:`_fold`: c = Y(+p) + Y(-p), s = i (Y(+p) - Y(-p))."""
    (a, b), (c, d) = x
    out = x.new_empty(2, x.shape[2], 2, *x.shape[3:])
    out[0, :, 0].copy_(a).add_(b)
    out[0, :, 1].copy_(c).add_(d)
    out[1, :, 0].copy_(d).sub_(c)
    out[1, :, 1].copy_(a).sub_(b)
    return out


class Analysis(torch.autograd.Function):
    """:func:`analyse`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, basis: Basis) -> Tensor:
        """x (N, C, h, w) to (2, 2, P, Q, N, C)."""
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
        """Coefficients (2, 2, P, Q, N, C) to (N, C, h, w)."""
        ctx.basis = basis
        return synthesise(coefficients, basis)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return analyse(grad, ctx.basis), None


class DiagonalProduct(torch.autograd.Function):
    """R X of every channel and frequency; X (2, ..., N, C), R (2, ..., C)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        """X (2, 2, P, Q, N, C), R (2, 2, P, Q, C) to (2, 2, P, Q, N, C)."""
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
    """R X of every frequency; X (2, ..., N, C), R (2, ..., C, C)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        """X (2, 2, P, Q, N, C), R (2, 2, P, Q, C, C) to (2, 2, P, Q, N, C)."""
        ctx.save_for_backward(x, weight)
        (a, b), (c, d) = x.flatten(1, 3), weight.flatten(1, 3).transpose(2, 3)
        return _matrix_product(a, b, c, d).view(x.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        (a, b), (c, d), (e, f) = (t.flatten(1, 3) for t in (x, weight, grad))
        grad_x = _matrix_product(e, f, c, d, -1).view(x.shape)
        e, f = e.transpose(1, 2), f.transpose(1, 2)
        return grad_x, _matrix_product(e, f, a, b, -1).view(weight.shape)


def _matrix_product(a: Tensor, b: Tensor, c: Tensor, d: Tensor, sign: int = 1) -> Tensor:
    """(a + i b) (c + i d), or (a + i b) (c - i d) for sign -1; batches of matrices."""
    real = torch.bmm(a, c).baddbmm_(b, d, alpha=-sign)
    return torch.stack([real, torch.bmm(b, c).baddbmm_(a, d, alpha=sign)])


class Weights(torch.autograd.Function):
    """D R of the frequencies of a map: R (..., 2, 2 m, m) to (2, 2, P, Q, ...)."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, basis: Basis) -> Tensor:
        """R (..., 2, 2 m, m) to (2, 2, P, Q, ...)."""
        ctx.shape, ctx.basis = weight.shape, basis
        place, factor = basis.gather
        weight = weight.reshape(-1, weight.shape[-3:].numel()).t().contiguous()
        weight = weight.index_select(0, place).mul_(factor)
        return weight.view(2, 2, len(basis.rows) // 2, -1, *ctx.shape[:-3])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        place, factor = ctx.basis.scatter
        grad = grad.reshape(len(ctx.basis.gather[0]), -1).index_select(0, place).mul_(factor)
        return grad.t().contiguous().view(ctx.shape), None

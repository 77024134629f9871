"""Maps of one layer of the operator: 1x1 convolution, transforms and GELU, with few passes over them.

:class:`FusedLayer` is one compiled pass over the maps; :class:`LocalAnalysis` and :class:`AddSynthesis`
compute the same in plain torch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mmlevelset.kernels import row_pass
from mmlevelset.kernels.spectral_dft import (
    Basis,
    analyse,
    analyse_rows,
    synthesise,
    synthesise_rows,
)


class FusedLayer(torch.autograd.Function):
    """sigma(skip + weight x + ``synthesise(coefficients)``) and its ``analyse``, by ``row_pass``."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        coefficients: Tensor,
        skip: Tensor | None,
        basis: Basis,
        gelu: bool,
        ahead: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """x (N, K, h, w), weight (C, K), coefficients (2, 2, P, Q, N, C), skip (N, C, h, w) to
        (N, C, h, w) and (2, 2, P, Q, N, C); without ``ahead`` to (N, C, h, w) and None."""
        waves = synthesise_rows(coefficients, basis)
        ctx.save_for_backward(x, weight, waves)
        ctx.basis, ctx.gelu = basis, gelu
        out, columns = row_pass.forward(x, weight, waves, basis.cols, skip, gelu, ahead)
        return out, analyse_rows(columns, basis) if ahead else None

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, grad_ahead: Tensor | None) -> tuple[Tensor | None, ...]:
        basis, grad = ctx.basis, grad.contiguous()
        grad_columns = None if grad_ahead is None else synthesise_rows(grad_ahead, basis)
        grad_x, grad_waves, grad_weight = row_pass.backward(
            *ctx.saved_tensors, basis.cols, grad, grad_columns, ctx.gelu, ctx.needs_input_grad[0]
        )
        grad_skip = grad if ctx.needs_input_grad[3] else None
        grad_coefficients = analyse_rows(grad_waves, basis)
        return grad_x, grad_weight, grad_coefficients, grad_skip, None, None, None


def fused_layer(
    x: Tensor,
    weight: Tensor,
    coefficients: Tensor,
    skip: Tensor | None,
    basis: Basis,
    gelu: bool,
    ahead: bool,
    out: Tensor | None,
) -> tuple[Tensor, Tensor | None]:
    """:class:`FusedLayer`; without gradients in the buffer ``out``, e.g. x, if its shape fits."""
    if torch.is_grad_enabled():
        return FusedLayer.apply(x, weight, coefficients, skip, basis, gelu, ahead)
    if out is not None and out.shape[1] != len(weight):
        out = None
    waves = synthesise_rows(coefficients, basis)
    out, columns = row_pass.forward(x, weight, waves, basis.cols, skip, gelu, ahead, out)
    return out, analyse_rows(columns, basis) if ahead else None


class LocalAnalysis(torch.autograd.Function):
    """``analyse(x)`` and weight x, so that both gradients of x meet in one buffer."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, basis: Basis) -> tuple[Tensor, Tensor]:
        """x (N, K, h, w), weight (C, K) to (2, 2, P, Q, N, K) and (N, C, h w)."""
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
        """Coefficients (2, 2, P, Q, N, C), base (N, C, h w) to (N, C, h w)."""
        ctx.basis = basis
        ctx.mark_dirty(base)
        return synthesise(coefficients, basis, base)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        grad = grad.contiguous()
        return (
            analyse(grad.unflatten(2, (ctx.basis.height, ctx.basis.width)), ctx.basis),
            grad,
            None,
        )


def _pointwise(weight: Tensor, x: Tensor) -> Tensor:
    """1x1 convolution of x (N, K, h w); conv2d takes ten times as long on CPU for 64 x 20 maps."""
    return torch.bmm(weight.expand(len(x), -1, -1), x)

"""Spectral convolution of a Fourier neural operator (eq 16)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mmlevelset.kernels.spectral_dft import (
    Analysis,
    Basis,
    DiagonalProduct,
    FullProduct,
    Synthesis,
    Weights,
    fourier_basis,
)


class SpectralConv2d(nn.Module):
    """Spectral convolution F^-1(R F(x)) on the lowest frequencies (eq 16).

    Equal to ``rfft2``, a product and ``irfft2`` with ``norm='forward'``, computed as truncated real
    DFT by matrix products: no complex numbers, any map size.
    The weights are real numbers indexed by frequency, rows p = 0 .. modes - 1, -modes .. -1 and
    columns q = 0 .. modes - 1. A small map uses the weights of the frequencies that it has, the
    Nyquist row once (as p = -H / 2, like ``fftfreq``), so no weight is used at two frequencies.

    Args:
        channels (int): input and output channels.
        modes (int): frequencies kept per direction, >= 1; 12 in section 4.1 of the paper.
        mixing (str): ``'diag'``, one multiplier per channel and frequency (R_i of eq 17), or
            ``'full'``, a channels x channels matrix per frequency.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(self, channels: int, modes: int, mixing: str = 'diag') -> None:
        super().__init__()
        if channels < 1 or modes < 1:
            raise ValueError(f'channels={channels}, modes={modes}, expected both >= 1.')
        if mixing not in ('diag', 'full'):
            raise ValueError(f"mixing is {mixing!r}, expected 'diag' or 'full'.")
        self.channels, self.modes, self.mixing = channels, modes, mixing
        lead = (channels,) if mixing == 'diag' else (channels, channels)  # (out, in) when full
        # Variance-preserving: E|R|^2 = 1 / fan_in, shared by real and imaginary part.
        scale = math.sqrt(0.5 / (1 if mixing == 'diag' else channels))
        self.weight = nn.Parameter(scale * torch.randn(*lead, 2, 2 * modes, modes))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve in Fourier space.

        Args:
            x (Tensor): (N, channels, h, w), any size >= 1x1.

        Returns:
            Tensor: (N, channels, h, w), in the dtype of the weights also under autocast.

        Raises:
            ValueError: if ``x`` does not have ``channels`` channels.
        """
        if x.dim() != 4 or x.shape[1] != self.channels:
            raise ValueError(f'x has shape {tuple(x.shape)}, expected (N, {self.channels}, h, w).')
        with torch.autocast(x.device.type, enabled=False):
            basis = self.basis(x)
            coefficients = Analysis.apply(x.to(self.weight.dtype), basis)
            return Synthesis.apply(self.mix(coefficients, basis), basis)

    def basis(self, x: Tensor) -> Basis:
        """Fourier basis for maps like x, (N, C, h, w)."""
        return fourier_basis(*x.shape[2:], self.modes, x.device, self.weight.dtype)

    def mix(self, coefficients: Tensor, basis: Basis) -> Tensor:
        """Multiply by R.

        Args:
            coefficients (Tensor): F(x), (2, 2, P, Q, N, channels), see ``kernels.spectral_dft``.
            basis (Basis): :meth:`basis` of x.

        Returns:
            Tensor: R F(x), like ``coefficients``. Entry [0, 0, 0, 0] is the mean of the output over
            the map times sqrt(h w).
        """
        product = DiagonalProduct if self.mixing == 'diag' else FullProduct
        return product.apply(coefficients, Weights.apply(self.weight, basis))

    def extra_repr(self) -> str:
        return f'{self.channels}, modes={self.modes}, mixing={self.mixing!r}'

"""Spectral convolution of a Fourier neural operator (eq 16)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ..kernels import dft
from ..kernels.dispatch import accelerated


class SpectralConv2d(nn.Module):
    """Spectral convolution F^-1(R F(x)) on the lowest frequencies (eq 16).

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

    def forward(self, x: Tensor, gate: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """Convolve in Fourier space.

        Args:
            x (Tensor): (N, channels, h, w), any size >= 1x1.
            gate (Callable, optional): maps the means over the map of the result, (N, channels), to
                factors w of its channels, (N, channels): the result is w F^-1(R F(x)).

        Returns:
            Tensor: (N, channels, h, w), in the dtype of the weights also under autocast.

        Raises:
            ValueError: if ``x`` does not have ``channels`` channels.
        """
        if x.dim() != 4 or x.shape[1] != self.channels:
            raise ValueError(f'x has shape {tuple(x.shape)}, expected (N, {self.channels}, h, w).')
        dtype = self.weight.dtype
        wide = torch.promote_types(dtype, torch.float32)  # FFTs of half precision do not exist
        weight = torch.view_as_complex(self.weight.to(wide).movedim(-3, -1).contiguous())
        weight = lowest(weight, x.shape[2:], self.modes)

        def multiply(spectrum: Tensor) -> Tensor:
            """w R F(x) of F(x), (N, channels, P, Q)."""
            if self.mixing == 'diag':
                spectrum = weight * spectrum
            else:
                spectrum = torch.einsum('oipq,nipq->nopq', weight, spectrum)
            if gate is None:
                return spectrum
            mean = spectrum[:, :, 0, 0].real  # frequency zero of a map is its mean
            return gate(mean.to(dtype)).to(wide)[:, :, None, None] * spectrum

        with torch.autocast(x.device.type, enabled=False):
            return filtered(x.to(wide), self.modes, multiply).to(dtype)

    def extra_repr(self) -> str:
        """Show the options where the module is printed."""
        return f'{self.channels}, modes={self.modes}, mixing={self.mixing!r}'


@accelerated(dft.filtered, dft.usable)
def filtered(x: Tensor, modes: int, multiply: Callable[[Tensor], Tensor]) -> Tensor:
    """F^-1(multiply(F(x))) on the lowest frequencies; all others become zero.

    Args:
        x (Tensor): (N, C, h, w), float32 or float64.
        modes (int): frequencies kept per direction.
        multiply (Callable): from the spectrum to that of the result, (N, C, P, Q), complex; entry
            [0, 0] of a spectrum is the mean of its map.

    Returns:
        Tensor: (N, C, h, w).
    """
    spectrum = torch.fft.rfft2(x, norm='forward')
    low = multiply(lowest(spectrum, x.shape[2:], modes))
    positive, negative = _rows(x.shape[2], modes)
    between = low.new_zeros(*low.shape[:2], x.shape[2] - positive - negative, low.shape[3])
    low = torch.cat([low[:, :, :positive], between, low[:, :, positive:]], dim=2)
    return torch.fft.irfft2(low, s=x.shape[2:], norm='forward')


def lowest(values: Tensor, size: Sequence[int], modes: int) -> Tensor:
    """Values of the lowest frequencies that a map has.

    Args:
        values (Tensor): one value per frequency, (..., rows, columns), in the order of ``rfft2``.
        size (Sequence[int]): height and width of the map.
        modes (int): frequencies kept per direction.

    Returns:
        Tensor: (..., P, Q): rows p = 0 .. and then .. -1, columns q = 0 ...
    """
    positive, negative = _rows(size[0], modes)
    first = values.shape[-2] - negative
    columns = values[..., : min(modes, size[1] // 2 + 1)]
    return torch.cat([columns[..., :positive, :], columns[..., first:, :]], dim=-2)


def _rows(height: int, modes: int) -> tuple[int, int]:
    """How many frequencies p >= 0 and p < 0 are kept; p = H / 2 counts as negative."""
    return min(modes, (height + 1) // 2), min(modes, height // 2)

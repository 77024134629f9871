"""Fourier neural operator that evolves a level set group in one pass (eq 8, 14-17)."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_SE_REDUCTION = 4  # squeeze-and-excitation, Hu et al. 2018 use 16 on far wider layers


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
            return self.synthesise(self.transform(x), x.shape[2:])

    def transform(self, x: Tensor) -> Tensor:
        """R F(x), the coefficients of the output.

        Args:
            x (Tensor): (N, channels, h, w).

        Returns:
            Tensor: (N, channels, 2 P, 2 Q): cosine then sine rows, real then imaginary columns.
            Entry [..., 0, 0] is the mean of the output over the map, because the transform is
            normalised in this direction.
        """
        dtype = self.weight.dtype
        height, width = x.shape[2:]
        rows, cols, _, _ = _bases(height, width, self.modes, x.device, dtype)
        # The column transform first: one product with all rows of the batch.
        x = torch.matmul(rows, torch.matmul(x.to(dtype), cols))
        row_count, col_count = rows.shape[0] // 2, cols.shape[1] // 2
        x = x.unflatten(2, (2, row_count)).unflatten(4, (2, col_count))
        (cr, ci), (sr, si) = (part.unbind(3) for part in x.unbind(2))
        plus, minus = self._weights(height, col_count)
        # X(+p) = c - i s and X(-p) = c + i s
        ur, ui = _complex_product(plus, cr + si, ci - sr, self.mixing)
        lr, li = _complex_product(minus, cr - si, ci + sr, self.mixing)
        # Y(+p) exp(i t) + Y(-p) exp(-i t) = (Y+ + Y-) cos t + i (Y+ - Y-) sin t
        cosine = torch.cat([ur + lr, ui + li], dim=3)
        sine = torch.cat([li - ui, ur - lr], dim=3)
        return torch.cat([cosine, sine], dim=2)

    def synthesise(self, coefficients: Tensor, size: tuple[int, int]) -> Tensor:
        """F^-1 of the result of :meth:`transform`.

        Args:
            coefficients (Tensor): (N, channels, 2 P, 2 Q).
            size (tuple[int, int]): h, w of the map.

        Returns:
            Tensor: (N, channels, h, w).
        """
        _, _, rows, cols = _bases(*size, self.modes, coefficients.device, coefficients.dtype)
        return torch.matmul(torch.matmul(rows, coefficients), cols)

    def _weights(self, height: int, columns: int) -> tuple[Tensor, Tensor]:
        """Weights at +p and -p, (..., 2, P, Q) each, zero where the map has no such frequency."""
        weight = self.weight[..., :columns]
        highest = min(self.modes, height // 2)
        positive = min(self.modes, (height + 1) // 2)  # p = H / 2 counts as negative
        plus = F.pad(weight[..., :positive, :], (0, 0, 0, highest + 1 - positive))
        negative = weight[..., 2 * self.modes - highest :, :].flip(-2)
        return plus, F.pad(negative, (0, 0, 1, 0))

    def extra_repr(self) -> str:
        return f'{self.channels}, modes={self.modes}, mixing={self.mixing!r}'


class FNOLayer(nn.Module):
    """One step phi <- sigma(L(phi) + w * F^-1(R F(phi))) of the evolution (eq 17).

    L is a 1x1 convolution, w the squeeze-and-excitation gate that lets the level sets of a group
    interact. The gate pools the output of the spectral path; its mean is the coefficient of
    frequency zero, so the gate scales coefficients and costs no pass over the map.

    Args:
        channels (int): input and output channels.
        modes (int): frequencies kept per direction.
        mixing (str): ``'diag'`` or ``'full'``, see :class:`SpectralConv2d`.
        activation (bool): apply sigma (GELU); the last layer must not, because GELU >= -0.17
            cannot represent the outside.
    """

    def __init__(
        self, channels: int, modes: int, mixing: str = 'diag', activation: bool = True
    ) -> None:
        super().__init__()
        self.spectral = SpectralConv2d(channels, modes, mixing)
        self.local = nn.Conv2d(channels, channels, 1)
        hidden = max(1, channels // _SE_REDUCTION)
        self.gate = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels), nn.Sigmoid()
        )
        self.activation = activation

    def forward(self, phi: Tensor) -> Tensor:
        """Apply the layer.

        Args:
            phi (Tensor): (N, channels, h, w), dimensionless, positive inside.

        Returns:
            Tensor: (N, channels, h, w).
        """
        with torch.autocast(phi.device.type, enabled=False):
            coefficients = self.spectral.transform(phi)
            gate = self.gate(coefficients[:, :, 0, 0])
            update = self.spectral.synthesise(coefficients * gate[:, :, None, None], phi.shape[2:])
        phi = self.local(phi) + update
        return F.gelu(phi) if self.activation else phi


class FNOEvolution(nn.Module):
    """Level set evolution module f_LSE, a group of Fourier neural operators (eq 8).

    Every class is lifted to ``width`` channels by its own 1x1 convolution, goes through ``depth``
    layers and is projected back. The result is added to phi^0; the projection starts at zero, so
    the untrained module is the identity. Without that skip training collapses to an empty region.

    An operator that sees phi alone cannot see the image. ``condition_channels`` feeds it the data
    forces of phi^0 per class; 0 is the paper's literal eq 8.

    Args:
        num_classes (int): foreground classes C.
        modes (int): frequencies kept per direction (section 4.1).
        depth (int): number of layers (section 4.1).
        mixing (str): ``'diag'`` or ``'full'``, see :class:`SpectralConv2d`.
        condition_channels (int): K, condition channels per class.
        width (int): channels per class inside the network.
        shared (bool): apply one operator to every class separately, because the evolution equation
            does not depend on the class; suits few training images. Classes do not interact then.

    Raises:
        ValueError: if a count is out of range.
    """

    def __init__(
        self,
        num_classes: int,
        modes: int = 12,
        depth: int = 4,
        mixing: str = 'diag',
        condition_channels: int = 0,
        width: int = 1,
        shared: bool = False,
    ) -> None:
        super().__init__()
        if min(num_classes, depth, width) < 1 or condition_channels < 0:
            raise ValueError(
                f'num_classes={num_classes}, depth={depth}, width={width}, expected all >= 1; '
                f'condition_channels={condition_channels}, expected >= 0.'
            )
        self.num_classes, self.condition_channels = num_classes, condition_channels
        self.shared = shared
        groups = 1 if shared else num_classes
        channels = groups * width
        self.lift = nn.Conv2d(groups * (1 + condition_channels), channels, 1, groups=groups)
        self.layers = nn.Sequential(
            *(FNOLayer(channels, modes, mixing, activation=i < depth - 1) for i in range(depth))
        )
        self.project = nn.Conv2d(channels, groups, 1, groups=groups)
        nn.init.zeros_(self.project.weight)
        nn.init.zeros_(self.project.bias)

    def forward(self, phi: Tensor, condition: Tensor | None = None) -> Tensor:
        """Evolve phi^0 to phi^T.

        Args:
            phi (Tensor): phi^0, (N, C, h, w), divided by the truncation distance, dimensionless,
                positive inside. In pixels the weights would not fit another resolution.
            condition (Tensor, optional): data forces per class, (N, C, K, h, w), of order one.

        Returns:
            Tensor: phi^T, (N, C, h, w), in the unit and sign of ``phi``.

        Raises:
            ValueError: if the shapes do not fit the constructor.
        """
        self._check(phi, condition)
        x = phi[:, :, None]
        if condition is not None:
            x = torch.cat([x, condition.to(x.dtype)], dim=2)
        x = x.flatten(0, 1) if self.shared else x.flatten(1, 2)
        update = self.project(self.layers(self.lift(x)))
        return phi + update.reshape(phi.shape)

    def _check(self, phi: Tensor, condition: Tensor | None) -> None:
        if phi.dim() != 4 or phi.shape[1] != self.num_classes:
            raise ValueError(
                f'phi has shape {tuple(phi.shape)}, expected (N, {self.num_classes}, h, w).'
            )
        if self.condition_channels == 0:
            if condition is not None:
                raise ValueError(
                    'got a condition, but condition_channels=0: set condition_channels to its '
                    'number of channels per class, or leave the condition out.'
                )
            return
        shape = (*phi.shape[:2], self.condition_channels, *phi.shape[2:])
        if condition is None or condition.shape != shape:
            got = None if condition is None else tuple(condition.shape)
            raise ValueError(f'condition is {got}, expected a tensor (N, C, K, h, w) = {shape}.')


def _complex_product(weight: Tensor, real: Tensor, imag: Tensor, mixing: str) -> tuple:
    """R x with real and imaginary parts apart; weight (C, [C,] 2, P, Q), x (N, C, P, Q)."""
    wr, wi = weight.unbind(-3)
    if mixing == 'diag':
        return wr * real - wi * imag, wi * real + wr * imag
    block = torch.cat([torch.cat([wr, -wi], dim=1), torch.cat([wi, wr], dim=1)])
    product = torch.einsum('oipq,nipq->nopq', block, torch.cat([real, imag], dim=1))
    return product.chunk(2, dim=1)


@lru_cache(maxsize=64)
def _bases(
    height: int, width: int, modes: int, device: torch.device, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Truncated real DFT: analysis (2P, H) and (W, 2Q), synthesis (H, 2P) and (2Q, W).

    Rows hold cos and sin of p = 0 .. min(modes, H // 2), columns the real and imaginary part of
    exp(-+ i t) for q = 0 .. min(modes - 1, W // 2).
    """
    # A basis made inside inference_mode could never be used for training afterwards.
    with torch.inference_mode(False), torch.no_grad():
        rows = _angles(height, min(modes, height // 2) + 1)
        cols = _angles(width, min(modes, width // 2 + 1))
        analysis_rows = torch.cat([rows.cos(), rows.sin()]) / height
        analysis_cols = torch.cat([cols.cos(), -cols.sin()]).T / width
        # A real map has q and -q; only q = 0 and the Nyquist column stand for themselves.
        twice = torch.full((len(cols), 1), 2.0, dtype=torch.float64)
        twice[0] = 1
        if width % 2 == 0 and len(cols) == width // 2 + 1:
            twice[-1] = 1
        synthesis_rows = torch.cat([rows.cos(), rows.sin()]).T
        synthesis_cols = torch.cat([twice * cols.cos(), -twice * cols.sin()])
        bases = analysis_rows, analysis_cols, synthesis_rows, synthesis_cols
        return tuple(basis.to(device=device, dtype=dtype).contiguous() for basis in bases)


def _angles(size: int, count: int) -> Tensor:
    """2 pi k n / size, (count, size) float64; reduced modulo one turn to stay exact."""
    turns = torch.arange(count)[:, None] * torch.arange(size) % size
    return turns.double() * (2 * math.pi / size)

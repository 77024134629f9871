"""Fourier neural operator that evolves a level set group in one pass (eq 8, 14-17)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmlevelset.kernels import row_pass
from mmlevelset.kernels.fno_layer import AddSynthesis, LocalAnalysis, fused_layer
from mmlevelset.kernels.spectral_dft import Analysis, Basis, Synthesis

from .spectral import SpectralConv2d

_SE_REDUCTION = 4  # squeeze-and-excitation, Hu et al. 2018 use 16 on far wider layers


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
        return self.step(phi)[0]

    def step(
        self,
        x: Tensor,
        spectrum: Tensor | None = None,
        lift: tuple[Tensor, Tensor] | None = None,
        project: tuple[Tensor, Tensor] | None = None,
        skip: Tensor | None = None,
        ahead: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The layer between two linear maps over the channels.

        Both commute with the Fourier transform and join the local path, so they cost no pass over
        the map, and only channels that are read or written are transformed.

        Args:
            x (Tensor): (N, K, h, w).
            spectrum (Tensor, optional): F(x) as the layer before returned it. Then x may be
                overwritten where no gradient is recorded.
            lift (tuple[Tensor, Tensor], optional): weight (channels, K) and bias, applied first.
            project (tuple[Tensor, Tensor], optional): weight (C, channels) and bias, applied last;
                not with an activation.
            skip (Tensor, optional): (N, C, h, w), added last; not with an
                activation or ``ahead``.
            ahead (bool): a layer follows that can use the transform of the result.

        Returns:
            tuple[Tensor, Tensor | None]: (N, C, h, w) and, with ``ahead``, its transform
            (2, 2, P, Q, N, C) if that was cheap; K and C are ``channels`` without ``lift`` and
            ``project``.
        """
        weight, bias = self.local.weight.flatten(1), self.local.bias
        with torch.autocast(x.device.type, enabled=False):
            x = x.to(weight.dtype).contiguous()
            basis = self.spectral.basis(x)
            if lift is not None:
                weight, bias = weight @ lift[0], weight @ lift[1] + bias
            if project is not None:
                weight, bias = project[0] @ weight, project[0] @ bias + project[1]
            fused = row_pass.usable(x)
            if not fused:
                coefficients, local = LocalAnalysis.apply(x, weight, basis)
            else:
                coefficients = Analysis.apply(x, basis) if spectrum is None else spectrum
            coefficients = self._transform(coefficients, basis, bias, lift, project)
            if fused:
                out = None if spectrum is None else x
                return fused_layer(
                    x, weight, coefficients, skip, basis, self.activation, ahead, out
                )
            if torch.compiler.is_compiling():  # traces no function that writes into its input
                local = local + Synthesis.apply(coefficients, basis).flatten(2)
            else:
                local = AddSynthesis.apply(coefficients, local, basis)
            x = local.unflatten(2, x.shape[2:])
        if self.activation:
            x = F.gelu(x) if x.requires_grad else torch.ops.aten.gelu_(x)
        if skip is not None:
            x = x + skip if x.requires_grad else x.add_(skip)
        return x, None

    def _transform(
        self,
        coefficients: Tensor,
        basis: Basis,
        bias: Tensor,
        lift: tuple[Tensor, Tensor] | None,
        project: tuple[Tensor, Tensor] | None,
    ) -> Tensor:
        """w * R F(x) plus the bias, between ``lift`` and ``project``: (2, 2, P, Q, N, K to C)."""
        root = math.sqrt(basis.height * basis.width)
        if lift is not None:
            coefficients = F.linear(coefficients, lift[0])
            coefficients[0, 0, 0, 0] += root * lift[1]
        coefficients = self.spectral.mix(coefficients, basis)
        coefficients = coefficients * self.gate(coefficients[0, 0, 0, 0] / root)
        if project is not None:
            coefficients = F.linear(coefficients, project[0])
        coefficients[0, 0, 0, 0] += root * bias
        return coefficients


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
        steps (int): T, how often the caller applies the module, with the condition of its own last
            level sets each time; trained unrolled. The weights are the same in every step.

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
        steps: int = 1,
    ) -> None:
        super().__init__()
        if min(num_classes, depth, width, steps) < 1 or condition_channels < 0:
            raise ValueError(
                f'num_classes={num_classes}, depth={depth}, width={width}, steps={steps}, expected '
                f'all >= 1; condition_channels={condition_channels}, expected >= 0.'
            )
        self.num_classes, self.condition_channels = num_classes, condition_channels
        self.shared, self.steps = shared, steps
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
            Tensor: phi^T, (N, C, h, w), in the unit and sign of ``phi``, in the dtype of the weights
            also under autocast.

        Raises:
            ValueError: if the shapes do not fit the constructor.
        """
        self._check(phi, condition)
        if not phi.numel():  # no present class; the parameters stay in the graph
            return phi + 0 * sum(p.sum() for p in self.parameters())
        dtype = self.lift.weight.dtype
        phi, condition = phi.to(dtype), None if condition is None else condition.to(dtype)
        # Lift and projection are linear and run inside the layers next to them, unless fewer maps
        # come out of the lift than go in.
        lift, project = None, _dense(self.project)
        if self.lift.out_channels < self.lift.in_channels:
            x = self._lifted(phi, condition)
        else:
            lift = _dense(self.lift)
            x = phi[:, :, None]
            x = x if condition is None else torch.cat([x, condition], dim=2)
        x = x.flatten(0, 1) if self.shared else x.flatten(1, 2)
        skip = phi.contiguous()
        skip = skip.view(-1, 1, *phi.shape[2:]) if self.shared else skip
        spectrum, last = None, len(self.layers) - 1
        for i, layer in enumerate(self.layers):
            first, end = i == 0, i == last
            x, spectrum = layer.step(
                x,
                spectrum,
                lift if first else None,
                project if end else None,
                skip if end else None,
                ahead=not end,
            )
        return x.view(phi.shape)

    def _lifted(self, phi: Tensor, condition: Tensor) -> Tensor:
        """The lift of phi (N, C, h, w) and condition (N, C, K, h, w), (N, C, width, h, w)."""
        groups, inputs = self.lift.groups, 1 + self.condition_channels
        weight = self.lift.weight.view(groups, -1, inputs, 1, 1).unbind(2)
        bias = self.lift.bias.view(groups, -1, 1, 1)
        x = torch.addcmul(bias, weight[0], phi[:, :, None])
        for k in range(self.condition_channels):
            x = x.addcmul_(weight[1 + k], condition[:, :, None, k])
        return x

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


def _dense(conv: nn.Conv2d) -> tuple[Tensor, Tensor]:
    """Weight (out, in) of a grouped 1x1 convolution, zero between the groups, and bias."""
    weight = conv.weight.view(conv.groups, -1, 1, conv.weight.shape[1])
    eye = torch.eye(conv.groups, dtype=weight.dtype, device=weight.device)
    weight = eye[:, None, :, None] * weight
    return weight.reshape(conv.out_channels, conv.in_channels), conv.bias

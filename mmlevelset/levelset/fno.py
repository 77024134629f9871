"""Fourier neural operator that evolves level sets in one pass (eq 8, 14-17)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .condition import CONDITION_CHANNELS, evolution_condition
from .energy import edge_map, shrink
from .evolution import Evolution
from .limits import check_count
from .spectral import SpectralConv2d

_SE_REDUCTION = 4  # squeeze-and-excitation, Hu et al. 2018 use 16 on far wider layers


class Pointwise(nn.Conv2d):
    """1x1 convolution as a matrix product, on a CPU in a third of the time of ``conv2d``.

    Args:
        inputs (int): input channels.
        outputs (int): output channels.
        groups (int): groups of channels that do not mix.
    """

    bias: nn.Parameter  # always there

    def __init__(self, inputs: int, outputs: int, groups: int = 1) -> None:
        super().__init__(inputs, outputs, 1, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` (Tensor): (N, inputs, h, w) to (N, outputs, h, w)."""
        count = x.shape[0]  # not len(x), which an exported graph would take for a constant
        weight = self.weight.view(self.groups, -1, self.weight.shape[1]).repeat(count, 1, 1)
        bias = self.bias.view(self.groups, -1, 1).repeat(count, 1, 1)
        y = torch.baddbmm(bias, weight, x.reshape(count * self.groups, weight.shape[2], -1))
        return y.view(count, -1, *x.shape[2:])


class FNOLayer(nn.Module):
    """One step phi <- sigma(L(phi) + w * F^-1(R F(phi))) of the evolution (eq 17).

    L is a 1x1 convolution, w the squeeze-and-excitation gate that lets the level sets of a group
    interact: it pools the output of the spectral path.

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
        self.local = Pointwise(channels, channels)
        hidden = max(1, channels // _SE_REDUCTION)
        self.gate = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels), nn.Sigmoid()
        )
        self.activation = activation

    def forward(self, phi: Tensor) -> Tensor:
        """Apply the layer to ``phi`` (Tensor): (N, channels, h, w), dimensionless, positive inside.

        Returns:
            Tensor: (N, channels, h, w).
        """
        phi = self.local(phi).add_(self.spectral(phi, self.gate))
        return F.gelu(phi) if self.activation else phi


class FNOEvolution(Evolution):
    """Level set evolution module f_LSE, a group of Fourier neural operators (eq 8).

    Every class is lifted to ``width`` channels by its own 1x1 convolution, goes through ``depth``
    layers and is projected back. The result is added to phi^0; the projection starts at zero, so
    the untrained module is the identity. Without that skip training collapses to an empty region.

    An operator that sees phi alone cannot see the image. ``condition_channels`` feeds it the data
    forces of phi^0 and an edge term per class; 0 is the paper's literal eq 8.

    Args:
        num_classes (int): foreground classes C.
        modes (int): frequencies kept per direction (section 4.1).
        depth (int): number of layers (section 4.1).
        mixing (str): ``'diag'`` or ``'full'``, see :class:`SpectralConv2d`.
        condition_channels (int): K, how many of :func:`evolution_condition` it sees per class.
        width (int): channels per class inside the network.
        shared (bool): apply one operator to every class separately, because the evolution equation
            does not depend on the class; suits few training images. Classes do not interact then.
        steps (int): T, how often the operator is applied, with the condition of its own last level
            sets each time; trained unrolled. The weights are the same in every step.
        truncate (float): unit of phi inside the operator, in pixels of x.
        text (bool): feed it, as the last channel, the data force of phi^0 on the similarities to the
            text of each class as well.

    Raises:
        ValueError: if a count is no whole number in its range.
    """

    def __init__(
        self,
        num_classes: int = 1,
        modes: int = 12,
        depth: int = 4,
        mixing: str = 'diag',
        condition_channels: int = 3,
        width: int = 1,
        shared: bool = False,
        steps: int = 1,
        truncate: float = 20.0,
        text: bool = False,
    ) -> None:
        super().__init__(num_classes, truncate)
        check_count('modes', modes)
        check_count('depth', depth)
        check_count('width', width)
        check_count('steps', steps)
        check_count('condition_channels', condition_channels, 0, CONDITION_CHANNELS)
        self.steps, self.grouped, self.text = steps, not shared, text
        condition_channels += text
        self.condition_channels = condition_channels
        groups = num_classes if self.grouped else 1
        channels = groups * width
        self.lift = Pointwise(groups * (1 + condition_channels), channels, groups)
        self.layers = nn.Sequential(
            *(FNOLayer(channels, modes, mixing, activation=i < depth - 1) for i in range(depth))
        )
        self.project = Pointwise(channels, groups, groups)
        nn.init.zeros_(self.project.weight)
        nn.init.zeros_(self.project.bias)

    def forward(
        self, phi: Tensor, image: Tensor, features: Tensor, text: Tensor | None = None
    ) -> Tensor:
        """Evolve phi^0 (N, C, h, w) to phi^T of the same shape, see :class:`Evolution`.

        Raises:
            ValueError: With ``text=True`` there is no text, or there is one without it.
        """
        if self.text != (text is not None):
            got = 'no text similarities' if text is None else 'text similarities'
            raise ValueError(
                f'FNOEvolution with text={self.text} got {got}; they are the fourth argument, '
                '(N, C, h, w), with text=True alone'
            )
        edge, condition = edge_map(image, phi.shape[2:]), None
        image = shrink(image, phi.shape[2:])
        for _ in range(self.steps):
            if self.condition_channels:
                forces = self.condition_channels - self.text
                condition = evolution_condition(phi.detach(), image, features, edge, forces, text)
            phi = self.operator(phi / self.truncate, condition) * self.truncate
        return phi

    def operator(self, phi: Tensor, condition: Tensor | None = None) -> Tensor:
        """Apply the layers once and add phi.

        Args:
            phi (Tensor): (N, C, h, w), dimensionless, positive inside; any C if ``shared``.
            condition (Tensor, optional): data forces per class, (N, C, K, h, w), of order one.

        Returns:
            Tensor: like ``phi``, in the dtype of the weights also under autocast.

        Raises:
            ValueError: if the shapes do not fit the constructor.
        """
        self._check(phi, condition)
        dtype = self.lift.weight.dtype
        x = phi[:, :, None] if condition is None else torch.cat([phi[:, :, None], condition], dim=2)
        x = x.flatten(1, 2) if self.grouped else x.flatten(0, 1)
        with torch.autocast(phi.device.type, enabled=False):
            x = self.project(self.layers(self.lift(x.to(dtype))))
        return x.view(phi.shape).add_(phi.to(dtype))

    def _check(self, phi: Tensor, condition: Tensor | None) -> None:
        if phi.dim() != 4 or (self.grouped and phi.shape[1] != self.num_classes):
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

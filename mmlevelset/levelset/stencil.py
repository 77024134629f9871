"""Differences of level sets in reused buffers, for evolutions of many small steps."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

# Pixels treated together on the CPU. Level sets do not see each other, so a few of them run through
# all steps before the next: the buffers (1 MB each) are reused and stay in the cache.
_BLOCK_PIXELS = 1 << 18
_NORMAL = 1e-30  # CPUs take the square root of denormal numbers forty times slower


class Stencil:
    """Differences between neighbouring pixels, in buffers that are allocated once.

    ``right`` and ``below`` are the forward differences of :meth:`load`, zero in the last column and
    row; ``left`` and ``above`` are the same numbers seen from the next pixel.
    """

    def __init__(self, phi: Tensor) -> None:
        lead, (h, w) = phi.shape[:2], phi.shape[2:]
        x, y = phi.new_zeros(*lead, h, w + 1), phi.new_zeros(*lead, h + 1, w)
        self.left, self.right = x[..., :-1], x[..., 1:]
        self.above, self.below = y[..., :-1, :], y[..., 1:, :]
        self._flow = phi.new_zeros(*lead, h + 1, w + 1)
        self._first, self._second = torch.empty_like(phi), torch.empty_like(phi)

    def load(self, phi: Tensor) -> None:
        """Take the differences of phi (N, C, h, w)."""
        torch.sub(phi[..., 1:], phi[..., :-1], out=self.right[..., :-1])
        torch.sub(phi[..., 1:, :], phi[..., :-1, :], out=self.below[..., :-1, :])

    def central_slope(self) -> Tensor:
        """|grad phi| by central differences, at most 1, its value on a distance function."""
        x = torch.add(self.left, self.right, out=self._first)
        y = torch.add(self.above, self.below, out=self._second)
        return x.square_().addcmul_(y, y).clamp_(_NORMAL, 4).sqrt_().mul_(0.5)

    def forward_slope(self) -> Tensor:
        """|grad phi| by forward differences, (N, C, h, w)."""
        slope = torch.mul(self.right, self.right, out=self._first)
        return slope.addcmul_(self.below, self.below).clamp_min_(_NORMAL).sqrt_()

    def inverse_slope(self, smooth: float) -> Tensor:
        """1 / sqrt(|grad phi|^2 + smooth^2) by forward differences, (N, C, h, w)."""
        flow = torch.mul(self.right, self.right, out=self._flow[..., 1:, 1:])
        return flow.addcmul_(self.below, self.below).add_(smooth**2).rsqrt_()

    def neighbour_sum(self) -> Tensor:
        """Sum of the coefficients of :meth:`inverse_slope` on the four neighbours of a pixel."""
        flow = self._flow[..., 1:, 1:]
        total = torch.add(self._flow[..., 1:, :-1], self._flow[..., :-1, 1:], out=self._second)
        total.add_(flow, alpha=2)
        total[..., -1].sub_(flow[..., -1])  # no neighbour past the border
        total[..., -1, :].sub_(flow[..., -1, :])
        return total

    def scale(self, factor: Tensor, source: Stencil | None = None) -> None:
        """Set the differences to those of ``source`` (own ones if None) times factor (N, C, h, w)."""
        source = source or self
        torch.mul(source.right, factor, out=self.right)
        torch.mul(source.below, factor, out=self.below)

    def add_divergence(self, value: Tensor, factor: float) -> Tensor:
        """Add factor * div of the scaled differences to ``value`` (N, C, h, w), in place."""
        value.add_(self.right, alpha=factor).sub_(self.left, alpha=factor)
        return value.add_(self.below, alpha=factor).sub_(self.above, alpha=factor)


def blocks(phi: Tensor) -> Iterator[tuple[slice, slice]]:
    """Images and classes to treat together; all at once on a GPU or where torch compiles."""
    images, classes = phi.shape[:2]
    if phi.device.type == 'cpu' and not torch.compiler.is_compiling():
        planes = max(1, _BLOCK_PIXELS // phi.shape[2:].numel())
        images, classes = max(1, min(images, planes // max(1, classes))), min(classes, planes)
    for n in range(0, phi.shape[0], max(1, images)):
        for c in range(0, phi.shape[1], max(1, classes)):
            yield slice(n, n + images), slice(c, c + classes)

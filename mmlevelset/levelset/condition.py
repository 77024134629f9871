"""What the evolution operator sees beside phi^0: the forces that its energy exerts on phi^0."""

from __future__ import annotations

import torch
from torch import Tensor

from .energy import (
    alone,
    backward_divergence,
    data_force,
    edge_attraction,
    forward_gradient,
    heaviside,
    standardise,
)

CONDITION_CHANNELS = 5
_SMOOTH = 1e-2  # |grad phi| of a distance function is 1; below this phi is flat and has no normal


@torch.no_grad()
def evolution_condition(
    phi: Tensor,
    image: Tensor,
    data: Tensor,
    edge: Tensor,
    channels: int = CONDITION_CHANNELS,
    text: Tensor | None = None,
) -> Tensor:
    """The first ``channels`` of: data force on the image, data force on the features, attraction of
    edges, edge contrast, geodesic force; and, with ``text``, the data force on it.

    Edge contrast is g minus its mean along the contour: a contour of that value costs nothing. The
    geodesic force is div((g - mean) grad phi / |grad phi|), the descent direction of the mean of g
    along the contour without its factor H', so it is also defined far from the contour.

    Args:
        phi (Tensor): phi^0, (N, C, h, w), in pixels of the map, positive inside.
        image (Tensor): x, (N, 3, h, w), in [0, 1].
        data (Tensor): F standardised per channel, (N, K, h, w).
        edge (Tensor): g of :func:`edge_stopping`, (N, 1, h, w), in (0, 1].
        channels (int): how many, 1 .. 5, with ``text`` 0 .. 5.
        text (Tensor, optional): similarities to the text of every class, standardised, (N, C, h, w).

    Returns:
        Tensor: (N, C, channels, h, w), with ``text`` one more, without gradient. Only the direction of
        a force counts: every channel has a root mean square of one.

    Raises:
        ValueError: if ``channels`` is out of range.
    """
    least = 1 if text is None else 0
    if not least <= channels <= CONDITION_CHANNELS:
        raise ValueError(f'channels is {channels}, expected {least} .. {CONDITION_CHANNELS}.')
    makers = (
        lambda: data_force(phi, standardise(image)),
        lambda: data_force(phi, data),
        lambda: edge_attraction(phi, edge),
        lambda: _edge_contrast(phi, edge),
        lambda: _geodesic_force(phi, edge),
    )
    made = [make() for make in makers[:channels]]
    if text is not None:
        made.append(data_force(alone(phi), alone(text)).view_as(phi))
    forces = torch.stack(made, dim=2)
    return forces / forces.square().mean((3, 4), keepdim=True).sqrt().clamp_min(1e-6)


def _edge_contrast(phi: Tensor, edge: Tensor) -> Tensor:
    """g minus its mean over the transition of H(phi), (N, C, h, w)."""
    slope = heaviside(phi) * heaviside(-phi)
    mean = (edge * slope).sum((2, 3), keepdim=True) / slope.sum((2, 3), keepdim=True).clamp_min(
        1e-6
    )
    return edge - mean


def _geodesic_force(phi: Tensor, edge: Tensor) -> Tensor:
    """div((g - mean) n), n the unit normal, (N, C, h, w), per pixel."""
    dx, dy = forward_gradient(phi)
    flow = _edge_contrast(phi, edge) / (dx.square() + dy.square() + _SMOOTH**2).sqrt()
    return backward_divergence(flow * dx, flow * dy)

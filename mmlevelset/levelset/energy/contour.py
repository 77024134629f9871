"""Length of the contour, plain (eq 19, 21) or weighted by the edges of the image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..limits import check_number
from .common import checked_edge, checked_phi, heaviside, shrink, wide

_SMOOTH = 1e-3  # |grad H| is sqrt(|.|^2 + e^2) - e, because sqrt has no gradient at zero


def contour_length(
    phi: Tensor, eps: float = 1.0, edge: Tensor | None = None, missing: float = 1.0
) -> Tensor:
    """Length of the zero level set (last term of eq 19 and 21), or its mean edge-stopping value.

    Without ``edge``: sum |grad H| / max(h, w), a length relative to the map; it shrinks every
    object and does not see the image. With ``edge``: (sum g |grad H| + m) / (sum |grad H| + m), the
    mean of g along the contour and m = ``missing`` more pixels without an edge, which moves contours onto image
    edges without shrinking them (normalised from Caselles, Kimmel and Sapiro, "Geodesic active
    contours", IJCV 1997). These make a vanished contour the worst, 1; without it an operator
    learns to empty every region, because no contour then costs nothing.

    Args:
        phi (Tensor): level sets, (N, C, h, w), in pixels, positive inside.
        eps (float): width of the Heaviside function, in the unit of ``phi``.
        edge (Tensor, optional): g of :func:`edge_stopping`, (N, 1, h, w), in (0, 1].
        missing (float): m, in pixels, > 0.

    Returns:
        Tensor: (N, C), dimensionless, >= 0; at most 1 with ``edge``.

    Raises:
        ValueError: if the shapes do not fit, or ``eps`` is no width.
    """
    check_number('eps', eps, 0, ends='()')
    phi = wide(checked_phi(phi))
    with torch.autocast(phi.device.type, enabled=False):
        slope = _slope(heaviside(phi, eps))
        total = slope.sum(dim=(2, 3))
        if edge is None:
            return total / max(phi.shape[2:])
        edge = checked_edge(edge, phi)
        return ((edge * slope).sum(dim=(2, 3)) + missing) / (total + missing)


def edge_stopping(image: Tensor, kappa: float = 0.08) -> Tensor:
    """Edge-stopping function g = 1 / (1 + |grad x|^2 / kappa^2) of the smoothed image.

    The image is blurred by a 3x3 box; |grad x|^2 is summed over the channels. Forward differences
    put g at the same half-pixels as |grad H| of :func:`contour_length`.

    Args:
        image (Tensor): x, (N, K, h, w), in [0, 1].
        kappa (float): gradient at which g is one half, in image units per pixel.

    Returns:
        Tensor: g, (N, 1, h, w), in (0, 1], near 0 on strong edges; without gradient.

    Raises:
        ValueError: if ``image`` is not 4-D or ``kappa`` is not positive.
    """
    if image.dim() != 4:
        raise ValueError(f'image has shape {tuple(image.shape)}, expected (N, K, h, w).')
    if kappa <= 0:
        raise ValueError(f'kappa is {kappa}, expected > 0; 0.08 suits images in [0, 1].')
    blurred = F.avg_pool2d(wide(image.detach()), 3, 1, padding=1, count_include_pad=False)
    dx, dy = forward_gradient(blurred)
    return 1 / (1 + (dx.square() + dy.square()).sum(dim=1, keepdim=True) / kappa**2)


def edge_map(image: Tensor, size: Sequence[int], kappa: float = 0.08) -> Tensor:
    """:func:`edge_stopping` of an image, on the grid of level sets that may be coarser.

    An edge is as wide as the image makes it. On a coarse map nearly every pixel would hold one, so g
    is made on the grid of ``image`` and averaged.

    Args:
        image (Tensor): x, (N, K, H, W), in [0, 1].
        size (Sequence[int]): (h, w) of the level sets.
        kappa (float): as of :func:`edge_stopping`, per pixel of ``image``.

    Returns:
        Tensor: g, (N, 1, h, w), in (0, 1]; without gradient.
    """
    return shrink(edge_stopping(image, kappa), size)


def forward_gradient(value: Tensor) -> tuple[Tensor, Tensor]:
    """Forward differences along x and y of (N, C, h, w), per pixel; zero in the last column, row.

    Args:
        value (Tensor): (N, C, h, w).

    Returns:
        tuple[Tensor, Tensor]: d/dx and d/dy, (N, C, h, w) each.
    """
    return F.pad(value.diff(dim=3), (0, 1)), F.pad(value.diff(dim=2), (0, 0, 0, 1))


def backward_divergence(x: Tensor, y: Tensor) -> Tensor:
    """Divergence by backward differences, the negative adjoint of :func:`forward_gradient`.

    Args:
        x (Tensor): x components, (N, C, h, w); the last column is ignored.
        y (Tensor): y components, (N, C, h, w); the last row is ignored.

    Returns:
        Tensor: (N, C, h, w), per pixel.
    """
    return F.pad(x[..., :-1], (1, 1)).diff(dim=3) + F.pad(y[..., :-1, :], (0, 0, 1, 1)).diff(dim=2)


def _slope(h: Tensor) -> Tensor:
    """Smoothed |grad H|: sqrt(s + e^2) - e, written so that it is exactly zero on flat parts."""
    dx, dy = forward_gradient(h)
    square = dx.square() + dy.square()
    return square / ((square + _SMOOTH**2).sqrt() + _SMOOTH)


@torch.no_grad()
def edge_attraction(phi: Tensor, edge: Tensor) -> Tensor:
    """Attraction of the contour by edges, -grad g . grad phi / |grad phi|, as a data force.

    The advection term of the geodesic active contour (Caselles, Kimmel and Sapiro 1997): negative
    where an edge lies outwards, so that descent moves the contour there.

    Args:
        phi (Tensor): level sets, (N, C, h, w), in pixels, positive inside.
        edge (Tensor): g of :func:`edge_stopping`, (N, 1, h, w), in (0, 1].

    Returns:
        Tensor: (N, C, h, w), per pixel; without gradient.
    """
    phi = wide(checked_phi(phi))
    px, py = forward_gradient(phi)
    gx, gy = forward_gradient(checked_edge(edge, phi))
    slope = (px.square() + py.square() + _SMOOTH**2).sqrt()
    return -(gx * px + gy * py) / slope

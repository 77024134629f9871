"""Classical level set evolution, the peer of the Fourier neural operator (eq 18-19, Table 3)."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .energy import data_force, edge_map, edge_stopping, local_data_force, shrink
from .energy.common import checked_edge, checked_phi, prepare, wide
from .evolution import Evolution
from .limits import check_count, check_number
from .stencil import Stencil, blocks

# Floor of the data variance that scales the force: 1 % of the range of an image in [0, 1], squared.
_MIN_VARIANCE = 1e-4
_DIRAC_WIDTH = 1.5  # pixels, epsilon of Li et al. 2010
_SMOOTH = 1e-3  # keeps grad phi / |grad phi| finite on plateaus
_TINY = 1e-10  # keeps grad phi / |grad phi| finite, as in the code of Li et al. 2010


@torch.no_grad()
def chan_vese(
    phi: Tensor,
    data: Tensor,
    weight: Tensor | None = None,
    steps: int = 15,
    step_size: float = 1.0,
    eps: float = 1.0,
    length: float = 0.01,
    edge: Tensor | None = None,
    max_phi: float = 20.0,
    local_radius: int | None = None,
) -> Tensor:
    """Semi-implicit Chan-Vese evolution (eq 18-19) of all classes and images at once.

    phi_t = |grad phi| (length * div(g grad phi / |grad phi|) - F / V) with the data force F of
    ``data_force`` and V the variance of the weighted data of the class: descent on
    region_energy / V + length * contour_length, whatever the unit of the data. |grad phi| in the
    place of the usual H'(phi) is eq 18; H' of a sigmoid would not move anything beyond 5 eps. The
    curvature takes the new value of the pixel (Getreuer, "Chan-Vese segmentation", IPOL 2012),
    which is stable for any weight. Constant data, empty and full regions stay finite.

    Args:
        phi (Tensor): initial level sets, (N, C, h, w), in pixels, positive inside.
        data (Tensor): X, (N, K, h, w), image in [0, 1] or standardised features.
        weight (Tensor, optional): w of eq 20, (N, C, h, w).
        steps (int): iterations, >= 0; 15 is the longest evolution of Table 3.
        step_size (float): time step and largest change of phi in one step, in pixels.
        eps (float): width of the Heaviside function of the region means, in pixels.
        length (float): gamma, weight of ``contour_length``, relative to V.
        edge (Tensor, optional): g of ``edge_stopping``, (N, 1, h, w), for the geodesic length
            sum g |grad H| in the place of the plain one.
        max_phi (float): phi is clamped to [-max_phi, max_phi], in pixels.
        local_radius (int, optional): take the means in windows, see ``local_region_energy``.

    Returns:
        Tensor: evolved level sets, (N, C, h, w), in pixels, positive inside; without gradient.

    Raises:
        ValueError: if a shape or option is wrong.
    """
    check_count('steps', steps, 0)
    if step_size <= 0 or max_phi <= 0 or length < 0:
        raise ValueError(
            f'step_size={step_size}, max_phi={max_phi}, length={length}, expected the first two '
            '> 0 and the last >= 0.'
        )
    phi, data, weight = prepare(phi, data, weight)
    phi = phi.clamp(-max_phi, max_phi)
    edge = None if edge is None else checked_edge(edge, phi)
    with torch.autocast(phi.device.type, enabled=False):
        variance = _variance(data, weight).clamp_min(_MIN_VARIANCE)
    variance = variance.expand(*phi.shape[:2], 1, 1)
    gamma = length * min(phi.shape[2:])  # of the sum over pixels, see contour_length
    for n, c in blocks(phi):
        part, x = phi[n, c], data[n]
        w = None if weight is None else weight[n, c]
        g = None if edge is None else edge[n]
        stencil = Stencil(part)
        for _ in range(steps):
            if local_radius is None:
                force = data_force(part, x, w, eps)
            else:
                force = local_data_force(part, x, local_radius, eps, w)
            stencil.load(part)
            rate = stencil.central_slope().mul_(step_size)
            flow = stencil.inverse_slope(_SMOOTH)
            if g is not None:
                flow.mul_(g)
            stiffness = stencil.neighbour_sum().mul_(rate).mul_(gamma).add_(1)
            stencil.scale(flow)
            drift = force.mul_(-1 / variance[n, c])
            change = stencil.add_divergence(drift, gamma).mul_(rate).div_(stiffness)
            part.add_(change.clamp_(-step_size, step_size)).clamp_(-max_phi, max_phi)
    return phi


@torch.no_grad()
def drlse(
    phi: Tensor,
    edge: Tensor,
    steps: int = 15,
    mu: float = 0.04,
    lam: float = 5.0,
    alpha: float = 1.5,
    dt: float = 1.0,
) -> Tensor:
    """Distance regularised level set evolution towards edges, without a region term.

    Li, Xu, Gui and Fox, "Distance regularized level set evolution and its application to image
    segmentation", IEEE TIP 2010: mu div(d_p(|grad phi|) grad phi) with the double-well potential,
    lam delta(phi) div(g grad phi / |grad phi|), and the balloon force alpha g delta(phi); mu, lam
    and alpha default to theirs. Their phi is negative inside: the sign of alpha is turned here.

    Args:
        phi (Tensor): initial level sets, (N, C, h, w), in pixels, positive inside.
        edge (Tensor): g of ``edge_stopping``, (N, 1, h, w), in (0, 1].
        steps (int): iterations, >= 0.
        mu (float): weight of the distance regularisation; mu * dt must stay below 1/4.
        lam (float): weight of the geodesic length.
        alpha (float): balloon force, positive shrinks the inside, negative inflates it.
        dt (float): time step.

    Returns:
        Tensor: evolved level sets, (N, C, h, w), in pixels, positive inside; without gradient.

    Raises:
        ValueError: if the shapes do not fit or the explicit scheme would be unstable.
    """
    check_count('steps', steps, 0)
    if not 0 <= mu * dt < 0.25:
        raise ValueError(f'mu * dt is {mu * dt}, expected [0, 0.25): lower mu or dt.')
    phi = wide(checked_phi(phi)).clone()
    edge = checked_edge(edge, phi)
    for n, c in blocks(phi):
        part, g = phi[n, c], edge[n]
        regular, geodesic = Stencil(part), Stencil(part)
        for _ in range(steps):
            regular.load(part)
            slope = regular.forward_slope()
            geodesic.scale(g / (slope + _TINY), regular)
            regular.scale(_double_well_rate(slope))
            force = geodesic.add_divergence(-alpha * g.expand_as(part), lam).mul_(_dirac(part))
            part.add_(regular.add_divergence(force, mu).mul_(dt))
    return phi


class ClassicalEvolution(Evolution):
    """Classical evolution as a module without weights, in the place of ``FNOEvolution``.

    Options are in pixels of x, so that contours move about as far on every grid of phi. ``'chan_vese'`` runs on
    that grid with its lengths divided by the pixels of x per pixel: a coarser map gets smaller steps, which are
    as stable. Its semi-implicit curvature slows a map down where ``length`` times its side in pixels is more than
    about one, so finer maps by more. ``'drlse'`` runs on the grid of x: its Dirac function needs a few pixels on
    either side of a contour, and how far a contour gets is set by how many its regularisation reaches.

    Args:
        method (str): ``'chan_vese'``, on the features, or ``'drlse'``, on the edges of the image.
        geodesic (bool): let edges of the image draw the contours of ``'chan_vese'``, see its ``edge``.
        num_classes (int): of the contract; the method treats every level set by itself.
        truncate (float): of the contract; the methods have limits of their own.
        **options: keyword arguments of :func:`chan_vese` or :func:`drlse`, e.g. ``steps=15``; pixels are
            those of x.

    Raises:
        ValueError: if the method or an option is unknown.
    """

    def __init__(
        self,
        method: str = 'chan_vese',
        geodesic: bool = True,
        num_classes: int = 1,
        truncate: float = 20.0,
        **options: Any,
    ) -> None:
        super().__init__(num_classes, truncate)
        methods: dict[str, Callable[..., Tensor]] = {'chan_vese': chan_vese, 'drlse': drlse}
        if method not in methods:
            raise ValueError(f'method is {method!r}, expected one of {sorted(methods)}.')
        self.method, self.geodesic, self.options = method, geodesic, options
        parameters = inspect.signature(methods[method]).parameters
        allowed = set(parameters) - {'phi', 'data', 'weight', 'edge'}
        if unknown := sorted(set(options) - allowed):
            raise ValueError(f'unknown options {unknown} of {method}, expected {sorted(allowed)}.')

        if (radius := options.get('local_radius')) is not None:
            check_count('local_radius', radius, 1)
        check_count('steps', options.get('steps', 0), 0)
        check_number('length', options.get('length', 0), 0)
        # Lengths of chan_vese: their values, or their defaults.
        self.lengths = {
            name: options.get(name, parameters[name].default)
            for name in ('step_size', 'eps', 'max_phi')
            if name in allowed
        }
        for name, value in self.lengths.items():
            check_number(name, value, 0, ends='()')

    @torch.no_grad()
    def forward(self, phi: Tensor, image: Tensor, features: Tensor) -> Tensor:
        """Evolve phi^0 (N, C, h, w) to phi^T of the same shape, without gradient, see :meth:`Evolution.forward`."""
        size = phi.shape[2:]
        if self.method == 'drlse':
            start = F.interpolate(phi, image.shape[2:], mode='bilinear')
            moved = drlse(start, edge_stopping(image), **self.options)
            # What enlarging and averaging alone would change is taken back.
            return shrink(moved, size) + (phi - shrink(start, size))
        ratio = image.shape[3] / phi.shape[3]
        options = self.options | {name: value / ratio for name, value in self.lengths.items()}
        if radius := options.get('local_radius'):
            options['local_radius'] = max(round(radius / ratio), 1)
        edge = edge_map(image, size) if self.geodesic else None
        return ratio * chan_vese(phi / ratio, features, edge=edge, **options)

    def extra_repr(self) -> str:
        """Show the options where the module is printed."""
        return ', '.join([repr(self.method), *(f'{k}={v}' for k, v in self.options.items())])


def _variance(data: Tensor, weight: Tensor | None) -> Tensor:
    """Variance of I_c = w_c X over the map, mean over the K channels, (N, C or 1, 1, 1)."""
    x = data.flatten(2)
    w = torch.ones_like(x[:, :1]) if weight is None else weight.flatten(2)
    power = w.square() @ x.square().mean(dim=1)[:, :, None] / x.shape[2]
    mean = w @ x.transpose(1, 2) / x.shape[2]
    return (power - mean.square().mean(dim=2, keepdim=True))[..., None]


def _double_well_rate(slope: Tensor) -> Tensor:
    """d_p(s) = p'(s) / s of the double well: sin(2 pi s) / (2 pi s) up to s = 1, then 1 - 1 / s."""
    angle = slope.clamp(_TINY, 1).mul_(2 * math.pi)  # either part is zero where the other acts
    return angle.sin().div_(angle).add_(1).sub_(slope.clamp_min(1).reciprocal_())


def _dirac(phi: Tensor) -> Tensor:
    """Raised-cosine Dirac function of Li et al., zero beyond _DIRAC_WIDTH pixels."""
    angle = phi.clamp(-_DIRAC_WIDTH, _DIRAC_WIDTH).mul_(math.pi / _DIRAC_WIDTH)
    return angle.cos_().add_(1).mul_(0.5 / _DIRAC_WIDTH)

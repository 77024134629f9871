"""Level set energies (eq 18-24) and the forces that follow from them.

One soft Heaviside function H = sigmoid(phi / eps) is used everywhere; eq 22-23 as printed put phi
itself in the numerators, which is not a mean. With I_c = w_c X (eq 20), h = H(phi_c), g = 1 - h and
window averages <.>, the Chan-Vese energy with the optimal means mu = <hI>/<h>, nu = <gI>/<g> is

    E_c = <I^2> - <I>^2 - |D|^2 (1 / <h> + 1 / <g>),   D = <hI><g> - <gI><h>,

the total variance of the data minus the variance that the two regions explain. The sums of h and g
are taken separately, so nothing cancels when a region runs empty; then the energy is the total
variance and the force fades to zero. By the envelope theorem the means need no gradient:

    dE_c/dh = -2 I (mu - nu) + mu^2 - nu^2,

with mu and nu measured from <I>. I_c, (N, C, K, h, w), is never built by the global energy.
"""

from .common import IMAGE_STRIDE, alone, heaviside, reduced, shrink, standardise
from .contour import (
    backward_divergence,
    contour_length,
    edge_attraction,
    edge_map,
    edge_stopping,
    forward_gradient,
)
from .local import local_data_force, local_region_energy
from .region import data_force, region_energy

__all__ = [
    'IMAGE_STRIDE',
    'alone',
    'backward_divergence',
    'contour_length',
    'data_force',
    'edge_attraction',
    'edge_map',
    'edge_stopping',
    'forward_gradient',
    'heaviside',
    'local_data_force',
    'local_region_energy',
    'reduced',
    'region_energy',
    'shrink',
    'standardise',
]

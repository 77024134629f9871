"""Random walk on the pixel grid by a sparse matrix, the last step of PSA and IRN.

Both square a dense N x N matrix t times. A matrix with at most 2 P + 1 entries per row can be applied
2^t times instead: the same result, in megabytes for gigabytes.
"""

import warnings

import numpy as np
import torch
from torch import Tensor

# torch calls all of CSR beta; only the product with a dense matrix is used here.
warnings.filterwarnings('ignore', message='Sparse CSR tensor support is in beta state')


def transition_matrix(
    affinity: Tensor,
    offsets: np.ndarray,
    size: tuple[int, int],
    beta: float,
    left: int = 0,
) -> Tensor:
    """Transition probabilities of the walk from the affinities of pairs.

    Row i is affinity(i, j)^beta over all partners j of pixel i, both of whose ends lie in the map,
    and 1 for i itself, divided by the sum of the row. PSA and IRN write the transpose.

    Args:
        affinity (Tensor): affinity of the pairs in [0, 1], (P, h', w'), by their source pixel.
        offsets (np.ndarray): (dy, dx) from source to partner, (P, 2).
        size: (h, w) of the map.
        beta: Exponent; higher values stop the walk at weaker edges.
        left: Column of the map that the first source of a row lies in; the first row is 0.

    Returns:
        Tensor: sparse CSR, (h w, h w) float64 with 32-bit indices, 12 bytes per entry; rows sum to 1.
        In float32, 256 steps would add up rounding errors of 1.5e-5.
    """
    height, width = size
    device = affinity.device
    rows = torch.arange(affinity.shape[1], device=device)[:, None]
    columns = torch.arange(affinity.shape[2], device=device) + left
    targets = torch.as_tensor(offsets, device=device)
    target_rows = rows + targets[:, 0, None, None]
    target_columns = columns + targets[:, 1, None, None]
    inside = (rows < height) & (columns >= 0) & (columns < width)
    inside = inside & (target_rows < height) & (target_columns >= 0) & (target_columns < width)
    source = (rows * width + columns).expand_as(inside)[inside]
    target = (target_rows * width + target_columns)[inside]
    weight = affinity[inside].double() ** beta
    loop = torch.arange(height * width, device=device)
    i, j = torch.cat([source, target, loop]), torch.cat([target, source, loop])
    values = torch.cat([weight, weight, torch.ones_like(loop, dtype=weight.dtype)])
    values /= values.new_zeros(height * width).index_add_(0, i, values)[i]
    order = (i * (height * width) + j).argsort()
    starts = torch.zeros(height * width + 1, dtype=torch.int32, device=device)
    starts[1:] = i.bincount(minlength=height * width).cumsum(0)
    return torch.sparse_csr_tensor(
        starts, j[order].int(), values[order], size=(height * width,) * 2, check_invariants=True
    )


def random_walk(x: Tensor, transition: Tensor, steps: int) -> Tensor:
    """Let scores spread to similar neighbours.

    Args:
        x (Tensor): scores, (K, h, w).
        transition (Tensor): sparse CSR, (h w, h w), rows sum to 1; see :func:`transition_matrix`.
        steps: Steps of the walk; 2^t where PSA and IRN square their matrix t times.

    Returns:
        Tensor: like ``x``; every value lies between the extremes of its channel in ``x``.
    """
    scores = x.flatten(1).t().to(transition.dtype).contiguous()
    for _ in range(steps):
        scores = transition @ scores
    return scores.t().reshape(x.shape).to(x.dtype)

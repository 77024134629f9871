"""Propagation of class activation maps along the similarity of pixels: the pixel correlation module.

Y. Wang et al., "Self-supervised equivariant attention mechanism for weakly supervised semantic
segmentation", CVPR 2020, section 3.3; MuSCLe uses the same step.
"""

import torch
from torch import Tensor

EPS = 1e-5  # SEAM, of the vectors' length and of the columns' sum
# Elements of the similarity matrix that are in memory at a time, 128 MiB of float32. A training
# crop of 448 x 448 needs 9.8 million an image, the double size of a VOC image 140 million.
MAX_ELEMENTS = 2**25


def propagate(cam: Tensor, features: Tensor, max_elements: int = MAX_ELEMENTS) -> Tensor:
    """Replace every pixel's scores by the average over the pixels that look like it.

    With unit pixel vectors f and A = ReLU(f^T f), the result is C A / (sum of A over its rows): the
    columns of A are normalised. Blocks of columns are independent, so the hw x hw matrix is never
    whole in memory (while gradients are recorded its blocks are kept for the backward pass).

    Args:
        cam (Tensor): scores C of the channels, (N, C, h, w), any scale, background or not.
        features (Tensor): pixel vectors, (N, K, h, w), signed; unit length is made here.
        max_elements (int): of the matrix that are computed at a time; changes the memory only.

    Returns:
        Tensor: propagated scores, (N, C, h, w), in the scale of ``cam``.

    Raises:
        ValueError: The two grids differ.
    """
    if features.shape[0] != cam.shape[0] or features.shape[2:] != cam.shape[2:]:
        raise ValueError(
            f'cam is {tuple(cam.shape)} and features are {tuple(features.shape)}, expected equal N, '
            'h and w: resize one to the grid of the other.'
        )
    f = features.flatten(2)
    f = f / (f.norm(dim=1, keepdim=True) + EPS)
    # The row of ones makes the same product give the columns' sums.
    scores = torch.cat([cam, torch.ones_like(cam[:, :1])], dim=1).flatten(2)
    block = max(1, max_elements // (f.shape[0] * f.shape[2]))
    out = torch.cat(
        [scores @ (f.transpose(1, 2) @ columns).relu() for columns in f.split(block, dim=2)], dim=2
    )
    return (out[:, :-1] / (out[:, -1:] + EPS)).view_as(cam)

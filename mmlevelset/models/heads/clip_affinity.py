"""Class-aware attention-based affinity of CLIP-ES (Lin et al., CVPR 2023, section 3.4)."""

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

ROUNDS = 3  # of Sinkhorn's normalisation
EPS = 1e-7  # added to the maximum that a map is divided by


def unit_range(maps: Tensor) -> Tensor:
    """Maps (..., h, w) scaled to [0, 1), each from its minimum to its maximum; constants become 0."""
    maps = maps - maps.amin((-2, -1), keepdim=True)
    return maps / (maps.amax((-2, -1), keepdim=True) + EPS)


def transitions(attention: Tensor) -> Tensor:
    """Two steps of a walk between patches.

    Sinkhorn's normalisation, columns before rows, brings the attention near to a doubly stochastic
    matrix A; the walk is S S with S = (A + A^T) / 2.

    Args:
        attention (Tensor): (N, L, L) by query and key, > 0.

    Returns:
        Tensor: (N, L, L), by target and source.
    """
    for _ in range(ROUNDS):
        attention = attention / attention.sum(1, keepdim=True)
        attention = attention / attention.sum(2, keepdim=True)
    attention = (attention + attention.mT) / 2
    return attention @ attention


def boxes(maps: Tensor, threshold: float) -> Tensor:
    """Mask the bounding boxes of what is bright in a map.

    The official code finds contours with OpenCV. The boxes of nested ones lie in those of the outer
    ones, so what counts is the 8-connected components. A box that touches the lower or the right rim
    is cut by one cell there, as in the official code.

    Args:
        maps (Tensor): (..., h, w), in [0, 1]; compared with 8 bits.
        threshold: Share of the maximum that a cell must exceed.

    Returns:
        Tensor: like ``maps``, 0 or 1.
    """
    masks = np.zeros(maps.shape, np.float32)
    grey = (maps.cpu().numpy() * np.float32(255)).astype(np.uint8)
    height, width = maps.shape[-2:]
    for index in np.ndindex(*maps.shape[:-2]):
        bright = grey[index] > int(threshold * int(grey[index].max()))
        for rows, columns in ndimage.find_objects(ndimage.label(bright, np.ones((3, 3)))[0]):
            bottom, right = min(rows.stop, height - 1), min(columns.stop, width - 1)
            masks[index][rows.start : bottom, columns.start : right] = 1
    return torch.from_numpy(masks).to(maps)


def refined(maps: Tensor, attention: Tensor, threshold: float) -> Tensor:
    """Let every map spread from its boxes over similar patches.

    Args:
        maps (Tensor): (N, C, h, w), in [0, 1].
        attention (Tensor): (N, h * w, h * w) by query and key, > 0.
        threshold: See :func:`boxes`.

    Returns:
        Tensor: (N, C, h, w), in [0, 1).
    """
    source = (maps * boxes(maps, threshold)).flatten(2)
    return unit_range((source @ transitions(attention).mT).view_as(maps))

"""Affinity of pixel pairs: from features (PSA), from edges (IRN), from labels (to train either)."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmlevelset.affinity.paths import half_disc, search_paths, shifted

IGNORE = 255


class PairLabels(NamedTuple):
    """What the labels say about pairs; of ignored pixels nothing, (N, P, S) bool each."""

    background: Tensor  # both are background
    foreground: Tensor  # both are of the same class
    different: Tensor


def feature_affinity(features: Tensor, radius: int) -> Tensor:
    """Affinity of PSA: exp(-mean over channels of |f_i - f_j|).

    Args:
        features (Tensor): (N, K, h, w).
        radius: See :func:`half_disc`, in pixels of the map.

    Returns:
        Tensor: (N, P, h', w') in (0, 1], pairs in the order of :func:`half_disc`, sources as of
        :func:`shifted`.
    """
    source = shifted(features, (0, 0), radius)
    pairs = [
        (-(source - shifted(features, offset, radius)).abs().mean(dim=1)).exp()
        for offset in half_disc(radius)
    ]
    return torch.stack(pairs, dim=1)


def path_affinity(edge: Tensor, radius: int) -> Tensor:
    """Affinity of IRN: 1 - the strongest edge on the way.

    Args:
        edge (Tensor): probability of an edge in [0, 1], (N, h, w).
        radius: See :func:`half_disc`, in pixels of the map.

    Returns:
        Tensor: (N, P, h', w') in [0, 1], pairs in the order of :func:`search_paths`.
    """
    pairs = []
    for path in search_paths(radius):
        on_the_way = torch.stack([shifted(edge, point, radius) for point in path])
        pairs.append(1 - on_the_way.max(dim=0).values)  # one pixel takes the gradient
    return torch.stack(pairs, dim=1)


def pair_labels(label: Tensor, offsets: np.ndarray, radius: int) -> PairLabels:
    """What labels say about pairs.

    Args:
        label (Tensor): 0 background, 1.. classes, 255 ignored, (N, h, w) integers.
        offsets (np.ndarray): (dy, dx) of the pairs, (P, 2), in pixels of the map.
        radius: See :func:`half_disc`, in pixels of the map.

    Returns:
        PairLabels: (N, P, h', w') each.
    """
    source = shifted(label, (0, 0), radius)[:, None]
    other = torch.stack([shifted(label, offset, radius) for offset in offsets], dim=1)
    known = (source != IGNORE) & (other != IGNORE)
    same = known & (source == other)
    return PairLabels(same & (source == 0), same & (source > 0), known & (source != other))


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of ``values`` where ``mask`` (same shape, bool) is set; 0 where it is nowhere set."""
    return (values * mask).sum() / (mask.sum() + 1e-5)  # 1e-5: PSA and IRN


def affinity_losses(affinity: Tensor, labels: PairLabels) -> dict[str, Tensor]:
    """Cross entropy of the three kinds of pairs, each averaged over its pairs of the whole batch.

    The sum of them, the loss of PSA and of IRN, weights same : different as 1/2 : 1/2.

    Args:
        affinity (Tensor): (N, P, h', w') in [0, 1].
        labels: (N, P, h', w') each.

    Returns:
        dict: ``loss_background``, ``loss_foreground`` and ``loss_different``, with the weights 1/4,
        1/4 and 1/2 applied.
    """
    same, different = -(affinity + 1e-5).log(), -(1 + 1e-5 - affinity).log()  # 1e-5: theirs
    return dict(
        loss_background=masked_mean(same, labels.background) / 4,
        loss_foreground=masked_mean(same, labels.foreground) / 4,
        loss_different=masked_mean(different, labels.different) / 2,
    )

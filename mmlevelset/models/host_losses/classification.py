"""Losses of image-level class probabilities, and how often they are right.

Constants are those of SCoulY/MuSCLe, commit 79c9e4d.
"""

import torch
from torch import Tensor

FOCUS, WEIGHT = 2.0, 0.5  # gamma and alpha of the focal loss
TINY = 1e-9  # keeps its logarithm finite


def focal_loss(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Binary focal loss (arXiv:1708.02002), summed over the classes.

    Args:
        probabilities (Tensor): of the C foreground classes, (N, C), in [0, 1].
        labels (Tensor): image labels, (N, C), 0/1.

    Returns:
        Tensor: mean over the images, a scalar >= 0.
    """
    p = labels * probabilities + (1 - labels) * (1 - probabilities)
    return (-WEIGHT * (1 - p) ** FOCUS * (p + TINY).log()).sum(1).mean()


def pairwise_ranking_loss(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Log-sum-exp pairwise loss (LSEP, arXiv:1704.03135): present classes score above absent ones.

    In the host's form the mean runs over all C x C pairs, with zeros for the classes on the wrong
    side, and over probabilities instead of logits.

    Args:
        probabilities (Tensor): of the C foreground classes, (N, C), in [0, 1].
        labels (Tensor): image labels, (N, C), 0/1.

    Returns:
        Tensor: mean over the images, a scalar > 0.
    """
    present, absent = probabilities * labels, probabilities * (1 - labels)
    gaps = absent[:, None, :] - present[:, :, None]
    return torch.log1p(gaps.exp().mean((1, 2))).mean()


@torch.no_grad()
def image_level_decisions(logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """How well a classifier knows what the images show; logged, not descended.

    Args:
        logits (Tensor): (N, C), positive where the class is said to be present.
        labels (Tensor): image labels, (N, C), 0/1.

    Returns:
        dict: scalars in per cent: ``acc_cls``, decisions that are right, which of many classes are
        mostly absences, and ``recall_cls``, labelled classes that are recognised, 100 where none is labelled.
    """
    said, shown = logits > 0, labels.bool()
    missed = (~said & shown).sum() / shown.sum().clamp_min(1)
    return dict(acc_cls=(said == shown).float().mean() * 100, recall_cls=100 - missed * 100)

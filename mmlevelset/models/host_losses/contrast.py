"""Contrast of image embeddings by their image-level labels. Constants: SCoulY/MuSCLe, commit 79c9e4d."""

import torch
from torch import Tensor
from torch.nn import functional as F

TEMPERATURE = 0.1
EPS = 1e-6  # of the embeddings' length and of both sums


def image_contrast_loss(embeddings: Tensor, labels: Tensor) -> Tensor:
    """Inter-image contrast (IMC): images of the same classes attract, of disjoint classes repel.

    An anchor is compared with the later images of the batch only, and counts where it has at
    least one partner of each kind and more negatives than positives.

    Args:
        embeddings (Tensor): pooled features, (N, K), any length; unit length is made here.
        labels (Tensor): image labels, (N, C), 0/1.

    Returns:
        Tensor: sum over the anchors divided by N, a scalar >= 0; 0 with the graph where none counts.
    """
    e = F.normalize(embeddings.float(), dim=1, eps=EPS)
    with torch.autocast(e.device.type, enabled=False):
        affinity = (e @ e.T / TEMPERATURE).exp()
    later = labels.new_ones(len(labels), len(labels)).triu(1)
    positive = later * (labels[:, None] == labels[None]).all(2)
    negative = later * (labels @ labels.T == 0)
    counts = positive.sum(1), negative.sum(1)
    counted = (counts[0] > 0) & (counts[1] > counts[0])
    attraction = EPS + (affinity * positive).sum(1)
    repulsion = EPS + (affinity * negative).sum(1)
    anchors = -(attraction / (attraction + repulsion)).log()
    return (anchors * counted).sum() / len(labels)

"""Losses of the hosts, each as its official code computes it."""

from .classification import focal_loss, image_level_decisions, pairwise_ranking_loss
from .consistency import (
    equivariant_loss,
    max_norm,
    overlap,
    pixel_consistency_loss,
    present_channels,
    softmax_norm,
)
from .contrast import image_contrast_loss
from .emd import emd_loss

__all__ = [
    'emd_loss',
    'equivariant_loss',
    'focal_loss',
    'image_contrast_loss',
    'image_level_decisions',
    'max_norm',
    'overlap',
    'pairwise_ranking_loss',
    'pixel_consistency_loss',
    'present_channels',
    'softmax_norm',
]

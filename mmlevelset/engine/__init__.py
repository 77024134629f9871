"""Hooks and learning rates for the runner of mmengine."""

from .epoch_seed_hook import EpochSeedHook
from .label_free_plateau import LabelFreePlateauLR
from .loss_warmup_hook import LossWarmupHook
from .timm_cosine_lr import TimmCosineLR
from .visualization_hook import LevelSetVisualizationHook

__all__ = [
    'EpochSeedHook',
    'LabelFreePlateauLR',
    'LevelSetVisualizationHook',
    'LossWarmupHook',
    'TimmCosineLR',
]

"""Hooks, a loop and learning rates for the runner of mmengine."""

from .crf_test_loop import CRFTestLoop
from .epoch_seed_hook import EpochSeedHook
from .finite_hook import FiniteHook
from .joint_optimizer import JointOptimizer, LevelSetOptimWrapperConstructor
from .label_free_plateau import LabelFreePlateauLR
from .level_set_watch_hook import LevelSetWatchHook
from .load_guard_hook import LoadGuardHook
from .loss_warmup_hook import LossWarmupHook
from .poly_to_end_lr import PolyToEndLR
from .timm_cosine_lr import TimmCosineLR
from .visualization_hook import LevelSetVisualizationHook

__all__ = [
    'CRFTestLoop',
    'EpochSeedHook',
    'FiniteHook',
    'JointOptimizer',
    'LabelFreePlateauLR',
    'LevelSetOptimWrapperConstructor',
    'LevelSetVisualizationHook',
    'LevelSetWatchHook',
    'LoadGuardHook',
    'LossWarmupHook',
    'PolyToEndLR',
    'TimmCosineLR',
]

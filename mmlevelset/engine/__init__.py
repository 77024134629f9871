from .epoch_seed_hook import EpochSeedHook
from .loss_warmup_hook import LossWarmupHook
from .visualization_hook import LevelSetVisualizationHook

__all__ = ['EpochSeedHook', 'LevelSetVisualizationHook', 'LossWarmupHook']

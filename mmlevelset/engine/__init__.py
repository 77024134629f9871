from .epoch_seed_hook import EpochSeedHook
from .loss_warmup_hook import LossWarmupHook

__all__ = ['EpochSeedHook', 'LossWarmupHook']

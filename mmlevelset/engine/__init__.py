from .loss_warmup_hook import LossWarmupHook

__all__ = ['LossWarmupHook']

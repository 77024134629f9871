"""Make a resumed training equal an uninterrupted one, as far as this process draws the numbers."""

import random

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmlevelset.registry import HOOKS


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seed all generators from the run's seed, the epoch and the rank, at the start of every epoch.

    A checkpoint holds no generator states, so flips and stochastic depth of a resumed run would
    start again from the seed. Checkpoints must be taken at the end of epochs, and the data loaded in
    this process (``num_workers=0``): workers keep generators of their own. A training by iterations is
    seeded once, at its start.
    """

    priority = 'VERY_HIGH'

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed Python, NumPy and torch."""
        words = np.random.SeedSequence((runner.seed, runner.epoch, get_rank())).generate_state(3)
        random.seed(int(words[0]))
        np.random.seed(words[1])
        torch.manual_seed(int(words[2]))

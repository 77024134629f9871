"""Refiners, which turn seeds into soft maps."""

from .base import Refiner, rgb_image, with_background
from .crf import DenseCRF
from .evolution import EvolutionRefiner, LevelSetRefiner
from .irn import IRLabel, IRNWalk
from .par import PAR
from .psa import PSAWalk
from .random_walk import random_walk, transition_matrix

__all__ = [
    'DenseCRF',
    'EvolutionRefiner',
    'IRLabel',
    'IRNWalk',
    'LevelSetRefiner',
    'PAR',
    'PSAWalk',
    'Refiner',
    'random_walk',
    'rgb_image',
    'transition_matrix',
    'with_background',
]

"""Segmentors of the hosts that need more than one forward pass."""

from .muscle import MuSCLe, MuSCLeDistributedDataParallel
from .seam import SEAM
from .seed_segmentor import SeedSegmentor

__all__ = ['SEAM', 'MuSCLe', 'MuSCLeDistributedDataParallel', 'SeedSegmentor']

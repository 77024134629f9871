"""Segmentors of the hosts that need more than one forward pass."""

from .muscle import MuSCLe, MuSCLeDistributedDataParallel
from .seam import SEAM

__all__ = ['SEAM', 'MuSCLe', 'MuSCLeDistributedDataParallel']

from .muscle import MuSCLe, MuSCLeDistributedDataParallel
from .seam import SEAM

__all__ = ['SEAM', 'MuSCLe', 'MuSCLeDistributedDataParallel']

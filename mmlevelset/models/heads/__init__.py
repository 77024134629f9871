from .cam_head import CAMHead
from .mctformer_head import MCTformerHead
from .muscle_head import MuSCLeHead
from .seam_head import SEAMHead

__all__ = ['CAMHead', 'MCTformerHead', 'MuSCLeHead', 'SEAMHead']

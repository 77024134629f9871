"""Decode heads of hosts, affinity networks and segmentation models."""

from .affinity_net import AffinityNet
from .cam_head import CAMHead
from .clip_es_head import CLIPESHead
from .deeplabv2_head import DeepLabV2Head
from .irnet import IRNet
from .large_fov_head import LargeFOVHead
from .mctformer_head import MCTformerHead
from .muscle_head import MuSCLeHead
from .seam_head import SEAMHead
from .weaktr_head import WeakTrHead

__all__ = [
    'AffinityNet',
    'CAMHead',
    'CLIPESHead',
    'DeepLabV2Head',
    'IRNet',
    'LargeFOVHead',
    'MCTformerHead',
    'MuSCLeHead',
    'SEAMHead',
    'WeakTrHead',
]

"""Hosts, heads, backbones and losses, as the configs name them."""

from mmlevelset.levelset import ClassicalEvolution, FNOEvolution, LevelSetEnergyLoss
from mmlevelset.registry import MODELS

from .backbones import CLIPViT, DeepLabResNet, EfficientNet, MCTformer, ResNet38, StemResNet
from .cam_methods import LPCAM, AdvCAM
from .data_preprocessor import LevelSetPreProcessor
from .decode_loss import (
    DecodeLevelSetLoss,
    LevelSetCascadeEncoderDecoder,
    LevelSetEncoderDecoder,
)
from .heads import (
    AffinityNet,
    CAMHead,
    CLIPESHead,
    DeepLabV2Head,
    IRNet,
    LargeFOVHead,
    MCTformerHead,
    MuSCLeHead,
    SEAMHead,
    WeakTrHead,
)
from .hosts import SEAM, MuSCLe, MuSCLeDistributedDataParallel, SeedSegmentor
from .level_set_head import LevelSetHead
from .losses import CAMLoss, SDFLoss
from .msc import MultiScaleSegmentor
from .seg_tta import SegTTAModel
from .tta import CAMTTAModel

# The paper's modules know no registry; here they get their names in configs.
for module in (FNOEvolution, ClassicalEvolution, LevelSetEnergyLoss):
    MODELS.register_module(module=module)

__all__ = [
    'AdvCAM',
    'AffinityNet',
    'CAMHead',
    'CAMLoss',
    'CAMTTAModel',
    'CLIPESHead',
    'CLIPViT',
    'ClassicalEvolution',
    'DecodeLevelSetLoss',
    'DeepLabResNet',
    'DeepLabV2Head',
    'EfficientNet',
    'FNOEvolution',
    'IRNet',
    'LPCAM',
    'LargeFOVHead',
    'LevelSetCascadeEncoderDecoder',
    'LevelSetEncoderDecoder',
    'LevelSetEnergyLoss',
    'LevelSetHead',
    'LevelSetPreProcessor',
    'MCTformer',
    'MCTformerHead',
    'MuSCLe',
    'MuSCLeDistributedDataParallel',
    'MuSCLeHead',
    'MultiScaleSegmentor',
    'ResNet38',
    'SDFLoss',
    'SEAM',
    'SEAMHead',
    'SeedSegmentor',
    'SegTTAModel',
    'StemResNet',
    'WeakTrHead',
]

from mmlevelset.levelset import ClassicalEvolution, FNOEvolution
from mmlevelset.registry import MODELS

from .backbones import EfficientNet, MCTformer, ResNet38
from .data_preprocessor import LevelSetPreProcessor
from .heads import CAMHead, MCTformerHead, MuSCLeHead, SEAMHead
from .hosts import SEAM, MuSCLe, MuSCLeDistributedDataParallel
from .level_set_head import LevelSetHead
from .losses import LevelSetEnergyLoss, SDFLoss
from .tta import CAMTTAModel

# The paper's modules know no registry; here they get their names in configs.
for module in (FNOEvolution, ClassicalEvolution):
    MODELS.register_module(module=module)

__all__ = [
    'CAMHead',
    'CAMTTAModel',
    'ClassicalEvolution',
    'EfficientNet',
    'FNOEvolution',
    'LevelSetEnergyLoss',
    'LevelSetHead',
    'LevelSetPreProcessor',
    'MCTformer',
    'MCTformerHead',
    'MuSCLe',
    'MuSCLeDistributedDataParallel',
    'MuSCLeHead',
    'ResNet38',
    'SDFLoss',
    'SEAM',
    'SEAMHead',
]

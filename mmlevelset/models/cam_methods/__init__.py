"""Other ways to read a class activation map from a trained classifier."""

from .adv_cam import AdvCAM
from .base import CAMMethod

__all__ = ['AdvCAM', 'CAMMethod']

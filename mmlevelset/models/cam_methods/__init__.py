"""Other ways to read a class activation map from a trained classifier."""

from .adv_cam import AdvCAM
from .base import CAMMethod
from .lpcam import LPCAM

__all__ = ['AdvCAM', 'CAMMethod', 'LPCAM']

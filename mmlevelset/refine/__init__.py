from .base import Refiner, rgb_image, with_background
from .crf import DenseCRF
from .par import PAR

__all__ = ['DenseCRF', 'PAR', 'Refiner', 'rgb_image', 'with_background']

from .augment import ColorJitter, RandomPlacedCrop
from .coco14 import COCO14Dataset
from .mctformer_transforms import RandAugment, RandomErasing, RandomResizedCrop, ResizeByRatio
from .muscle_transforms import OverlappingViews, PackViews
from .shapes import ShapesDataset
from .transforms import CheckedLoadAnnotations, CheckedLoadImage
from .voc import VOCImageLabelDataset

__all__ = [
    'COCO14Dataset',
    'CheckedLoadAnnotations',
    'CheckedLoadImage',
    'ColorJitter',
    'OverlappingViews',
    'PackViews',
    'RandAugment',
    'RandomErasing',
    'RandomPlacedCrop',
    'RandomResizedCrop',
    'ResizeByRatio',
    'ShapesDataset',
    'VOCImageLabelDataset',
]

"""Images with image-level labels, their augmentations, and what prepares them."""

from mmlevelset import compat as _compat  # noqa: F401  before mmseg, to quieten it

from .affinity_transforms import (
    LoadAffinityScores,
    PoolAffinityLabel,
    RandomPlacedPairCrop,
    RandomRescale,
    StrideLabel,
)
from .augment import ColorJitter, RandomPlacedCrop
from .clip_transforms import ResizeToPatches
from .coco14 import COCO14Dataset
from .edges import LoadEdges
from .guide import LoadGuide
from .hsv_shift import RandomHSVShift
from .input_transforms import MultiScaleFlip, PackImageLabels
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
    'LoadAffinityScores',
    'LoadEdges',
    'LoadGuide',
    'MultiScaleFlip',
    'OverlappingViews',
    'PackImageLabels',
    'PackViews',
    'PoolAffinityLabel',
    'RandAugment',
    'RandomErasing',
    'RandomHSVShift',
    'RandomPlacedCrop',
    'RandomPlacedPairCrop',
    'RandomRescale',
    'RandomResizedCrop',
    'ResizeByRatio',
    'ResizeToPatches',
    'ShapesDataset',
    'StrideLabel',
    'VOCImageLabelDataset',
]

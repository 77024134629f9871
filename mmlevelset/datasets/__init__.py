from .shapes import ShapesDataset
from .transforms import CheckedLoadAnnotations, CheckedLoadImage
from .voc import VOCImageLabelDataset

__all__ = ['CheckedLoadAnnotations', 'CheckedLoadImage', 'ShapesDataset', 'VOCImageLabelDataset']

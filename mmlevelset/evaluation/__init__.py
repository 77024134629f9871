from .boundary import (
    boundary_band,
    boundary_counts,
    boundary_iou,
    boundary_report,
    contour_distance,
    trimap_confusions,
)
from .boundary_metric import BoundaryMetric
from .confusion import confusion_matrix, confusion_scores
from .folder import evaluate_labels, evaluate_seeds
from .seed_metric import SeedMetric
from .sweep import SeedSweep
from .thresholds import choose_threshold, otsu_threshold, parse_threshold

__all__ = [
    'BoundaryMetric',
    'SeedMetric',
    'SeedSweep',
    'boundary_band',
    'boundary_counts',
    'boundary_iou',
    'boundary_report',
    'choose_threshold',
    'confusion_matrix',
    'confusion_scores',
    'contour_distance',
    'evaluate_labels',
    'evaluate_seeds',
    'otsu_threshold',
    'parse_threshold',
    'trimap_confusions',
]

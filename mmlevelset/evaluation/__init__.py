"""Scores of seeds, label maps and models, and archives for evaluation servers."""

from .boundary import (
    boundary_band,
    boundary_counts,
    boundary_iou,
    boundary_report,
    contour_distance,
    trimap_confusions,
)
from .boundary_f import boundary_f, boundary_f_report, class_boundary_f
from .boundary_f_metric import BoundaryFMetric
from .boundary_metric import BoundaryMetric
from .confusion import confusion_matrix, confusion_scores
from .label_metric import LabelMetric
from .score_folder import evaluate_labels, evaluate_seeds
from .seed_metric import SeedMetric
from .sweep import SeedSweep
from .thresholds import choose_threshold, otsu_threshold, parse_threshold

__all__ = [
    'BoundaryFMetric',
    'BoundaryMetric',
    'LabelMetric',
    'SeedMetric',
    'SeedSweep',
    'boundary_band',
    'boundary_counts',
    'boundary_f',
    'boundary_f_report',
    'boundary_iou',
    'boundary_report',
    'choose_threshold',
    'class_boundary_f',
    'confusion_matrix',
    'confusion_scores',
    'contour_distance',
    'evaluate_labels',
    'evaluate_seeds',
    'otsu_threshold',
    'parse_threshold',
    'trimap_confusions',
]

"""Boundary F-measure during ``tools/test.py`` and validation."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmlevelset.registry import METRICS

from .boundary_f import TOLERANCE, boundary_f_report, class_boundary_f
from .boundary_metric import BoundaryMetric


@METRICS.register_module()
class BoundaryFMetric(BoundaryMetric):
    """Boundary F-measure of ``pred_sem_seg`` against ``gt_sem_seg``; per image, then averaged.

    Args:
        tolerance: how far a contour may be off: in image diagonals if below 1, else in pixels.
        ignore_index: void label.
        **kwargs: of :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        ValueError: on a tolerance that is not positive, a sample without ground truth, or labels out
            of range.
    """

    default_prefix = 'boundary_f'

    def __init__(
        self, tolerance: float = TOLERANCE, ignore_index: int = 255, **kwargs: Any
    ) -> None:
        super().__init__(ignore_index=ignore_index, **kwargs)
        if not tolerance > 0:
            raise ValueError(f'expected a tolerance > 0, got {tolerance}')
        self.tolerance = tolerance

    def count(self, pred: np.ndarray, target: np.ndarray) -> list[float]:
        """F of every class of one image of labels (H, W), (C,); NaN where it is in neither map."""
        return class_boundary_f(
            pred, target, len(self.classes), self.tolerance, self.ignore_index
        ).tolist()

    def report(self, results: Sequence[list[float]]) -> dict[str, float]:
        """Scores of the data set in per cent, see :func:`boundary_f_report`."""
        return boundary_f_report(map(np.asarray, results), self.classes)

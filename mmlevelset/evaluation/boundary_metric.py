"""Contour quality of label maps during ``tools/test.py`` and validation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger, print_log
from prettytable import PrettyTable

from mmlevelset.fileio.named import named
from mmlevelset.registry import METRICS

from .boundary import BOUNDARY_RATIO, boundary_report, check_bands, count_boundaries
from .confusion import check_truth, label_names


@METRICS.register_module()
class BoundaryMetric(BaseMetric):
    """Boundary IoU and trimap mIoU of ``pred_sem_seg`` against ``gt_sem_seg``.

    Intersections and unions are added up over the data set before they are divided. Means are over
    the classes that occur.

    Args:
        ratio: width of the boundary bands, in image diagonals (Cheng et al. 2021).
        radii: radii of the trimaps, in pixels.
        ignore_index: void label.
        **kwargs: of :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        ValueError: on a ratio or radius out of range, a sample without ground truth, or labels out
            of range.
    """

    default_prefix = 'boundary'

    def __init__(
        self,
        ratio: float = BOUNDARY_RATIO,
        radii: Sequence[float] = (3,),
        ignore_index: int = 255,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_bands(ratio, radii)
        self.ratio, self.radii, self.ignore_index = ratio, tuple(radii), ignore_index

    @property
    def classes(self) -> list[str]:
        """Names of the labels, background first, (C,)."""
        classes = (self.dataset_meta or {}).get('classes')
        if not classes:
            raise ValueError(
                f'{type(self).__name__} needs the class names: the data set has no metainfo '
                '`classes`'
            )
        return label_names(classes)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Count one batch; every image adds one result."""
        for sample in data_samples:
            if 'gt_sem_seg' not in sample:
                raise ValueError(
                    f'{type(self).__name__} needs ground truth: add LoadAnnotations to the pipeline'
                )
            pred, target = (
                sample[key]['data'].squeeze(0).cpu().numpy()
                for key in ('pred_sem_seg', 'gt_sem_seg')
            )
            with named(sample.get('seg_map_path') or sample.get('img_path', 'a sample')):
                counts = self.count(pred, target)
            true = np.bincount(target[target != self.ignore_index], minlength=len(self.classes))
            self.results.append(dict(counts=counts, true_pixels=true))

    def count(self, pred: np.ndarray, target: np.ndarray) -> Any:
        """What one image of labels (H, W) adds to the results."""
        return count_boundaries(
            pred, target, len(self.classes), self.ratio, self.radii, self.ignore_index
        )

    def report(self, results: Sequence[Any]) -> dict[str, float]:
        """Scores of the data set, given what :meth:`count` returned for each of its images."""
        return boundary_report(results, self.classes, self.radii)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Score the data set.

        Args:
            results: what :meth:`process` added, one per image.

        Returns:
            dict[str, float]: see :func:`~mmlevelset.evaluation.boundary.boundary_report`; per cent.

        Raises:
            ValueError: No class occurs in the ground truth.
        """
        check_truth(np.sum([result['true_pixels'] for result in results], 0), len(results))
        scores = self.report([result['counts'] for result in results])
        table = PrettyTable(['', f'{len(results)} images'])
        table.align[''] = 'l'
        for name, value in scores.items():
            table.add_row([name, f'{value:.2f}'])
        print_log('\n' + table.get_string(), logger=MMLogger.get_current_instance())
        return scores

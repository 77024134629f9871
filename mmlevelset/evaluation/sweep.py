"""Evaluation of seeds at every background threshold in one pass over the images.

The label of a pixel is ``argmax([t, scores])``. The scores name a winner and its value, whatever t
is, so counting pixels by (true label, winner, number of thresholds below the value) gives all
confusion matrices by a cumulative sum.
"""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmlevelset.fileio.seeds import check_seed, key_array

from .confusion import (
    Scores,
    SparseCounts,
    add_counts,
    check_absent,
    check_labels,
    check_truth,
    confusion_scores,
)
from .thresholds import (
    FALLBACK,
    HISTOGRAM_BINS,
    THRESHOLDS,
    choose_threshold,
    parse_threshold,
    score_histogram,
)


@dataclass(frozen=True)
class SeedCounts:
    """What one image adds to the evaluation of seeds.

    Not a NamedTuple, because mmengine turns tuples into plain ones when it gathers results.

    Attributes:
        sweep (SparseCounts | None): pixels by true label, winner and bin, see
            :meth:`SeedSweep.count`; None without ground truth.
        histogram (np.ndarray | None): all pixels by ``round(255 * highest score)``, (256,) uint32;
            None if no class is present.
    """

    sweep: SparseCounts | None
    histogram: np.ndarray | None


class SeedReport(NamedTuple):
    """Scores of a seed data set; without ground truth only ``threshold`` and ``images`` are set.

    Attributes:
        images (int): number of images.
        threshold (float): the threshold chosen without ground truth.
        scores (Scores | None): scores at ``threshold``, fractions.
        oracle_threshold (float | None): best threshold of the sweep, chosen with ground truth.
        oracle (Scores | None): scores at ``oracle_threshold``, fractions.
        thresholds (np.ndarray): the sweep, (T,).
        curve (np.ndarray): mIoU over the sweep, (T,) fractions; NaN without ground truth.
        evaluated (int): number of images with ground truth.
    """

    images: int
    threshold: float
    scores: Scores | None
    oracle_threshold: float | None
    oracle: Scores | None
    thresholds: np.ndarray
    curve: np.ndarray
    evaluated: int


class SeedSweep:
    """Counts images and scores the data set at many thresholds.

    Args:
        num_classes: foreground classes C.
        threshold: rule that needs no ground truth: ``'otsu'`` or a fixed number in [0, 1).
        thresholds: the sweep in which the oracle threshold is searched, (T,) in [0, 1); default
            0.00, 0.01 ... 0.99.
        absent: convention for classes that never occur, see :func:`confusion_scores`.
        ignore_index: void label of the ground truth.

    Raises:
        ValueError: on a threshold outside [0, 1) or an unknown rule or convention.
    """

    def __init__(
        self,
        num_classes: int,
        threshold: float | str = 'otsu',
        thresholds: Sequence[float] | None = None,
        absent: str = 'nan',
        ignore_index: int = 255,
    ) -> None:
        check_absent(absent)
        self.num_classes, self.absent, self.ignore_index = num_classes, absent, ignore_index
        self.rule = parse_threshold(threshold)
        self.thresholds = np.round(THRESHOLDS if thresholds is None else thresholds, 6)
        if self.thresholds.ndim != 1 or not len(self.thresholds) or not _in_range(self.thresholds):
            raise ValueError(f'thresholds must be a list of numbers in [0, 1), got {thresholds}')
        # Count at every threshold that may be asked for: Otsu's rule yields one of THRESHOLDS.
        fixed = [] if self.rule == 'otsu' else [self.rule]
        self.grid = np.unique(np.concatenate([self.thresholds, THRESHOLDS, fixed]))

    def count(self, keys: np.ndarray, scores: np.ndarray, target: np.ndarray | None) -> SeedCounts:
        """Count one image.

        Args:
            keys (np.ndarray): present foreground classes, 0-based, ascending, (K,).
            scores (np.ndarray): seed scores in [0, 1], (K, H, W) float32.
            target (np.ndarray | None): true labels, (H, W); 0 background, key + 1 foreground.

        Returns:
            SeedCounts: a few kilobytes.

        Raises:
            ValueError: on scores outside [0, 1], keys or labels out of range, or maps of different
                size.
        """
        keys = key_array(keys)
        check_seed(keys, scores, num_classes=self.num_classes)
        size = scores.shape[1:]
        if len(keys):
            scores = scores.astype(np.float32, copy=False)
            winner, best = keys[scores.argmax(axis=0)], scores.max(axis=0)
            histogram = score_histogram(best).astype(np.uint32)
        else:
            winner, best, histogram = np.zeros(size, np.int64), np.zeros(size, np.float32), None
        if target is None:
            return SeedCounts(None, histogram)
        if target.shape != size:
            raise ValueError(
                f'seed {tuple(size)} and ground truth {target.shape} '
                'differ in size; save seeds at image size'
            )
        check_labels(target, self.num_classes + 1, self.ignore_index, 'ground truth')
        keep = target != self.ignore_index
        # float32 on both sides, as in argmax([t, scores]); side='left' counts t < score, so a tie
        # is background.
        passed = np.searchsorted(self.grid.astype(np.float32), best[keep], side='left')
        code = (target[keep].astype(np.int64) * self.num_classes + winner[keep]) * (
            len(self.grid) + 1
        ) + passed
        return SeedCounts(SparseCounts.from_table(np.bincount(code)), histogram)

    def confusions(self, counts: Iterable[SparseCounts]) -> np.ndarray:
        """Confusion matrices at every threshold of ``grid``.

        Returns:
            np.ndarray: pixels, (G, C + 1, C + 1) int64; row = true label, column = predicted label.
        """
        labels, bins = self.num_classes + 1, len(self.grid) + 1
        table = add_counts(counts, (labels, self.num_classes, bins))
        # A pixel of bin b passes the thresholds 0..b-1: those after threshold g are the bins above
        # g.
        above = table[..., ::-1].cumsum(axis=-1)[..., ::-1][..., 1:]
        confusion = np.empty((len(self.grid), labels, labels), dtype=np.int64)
        confusion[..., 1:] = above.transpose(2, 0, 1)
        confusion[..., 0] = table.sum(axis=(1, 2)) - confusion[..., 1:].sum(axis=-1)
        return confusion

    def report(self, counts: Sequence[SeedCounts]) -> SeedReport:
        """Score a data set, given what :meth:`count` returned for each of its images.

        Raises:
            ValueError: No class occurs in the ground truth.
        """
        histogram = np.zeros(HISTOGRAM_BINS, dtype=np.int64)
        for item in counts:
            if item.histogram is not None:
                histogram += item.histogram
        try:
            threshold = choose_threshold(self.rule, histogram)
        except (
            ValueError
        ) as error:  # an early epoch may give constant maps; that should not end a training
            warnings.warn(f'{error}; {FALLBACK} is used for now', stacklevel=2)
            threshold = FALLBACK
        sweeps = [item.sweep for item in counts if item.sweep is not None]
        if not sweeps:
            unknown = np.full(len(self.thresholds), np.nan)
            return SeedReport(len(counts), threshold, None, None, None, self.thresholds, unknown, 0)
        confusion = self.confusions(sweeps)
        check_truth(confusion[0].sum(axis=1), len(sweeps))

        def scores_at(value: float) -> Scores:
            return confusion_scores(confusion[np.searchsorted(self.grid, value)], self.absent)

        curve = confusion_scores(
            confusion[np.searchsorted(self.grid, self.thresholds)], self.absent
        ).miou
        best = float(self.thresholds[np.argmax(curve)])
        return SeedReport(
            len(counts),
            threshold,
            scores_at(threshold),
            best,
            scores_at(best),
            self.thresholds,
            curve,
            len(sweeps),
        )


def _in_range(values: np.ndarray) -> bool:
    return bool(((values >= 0) & (values < 1)).all())

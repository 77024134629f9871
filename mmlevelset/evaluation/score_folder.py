"""Evaluation of exported folders: seeds (``.npz``) and label maps (``.png``)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmlevelset.fileio.conventions import mask_conventions
from mmlevelset.fileio.labels import read_label
from mmlevelset.fileio.named import named
from mmlevelset.fileio.output import finished_ids
from mmlevelset.fileio.seeds import read_seed, seed_to_label
from mmlevelset.parallel import progress

from .boundary import (
    BOUNDARY_RATIO,
    BoundaryCounts,
    boundary_report,
    check_bands,
    count_boundaries,
)
from .boundary_f import boundary_f_report, class_boundary_f
from .confusion import check_absent, check_truth, confusion_matrix, confusion_scores, label_names
from .seed_scores import flat_scores, seed_table
from .sweep import SeedSweep


def evaluate_seeds(
    seed_dir: str | Path,
    gt_dir: str | Path,
    classes: Sequence[str],
    ids: Sequence[str] | None = None,
    threshold: float | str = 'otsu',
    thresholds: Sequence[float] | None = None,
    absent: str = 'nan',
    ratio: float = BOUNDARY_RATIO,
    radii: Sequence[float] = (3,),
    facts: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Score regions and contours of seed files at the label-free and the oracle threshold.

    Args:
        seed_dir: folder of ``<id>.npz``.
        gt_dir: folder of ``<id>.png``, 0 background, 1..C classes, 255 void.
        classes: class names, with or without background.
        ids: images to score; default: all of the folder.
        threshold: rule that needs no ground truth, ``'otsu'``, a number in [0, 1), or
            the ``.json`` of an evaluation of seeds.
        thresholds: sweep of the oracle; default 0.00 ... 0.99.
        absent: convention for classes that never occur, ``'nan'`` or ``'zero'``.
        ratio: width of the boundary bands in image diagonals.
        radii: radii of the trimaps in pixels.
        facts: what else to print and store (split ...).

    Returns:
        dict: ``scores`` (flat, as of :class:`SeedMetric`), ``boundary`` and ``oracle_boundary``
        (flat, as of :class:`BoundaryMetric`), ``sweep`` (``thresholds`` (T,), ``mIoU`` (T,) in per
        cent), ``table`` (str), and what was evaluated.

    Raises:
        FileNotFoundError: if a seed or a ground-truth map is missing.
        ValueError: if a file is damaged, or sizes, labels or options do not fit.
    """
    check_bands(ratio, radii)
    seed_dir, gt_dir, classes = Path(seed_dir), Path(gt_dir), label_names(classes)
    facts = dict(
        facts or {}, gt_dir=gt_dir.as_posix(), **mask_conventions(gt_dir), absent_classes=absent
    )
    ids = finished_ids(seed_dir, '.npz', ids)
    sweep = SeedSweep(len(classes) - 1, threshold, thresholds, absent)
    counts = []
    for name in progress(ids, len(ids), 'regions'):
        seed = read_seed(seed_dir / f'{name}.npz', len(classes) - 1)
        truth = gt_dir / f'{name}.png'
        target = read_label(truth)
        with named(truth):
            counts.append(sweep.count(seed.keys, seed.scores, target))
    report = sweep.report(counts)

    scores = flat_scores(report, classes)
    chosen: list[BoundaryCounts] = []
    oracle: list[BoundaryCounts] = []
    for name in progress(ids, len(ids), 'contours'):
        seed, target = read_seed(seed_dir / f'{name}.npz'), read_label(gt_dir / f'{name}.png')
        for value, kept in ((report.threshold, chosen), (scores['oracle_threshold'], oracle)):
            label = seed_to_label(seed, value)
            kept.append(count_boundaries(label, target, len(classes), ratio, radii))
    return dict(
        kind='seeds',
        folder=seed_dir.as_posix(),
        images=len(ids),
        facts=facts,
        threshold_rule=sweep.rule,
        scores=scores,
        boundary=boundary_report(chosen, classes, radii),
        oracle_boundary=boundary_report(oracle, classes, radii),
        sweep=dict(thresholds=report.thresholds, mIoU=100 * report.curve),
        table=seed_table(report, classes, sweep.rule, facts),
    )


def evaluate_labels(
    label_dir: str | Path,
    gt_dir: str | Path,
    classes: Sequence[str],
    ids: Sequence[str] | None = None,
    unsure: str = 'ignore',
    absent: str = 'nan',
    ratio: float = BOUNDARY_RATIO,
    radii: Sequence[float] = (3,),
    facts: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Score a folder of label maps; other arguments as in :func:`evaluate_seeds`.

    Args:
        label_dir: folder of ``<id>.png``, labels as in the ground truth; 255 means unsure.
        unsure: unsure pixels are not scored (``'ignore'``) or scored as background
            (``'background'``).

    Returns:
        dict: ``scores`` (``mIoU``, ``FP``, ``FN``, ``IoU.<class>`` in per cent, ``unsure`` = per
        cent of the pixels with ground truth), ``boundary``, ``boundary_f``, and what was evaluated.

    Raises:
        FileNotFoundError: if a label or a ground-truth map is missing.
        ValueError: if a file is damaged, or sizes, labels or options do not fit.
    """
    check_absent(absent)
    if unsure not in ('ignore', 'background'):
        raise ValueError(f"unsure must be 'ignore' or 'background', got {unsure!r}")
    check_bands(ratio, radii)
    label_dir, gt_dir, classes = Path(label_dir), Path(gt_dir), label_names(classes)
    facts = dict(
        facts or {},
        gt_dir=gt_dir.as_posix(),
        **mask_conventions(gt_dir),
        absent_classes=absent,
        unsure_pixels=unsure,
    )
    ids = finished_ids(label_dir, '.png', ids)
    confusion = np.zeros((len(classes), len(classes)), dtype=np.int64)
    pixels = np.zeros(len(classes), dtype=np.int64)
    boundaries, contours, unsure_pixels = [], [], 0
    for name in progress(ids, len(ids), 'label maps'):
        pred, truth = read_label(label_dir / f'{name}.png'), gt_dir / f'{name}.png'
        target = read_label(truth)
        unsure_here = pred == 255
        if unsure == 'background':
            pred = np.where(unsure_here, 0, pred)
        with named(f'{label_dir / name}.png against {truth}'):
            confusion += confusion_matrix(pred, target, len(classes))
            boundaries.append(count_boundaries(pred, target, len(classes), ratio, radii))
            contours.append(class_boundary_f(pred, target, len(classes)))
        unsure_pixels += int(np.count_nonzero(unsure_here & (target != 255)))
        pixels += np.bincount(target[target != 255], minlength=len(classes))
    check_truth(pixels, len(ids))
    if not confusion.any():
        raise ValueError(
            f'the label maps in {label_dir} are unsure (255) wherever there is ground truth: nothing '
            "is scored; make labels with another threshold, or count unsure='background'"
        )
    result = confusion_scores(confusion, absent)
    scores = dict(
        mIoU=100 * float(result.miou), FP=100 * float(result.fp), FN=100 * float(result.fn)
    )
    scores['unsure'] = 100 * unsure_pixels / int(pixels.sum())
    scores.update(
        {f'IoU.{name}': 100 * float(iou) for name, iou in zip(classes, result.iou, strict=True)}
    )
    return dict(
        kind='labels',
        folder=label_dir.as_posix(),
        images=len(ids),
        facts=dict(facts, scored_classes=f'{int(result.classes)} of {len(classes)}'),
        scores=scores,
        boundary=boundary_report(boundaries, classes, radii),
        boundary_f=boundary_f_report(contours, classes),
        confusion=confusion,
    )

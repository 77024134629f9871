"""The result of a seed evaluation as flat numbers and as a table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from prettytable import PrettyTable

from .sweep import SeedReport


def flat_scores(report: SeedReport, classes: Sequence[str]) -> dict[str, float]:
    """Numbers for logs and JSON; everything but the thresholds in per cent.

    Args:
        report: scores of the data set.
        classes: names of the labels, background first, (C + 1,).

    Returns:
        dict[str, float]: ``threshold`` and, at it, ``mIoU``, ``FP``, ``FN`` and ``IoU.<class>``;
        ``oracle_threshold`` and ``oracle_mIoU``. Without ground truth only ``threshold``.
    """
    if report.scores is None or report.oracle is None or report.oracle_threshold is None:
        return dict(threshold=report.threshold)
    scores = dict(
        mIoU=100 * float(report.scores.miou),
        threshold=report.threshold,
        oracle_mIoU=100 * float(report.oracle.miou),
        oracle_threshold=report.oracle_threshold,
        FP=100 * float(report.scores.fp),
        FN=100 * float(report.scores.fn),
    )
    scores.update(
        {
            f'IoU.{name}': 100 * float(iou)
            for name, iou in zip(classes, report.scores.iou, strict=True)
        }
    )
    return scores


def seed_table(
    report: SeedReport, classes: Sequence[str], rule: float | str, facts: dict[str, Any]
) -> str:
    """Table of a seed evaluation, headed by what was evaluated.

    Args:
        report: scores of the data set.
        classes: names of the labels, background first, (C + 1,).
        rule: how the threshold without ground truth was chosen.
        facts: what the reader must know to compare numbers: split, ground-truth folder, scales,
            convention.
    """
    chosen = f't = {report.threshold:g} ({rule if rule == "otsu" else "fixed"})'
    lines = [f'Seeds of {report.images} images, {report.evaluated} with ground truth']
    lines += [f'  {name}: {_text(value)}' for name, value in facts.items()]
    if report.scores is None or report.oracle is None:
        return '\n'.join([*lines, f'No ground truth: only the background threshold, {chosen}'])
    table = PrettyTable(['class', chosen, f't = {report.oracle_threshold:g} (oracle)'])
    table.align['class'] = 'l'

    def add(name: str, *values: np.ndarray, divider: bool = False) -> None:
        table.add_row([name, *(f'{100 * value:.2f}' for value in values)], divider=divider)

    both = report.scores, report.oracle
    for index, name in enumerate(classes):
        add(name, *(scores.iou[index] for scores in both), divider=index == len(classes) - 1)
    add(f'mean IoU of {int(report.scores.classes)} classes', *(scores.miou for scores in both))
    add('false positives / union', *(scores.fp for scores in both))
    add('false negatives / union', *(scores.fn for scores in both))
    note = 'The oracle threshold is chosen on the ground truth it is scored with; the other is not.'
    return '\n'.join([*lines, table.get_string(), note])


def _text(value: Any) -> str:
    if value is None:
        return 'not stated'
    return ', '.join(map(str, value)) if isinstance(value, list | tuple) else str(value)

"""Confusion matrices in 64-bit integers, and the scores read from them.

A counter of 32 bits wraps on COCO (2e10 pixels), and a float32 sum stops counting at 2**24; both
are in use elsewhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class SparseCounts:
    """The non-zero entries of a table of counts: small enough to keep for every image.

    Attributes:
        index (np.ndarray): positions in the flattened table, (M,) uint32.
        count (np.ndarray): counts there, in pixels, (M,) uint32.
    """

    index: np.ndarray
    count: np.ndarray

    @classmethod
    def from_table(cls, table: np.ndarray) -> 'SparseCounts':
        """Keep the non-zero entries of ``table`` (any shape, non-negative integers below 2**32)."""
        flat = np.ravel(table)
        index = np.flatnonzero(flat)
        return cls(index.astype(np.uint32), flat[index].astype(np.uint32))


def add_counts(items: Iterable[SparseCounts], shape: tuple[int, ...]) -> np.ndarray:
    """Sum the tables of many images.

    Returns:
        np.ndarray: total counts in pixels, ``shape``, int64.
    """
    total = np.zeros(int(np.prod(shape)), dtype=np.int64)
    for item in items:
        total[item.index] += item.count  # an index occurs once per item
    return total.reshape(shape)


def confusion_matrix(
    pred: np.ndarray, target: np.ndarray, num_classes: int, ignore_index: int = 255
) -> np.ndarray:
    """Count pixels by true and predicted label.

    Args:
        pred (np.ndarray): predicted labels, any shape, integers.
        target (np.ndarray): true labels, same shape, integers.
        num_classes: number of labels, background included.
        ignore_index: pixels with this label in either map are not counted.

    Returns:
        np.ndarray: pixels, (num_classes, num_classes) int64; row = true label, column = predicted
        label.

    Raises:
        ValueError: if the shapes differ or a label is out of range.
    """
    pred, target = np.asarray(pred), np.asarray(target)
    if pred.shape != target.shape:
        raise ValueError(f'prediction {pred.shape} and ground truth {target.shape} differ in size')
    keep = (pred != ignore_index) & (target != ignore_index)
    pred, target = pred[keep].astype(np.int64), target[keep].astype(np.int64)
    check_labels(pred, num_classes, ignore_index, 'prediction')
    check_labels(target, num_classes, ignore_index, 'ground truth')
    table = np.bincount(num_classes * target + pred, minlength=num_classes**2)
    return table.reshape(num_classes, num_classes).astype(np.int64)


def check_labels(labels: np.ndarray, num_classes: int, ignore_index: int, name: str) -> None:
    """Refuse labels that are neither below ``num_classes`` nor ``ignore_index``.

    Raises:
        ValueError: naming the labels found.
    """
    wrong = np.unique(labels[((labels < 0) | (labels >= num_classes)) & (labels != ignore_index)])
    if len(wrong):
        raise ValueError(
            f'{name} holds the labels {wrong[:5].tolist()}, '
            f'expected 0..{num_classes - 1} or {ignore_index}; '
            'check the class list and how the masks were converted'
        )


class Scores(NamedTuple):
    """Scores of one confusion matrix, or of a stack (leading dimensions ``...``), as fractions.

    Attributes:
        iou (np.ndarray): TP / (TP + FP + FN), (..., C).
        miou (np.ndarray): mean of ``iou``, (...).
        fp (np.ndarray): mean of FP / (TP + FP + FN): wrongly covered, over-activation, (...).
        fn (np.ndarray): mean of FN / (TP + FP + FN): missed, under-activation, (...).
        classes (np.ndarray): number of classes averaged, (...) int64.
    """

    iou: np.ndarray
    miou: np.ndarray
    fp: np.ndarray
    fn: np.ndarray
    classes: np.ndarray


def confusion_scores(confusion: np.ndarray, absent: str = 'nan') -> Scores:
    """IoU, false-positive and false-negative rates of confusion matrices.

    Args:
        confusion (np.ndarray): pixels, (..., C, C); row = true label, column = predicted label.
        absent: a class that is in neither ground truth nor prediction is left out of the means
            (``'nan'``: IRN, mmseg) or counts as 0 (``'zero'``: SEAM, MuSCLe, MCTformer). The two
            agree if every class occurs.

    Returns:
        Scores: fractions in [0, 1]; NaN where no class occurs at all.

    Raises:
        ValueError: on an unknown convention.
    """
    check_absent(absent)
    hit = np.diagonal(confusion, axis1=-2, axis2=-1)
    false_pos, false_neg = confusion.sum(axis=-2) - hit, confusion.sum(axis=-1) - hit
    union = hit + false_pos + false_neg
    counted = (union > 0) if absent == 'nan' else np.ones_like(union, dtype=bool)
    classes = counted.sum(axis=-1)

    def rates(part: np.ndarray) -> np.ndarray:
        rate = part / np.maximum(union, 1)
        return np.where(counted, rate, np.nan)

    def mean(rate: np.ndarray) -> np.ndarray:
        total = np.where(counted, rate, 0).sum(axis=-1)
        return np.where(classes > 0, total / np.maximum(classes, 1), np.nan)

    iou = rates(hit)
    return Scores(iou, mean(iou), mean(rates(false_pos)), mean(rates(false_neg)), classes)


def mean_of_present(values: np.ndarray) -> float:
    """Mean of the numbers of classes (C,) that are not NaN; NaN if all are."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else float('nan')


def check_absent(absent: str) -> None:
    """Raise ValueError unless ``absent`` is one of the two conventions."""
    if absent not in ('nan', 'zero'):
        raise ValueError(
            f"absent must be 'nan' (leave classes that never occur out) or 'zero', got {absent!r}"
        )


def check_truth(pixels: np.ndarray, images: int) -> None:
    """Refuse ground truth in which no class occurs: its scores would be those of the background.

    Args:
        pixels (np.ndarray): true pixels of every label, background first, (C,); void left out.
        images: Number of images.

    Raises:
        ValueError: The foreground has none.
    """
    if not pixels[1:].any():
        raise ValueError(
            f'the ground truth of {images} images shows no class, only '
            f'{"background and " if pixels[0] else ""}void (255). Masks of 0 and 255 mean "all void" '
            'here: write the class, 1 to C, in the place of 255; and check the folder of masks'
        )


def label_names(classes: Sequence[str]) -> list[str]:
    """Names of the labels: 'background' first, whether or not the classes already begin with it.

    Raises:
        ValueError: A name occurs twice.
    """
    names = list(classes)
    if names[:1] != ['background']:
        names.insert(0, 'background')
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f'the classes {names} have {repeated} more than once; give each a name')
    return names

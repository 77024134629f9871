"""Boundary F-measure of label maps, as DAVIS scores masks (Perazzi et al., CVPR 2016)."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from .confusion import check_labels, mean_of_present

# DAVIS: 0.8 % of the image diagonal.
TOLERANCE = 0.008


class BoundaryF(NamedTuple):
    """Precision, recall and F of one mask's contour, fractions in [0, 1]."""

    precision: float
    recall: float
    f: float


def contour(mask: np.ndarray) -> np.ndarray:
    """Pixels that differ from their right, lower or lower right neighbour.

    Args:
        mask (np.ndarray): binary mask, (H, W).

    Returns:
        np.ndarray: contour of one pixel, (H, W) bool; the image border is none.
    """
    mask = np.asarray(mask, dtype=bool)
    padded = np.pad(mask, ((0, 1), (0, 1)), mode='edge')
    right, lower, diagonal = padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    return (mask != right) | (mask != lower) | (mask != diagonal)


def boundary_f(pred: np.ndarray, target: np.ndarray, tolerance: float = TOLERANCE) -> BoundaryF:
    """Compare the contours of two masks.

    A contour pixel is right if the other contour passes within the tolerance (Euclidean). Where only
    one mask has a contour, the rate it would divide by zero is 1 and the other 0; two masks without
    contour agree.

    Args:
        pred (np.ndarray): predicted mask, (H, W).
        target (np.ndarray): true mask, (H, W).
        tolerance: in image diagonals, rounded up to whole pixels, if below 1; else in pixels.

    Returns:
        BoundaryF: fractions.
    """
    if tolerance < 1:
        tolerance = np.ceil(tolerance * np.hypot(*target.shape))
    ours, theirs = contour(pred), contour(target)
    if not ours.any() or not theirs.any():
        precision, recall = float(not ours.any()), float(not theirs.any())
    else:
        precision = float((_distance(theirs)[ours] <= tolerance).mean())
        recall = float((_distance(ours)[theirs] <= tolerance).mean())
    total = precision + recall
    return BoundaryF(precision, recall, 2 * precision * recall / total if total else 0.0)


def class_boundary_f(
    pred: np.ndarray,
    target: np.ndarray,
    num_classes: int,
    tolerance: float = TOLERANCE,
    ignore_index: int = 255,
) -> np.ndarray:
    """F of every class of one image.

    Void pixels of the ground truth belong to no mask, in the prediction neither, as in DAVIS.

    Args:
        pred (np.ndarray): predicted labels, (H, W).
        target (np.ndarray): true labels, (H, W).
        num_classes: number of labels C, background included.
        tolerance: see :func:`boundary_f`.
        ignore_index: void label.

    Returns:
        np.ndarray: fractions, (C,) float32; NaN where a class is in neither map.

    Raises:
        ValueError: if the sizes differ or a label is out of range.
    """
    if pred.shape != target.shape:
        raise ValueError(f'prediction {pred.shape} and ground truth {target.shape} differ in size')
    check_labels(pred, num_classes, ignore_index, 'prediction')
    check_labels(target, num_classes, ignore_index, 'ground truth')
    pred = np.where(target == ignore_index, ignore_index, pred)
    scores = np.full(num_classes, np.nan, dtype=np.float32)
    for label in np.union1d(pred, target):
        if label != ignore_index:
            scores[label] = boundary_f(pred == label, target == label, tolerance).f
    return scores


def boundary_f_report(scores: Iterable[np.ndarray], classes: Sequence[str]) -> dict[str, float]:
    """Scores of a data set.

    Args:
        scores: (C,) of :func:`class_boundary_f`, one per image.
        classes: names of the labels, background first, (C,).

    Returns:
        dict[str, float]: per cent. ``F.<class>``, the mean over the images that have the class in
        ground truth or prediction; ``mF``, the mean over the classes that occur, and
        ``mF_foreground``, without background.
    """
    stack = np.stack(list(scores)).astype(np.float64)
    counts = (~np.isnan(stack)).sum(0)
    mean = np.where(counts > 0, np.nansum(stack, 0) / np.maximum(counts, 1), np.nan) * 100
    report = dict(mF=mean_of_present(mean), mF_foreground=mean_of_present(mean[1:]))
    report.update({f'F.{name}': float(value) for name, value in zip(classes, mean, strict=True)})
    return report


def _distance(edge: np.ndarray) -> np.ndarray:
    """Distance to the nearest pixel of ``edge`` (H, W), in pixels."""
    return cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)

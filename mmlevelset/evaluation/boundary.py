"""Quality of contours: Boundary IoU and trimap mIoU of label maps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .confusion import (
    SparseCounts,
    add_counts,
    check_labels,
    confusion_matrix,
    confusion_scores,
    mean_of_present,
)

# Cheng et al., Boundary IoU, CVPR 2021: 2 % of the image diagonal.
BOUNDARY_RATIO = 0.02


@dataclass(frozen=True)
class BoundaryCounts:
    """What one image adds.

    Not a NamedTuple, because mmengine turns tuples into plain ones when it gathers results.

    Attributes:
        bands (SparseCounts): of the (2, C) table of :func:`boundary_counts`.
        trimaps (SparseCounts): of the (R, C, C) table of :func:`trimap_confusions`.
    """

    bands: SparseCounts
    trimaps: SparseCounts


def boundary_band(mask: np.ndarray, ratio: float = BOUNDARY_RATIO) -> np.ndarray:
    """Pixels of a mask within d of its contour, where touching the image border counts as contour.

    Args:
        mask (np.ndarray): binary mask, (H, W).
        ratio: d in image diagonals; d is rounded, and at least one pixel.

    Returns:
        np.ndarray: the inner band of the mask, (H, W) bool.
    """
    mask = np.ascontiguousarray(mask, dtype=np.uint8)
    d = max(1, round(ratio * float(np.hypot(*mask.shape))))
    # One (2d+1)-square equals d erosions by 3x3; the zero frame makes the image border a contour.
    box = np.ones((2 * d + 1, 2 * d + 1), dtype=np.uint8)
    inner = cv2.erode(mask, box, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return (mask - inner).astype(bool)


def boundary_counts(
    pred: np.ndarray,
    target: np.ndarray,
    num_classes: int,
    ratio: float = BOUNDARY_RATIO,
    ignore_index: int = 255,
) -> np.ndarray:
    """Intersections and unions of the boundary bands of every class.

    The bands are made first and void is cut out of both afterwards, so a contour of the ground
    truth next to void still has its band.

    Args:
        pred (np.ndarray): predicted labels, (H, W).
        target (np.ndarray): true labels, (H, W).
        num_classes: number of labels C, background included.
        ratio: band width in image diagonals.
        ignore_index: void label.

    Returns:
        np.ndarray: pixels, (2, C) int64: intersections, then unions. Sum over images before
        dividing.

    Raises:
        ValueError: if the sizes differ or a label is out of range.
    """
    if pred.shape != target.shape:
        raise ValueError(f'prediction {pred.shape} and ground truth {target.shape} differ in size')
    check_labels(pred, num_classes, ignore_index, 'prediction')
    check_labels(target, num_classes, ignore_index, 'ground truth')
    keep = (target != ignore_index) & (pred != ignore_index)
    counts = np.zeros((2, num_classes), dtype=np.int64)
    for label in np.union1d(pred, target):
        if label == ignore_index:
            continue
        a = boundary_band(pred == label, ratio) & keep
        b = boundary_band(target == label, ratio) & keep
        counts[:, label] = np.count_nonzero(a & b), np.count_nonzero(a | b)
    return counts


def contour_distance(target: np.ndarray) -> np.ndarray:
    """Euclidean distance to the nearest label change.

    An edge pixel is one of whose four neighbours has another label; void counts as a label here, so
    the void ring of VOC is an edge on both sides.

    Args:
        target (np.ndarray): labels, (H, W).

    Returns:
        np.ndarray: distance to the nearest edge pixel, in pixels, 0 on edge pixels, infinite if
        there is none; (H, W) float32.
    """
    edge = np.zeros(target.shape, dtype=bool)
    vertical, horizontal = target[1:] != target[:-1], target[:, 1:] != target[:, :-1]
    edge[1:] |= vertical
    edge[:-1] |= vertical
    edge[:, 1:] |= horizontal
    edge[:, :-1] |= horizontal
    if not edge.any():
        return np.full(target.shape, np.inf, dtype=np.float32)
    return cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def trimap_confusions(
    pred: np.ndarray,
    target: np.ndarray,
    num_classes: int,
    radii: Sequence[float] = (3,),
    ignore_index: int = 255,
) -> np.ndarray:
    """Confusion matrices near the true contours.

    The trimap accuracy of Kohli et al. (2009) and Kraehenbuehl and Koltun (2011). The trimap of
    radius r holds the pixels at a :func:`contour_distance` below r: r pixels on either side of a
    straight contour. Void pixels are not counted.

    Args:
        pred (np.ndarray): predicted labels, (H, W).
        target (np.ndarray): true labels, (H, W).
        num_classes: number of labels C, background included.
        radii: radii r in pixels, (R,).
        ignore_index: void label.

    Returns:
        np.ndarray: pixels, (R, C, C) int64; row = true label, column = predicted label.

    Raises:
        ValueError: if the sizes differ or a label is out of range.
    """
    if pred.shape != target.shape:
        raise ValueError(f'prediction {pred.shape} and ground truth {target.shape} differ in size')
    distance = contour_distance(target)
    tables = [
        confusion_matrix(pred[near], target[near], num_classes, ignore_index)
        for near in (distance < radius for radius in radii)
    ]
    return np.stack(tables)


def count_boundaries(
    pred: np.ndarray,
    target: np.ndarray,
    num_classes: int,
    ratio: float = BOUNDARY_RATIO,
    radii: Sequence[float] = (3,),
    ignore_index: int = 255,
) -> BoundaryCounts:
    """Both counts of one image, see :func:`boundary_counts` and :func:`trimap_confusions`."""
    bands = boundary_counts(pred, target, num_classes, ratio, ignore_index)
    trimaps = trimap_confusions(pred, target, num_classes, radii, ignore_index)
    return BoundaryCounts(SparseCounts.from_table(bands), SparseCounts.from_table(trimaps))


def check_bands(ratio: float, radii: Sequence[float]) -> None:
    """Raise a ValueError unless bands and trimaps have a width, see :func:`count_boundaries`."""
    if not 0 < ratio < 1 or not len(radii) or not min(radii) > 0:
        raise ValueError(
            f'expected a ratio in (0, 1) and positive radii, got {ratio} and {list(radii)}'
        )


def boundary_iou(counts: np.ndarray) -> np.ndarray:
    """Boundary IoU of each class.

    Args:
        counts (np.ndarray): intersections and unions, in pixels, (2, C), added up over the images.

    Returns:
        np.ndarray: fractions, (C,), NaN where a class never occurs.
    """
    return np.where(counts[1] > 0, counts[0] / np.maximum(counts[1], 1), np.nan)


def boundary_report(
    counts: Iterable[BoundaryCounts], classes: Sequence[str], radii: Sequence[float] = (3,)
) -> dict[str, float]:
    """Scores of a data set.

    Args:
        counts: what :func:`count_boundaries` returned for each image.
        classes: names of the labels, background first, (C,).
        radii: as given to :func:`count_boundaries`.

    Returns:
        dict[str, float]: percentages. ``mBIoU`` and ``mBIoU_foreground`` (without background),
        means over the classes that occur; ``trimap_mIoU@<r>``; ``BIoU.<class>``.
    """
    counts, labels = list(counts), len(classes)
    iou = 100 * boundary_iou(add_counts((item.bands for item in counts), (2, labels)))
    trimaps = add_counts((item.trimaps for item in counts), (len(radii), labels, labels))
    scores = dict(mBIoU=mean_of_present(iou), mBIoU_foreground=mean_of_present(iou[1:]))
    for radius, value in zip(radii, 100 * confusion_scores(trimaps).miou, strict=True):
        scores[f'trimap_mIoU@{radius:g}'] = float(value)
    scores.update({f'BIoU.{name}': float(value) for name, value in zip(classes, iou, strict=True)})
    return scores

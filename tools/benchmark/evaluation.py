"""What it costs to score an image: regions, contours, and seeds at a hundred thresholds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from mmlevelset.evaluation import SeedSweep, class_boundary_f, confusion_matrix
from mmlevelset.evaluation.boundary import count_boundaries

from .sections import Setup
from .timing import Comparison

PRESENT = (0, 5, 14)  # three classes of the image, from 0
MIOU = 'label map: mIoU'


def evaluation(setup: Setup) -> Iterator[Comparison]:
    """Time every part of ``mmlevelset evaluate`` on an image of VOC's size."""
    height, width = setup.scored_size
    coarse = torch.rand(1, len(PRESENT), 6, 8, generator=torch.Generator().manual_seed(0))
    smooth = F.interpolate(coarse, (height, width), mode='bicubic', align_corners=False)[0]
    scores = smooth.clamp(0, 1).numpy()
    keys = np.array([key % setup.classes for key in PRESENT])
    keys, labels = np.unique(keys), setup.classes + 1
    scores = scores[: len(keys)]
    target, label = (_label(keys, scores, threshold) for threshold in (0.5, 0.6))
    case = f'{width}×{height}, {labels} labels'
    comparison = Comparison(
        'evaluation', case, setup.device, {'times mIoU alone': lambda method: MIOU}
    )
    sweep = SeedSweep(setup.classes)
    runs: dict[str, Callable[[], Any]] = {
        MIOU: partial(confusion_matrix, label, target, labels),
        'label map: boundary IoU, trimap': partial(count_boundaries, label, target, labels),
        'label map: boundary F': partial(class_boundary_f, label, target, labels),
        'seed: mIoU at 100 thresholds': partial(sweep.count, keys, scores, target),
    }
    for name, run in runs.items():
        comparison.add(name, partial(_given, run))
    yield comparison


def _label(keys: np.ndarray, scores: np.ndarray, threshold: float) -> np.ndarray:
    winner = keys[scores.argmax(0)] + 1
    return np.where(scores.max(0) > threshold, winner, 0).astype(np.uint8)


def _given(run: Callable[[], Any]) -> Callable[[], Any]:
    return run

"""Signed Euclidean distance on the CPU by OpenCV, where it is installed (mmcv requires it)."""

from __future__ import annotations

import functools
import importlib
from typing import Any

import numpy as np
import torch
from torch import Tensor

# The rounding of OpenCV's float32 distances must stay far below half a unit of their squares. Of maps up to
# this side it is below 0.1; on one thread, whose code differs, 768 pixels give squares that are off by one.
_MAX_SIDE = 512


@functools.cache
def _opencv() -> Any:
    """OpenCV's module, or None where it is not installed."""
    try:
        return importlib.import_module('cv2')
    except ImportError:
        return None


def usable(mask: Tensor) -> bool:
    """Tell whether :func:`signed_edt` can take ``mask``, (P, H, W)."""
    return mask.device.type == 'cpu' and max(mask.shape[1:]) <= _MAX_SIDE and _opencv() is not None


@torch.compiler.disable
def signed_edt(mask: Tensor, present: Tensor, squared: bool) -> Tensor:
    """Signed distance of every pixel, see :func:`mmlevelset.levelset.sdf.signed_edt`."""
    planes = mask.contiguous().numpy()
    out = np.zeros(planes.shape, np.int32 if squared else np.float32)
    for i in present.nonzero()[:, 0].tolist():
        out[i] = _plane(planes[i], squared)
    return torch.from_numpy(out)


def _plane(mask: np.ndarray, squared: bool) -> np.ndarray:
    """Signed distance of one plane, (H, W)."""
    if mask.all() or not mask.any():
        far = sum(mask.shape) ** 2 if squared else sum(mask.shape)
        return np.where(mask, far, -far)
    cv2, pixels = _opencv(), mask.view(np.uint8)
    inside, outside = (
        cv2.distanceTransform(side, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        for side in (pixels, 1 - pixels)
    )
    # Squares are integers: rounding makes them exact, whatever OpenCV's last digit is.
    squares = np.rint(np.square(inside + outside))
    return (
        np.where(mask, squares, -squares)
        if squared
        else np.copysign(np.sqrt(squares), inside - outside)
    )

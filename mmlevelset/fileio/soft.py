"""Soft maps: what a refiner gives for one image, kept so that thresholds can be chosen later.

A file of soft maps is a seed file with one more array, ``background``. So it can be scored and
thresholded as a seed, too, with a constant in the place of that map.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .atomic import atomic_path
from .seeds import read_seed

DTYPES = ('float16', 'uint8')


def write_soft(
    path: str | Path, keys: Sequence[int], soft: np.ndarray, dtype: str = 'float16'
) -> None:
    """Write the soft maps of one image.

    Args:
        path: ``<folder>/<id>.npz``.
        keys: present foreground classes, 0-based, (K,).
        soft (np.ndarray): scores in [0, 1], (K+1, H, W), background first.
        dtype: ``'float16'``, or ``'uint8'`` for round(255 * score), which is smaller.

    Raises:
        ValueError: If keys and maps do not fit together or a score is not in [0, 1].
    """
    keys, soft = np.asarray(keys, dtype=np.int64), np.asarray(soft, dtype=np.float32)
    if soft.ndim != 3 or len(soft) != len(keys) + 1:
        raise ValueError(f'expected {len(keys) + 1} soft maps (H, W), got shape {soft.shape}')
    low, high = float(soft.min()), float(soft.max())
    # 1e-3 leaves room for rounding; NaN fails every comparison.
    if not (low >= -1e-3 and high <= 1 + 1e-3) or math.isnan(float(soft.sum())):
        raise ValueError(f'soft maps must lie in [0, 1], got [{low:.4g}, {high:.4g}]')
    soft = soft.clip(0, 1)
    stored = soft.astype(np.float16) if dtype == 'float16' else np.rint(255 * soft).astype(np.uint8)
    with atomic_path(path) as temporary, open(temporary, 'wb') as file:
        np.savez_compressed(
            file, keys=keys, cam=stored[1:], background=stored[0], size=np.array(soft.shape[1:])
        )


def read_soft(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a file of :func:`write_soft`.

    Returns:
        tuple: present foreground classes (K,) int64, ascending, and soft maps (K+1, H, W) float32
        in [0, 1], background first.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or a seed without background.
    """
    seed = read_seed(path)
    with np.load(path, allow_pickle=False) as file:
        if 'background' not in file:
            raise ValueError(
                f'{path} is a seed, it has no map of the background; refine it with tools/refine.py'
            )
        background = file['background']
    background = background.astype(np.float32) / (255 if background.dtype == np.uint8 else 1)
    return seed.keys, np.concatenate([background[None], seed.scores])


def soft_to_label(
    keys: np.ndarray,
    soft: np.ndarray,
    threshold: float | None = None,
    unsure_below: float | None = None,
) -> np.ndarray:
    """Label map of soft maps; where all of them are 0, the background's too, the pixel is unsure.

    Args:
        keys (np.ndarray): present foreground classes, 0-based, (K,).
        soft (np.ndarray): scores, (K+1, H, W), background first.
        threshold: Constant in the place of the background's map.
        unsure_below: Pixels whose highest score is below become 255 (CLIP-ES: 0.95).

    Returns:
        np.ndarray: labels, (H, W) uint8; 0 background, key + 1 foreground, 255 unsure.
    """
    if threshold is not None:
        soft = np.concatenate([np.full_like(soft[:1], threshold), soft[1:]])
    label = np.concatenate([[0], np.asarray(keys) + 1]).astype(np.uint8)[soft.argmax(axis=0)]
    best = soft.max(axis=0)
    label[best < (unsure_below or 0)] = 255
    if threshold is None:
        label[best == 0] = 255
    return label

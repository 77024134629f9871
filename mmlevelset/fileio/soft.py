"""Soft maps: what a refiner gives for one image, kept so that thresholds can be chosen later.

A file of soft maps is a seed file with one more array, ``background``. So it can be scored and
thresholded as a seed, too, with a constant in the place of that map.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .named import named
from .npz import open_npz, write_npz
from .seeds import (
    CURE,
    check_scores,
    check_seed,
    key_array,
    pack_scores,
    scores_of,
    seed_of,
)

DTYPES = ('float16', 'uint8')


def write_soft(
    path: str | Path, keys: Sequence[int] | np.ndarray, soft: np.ndarray, dtype: str = 'float16'
) -> None:
    """Write the soft maps of one image.

    Args:
        path: ``<folder>/<id>.npz``.
        keys: present foreground classes, 0-based, (K,).
        soft (np.ndarray): scores in [0, 1], (K+1, H, W), background first.
        dtype: ``'float16'``, or ``'uint8'`` for round(255 * score), which is smaller.

    Raises:
        ValueError: If keys and maps do not fit together or a score is not finite or not in [0, 1].
    """
    soft, classes = np.asarray(soft, dtype=np.float32), key_array(keys)
    with named(path):
        check_soft(classes, soft)
    stored, size = pack_scores(soft, dtype), np.array(soft.shape[1:])
    classes = classes.astype(np.int64)
    write_npz(path, keys=classes, cam=stored[1:], background=stored[0], size=size)


def check_soft(keys: np.ndarray, soft: np.ndarray) -> None:
    """Refuse what are no soft maps, see :func:`~mmlevelset.fileio.seeds.check_seed`.

    Args:
        keys (np.ndarray): classes, (K,).
        soft (np.ndarray): their maps and the background's before them, (K+1, H, W).

    Raises:
        ValueError: Keys and maps do not fit together, or a score is not finite or not in [0, 1].
    """
    if soft.ndim != 3 or len(soft) != len(keys) + 1:
        raise ValueError(f'expected {len(keys) + 1} soft maps (H, W), got shape {soft.shape}')
    check_seed(keys, soft[1:])
    check_scores(soft[0])


def read_soft(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a file of :func:`write_soft`.

    Returns:
        tuple: present foreground classes (K,) int64, ascending, and soft maps (K+1, H, W) float32
        in [0, 1], background first.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or a seed without background.
    """
    with open_npz(path, CURE) as file:
        seed = seed_of(file)
        if 'background' not in file.names:
            raise ValueError(
                f'{path} is a seed, it has no map of the background; refine it with tools/refine.py'
            )
        background = scores_of(file, 'background', seed.size)
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

    Raises:
        ValueError: If keys and maps do not fit together or a score is not finite or not in [0, 1].
    """
    keys = np.asarray(keys)
    check_soft(keys, soft)
    unsure = soft.max(axis=0) == 0
    if threshold is not None:
        soft = np.concatenate([np.full_like(soft[:1], threshold), soft[1:]])
    label = np.concatenate([[0], keys + 1]).astype(np.uint8)[soft.argmax(axis=0)]
    label[unsure | (soft.max(axis=0) < (unsure_below or 0))] = 255
    return label

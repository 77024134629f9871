"""Seeds on disk: ``<folder>/<id>.npz``, the scores of the classes that one image shows."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .named import named
from .npz import NpzReader, open_npz, write_npz

MOST_KEYS = 254  # labels are 8 bits, and 0 and 255 are no classes
# Pixels of a map: where Pillow refuses an image.
MOST_PIXELS = 178_956_970
# Leaves room for the rounding of half-precision inference and storage.
ROUNDING = 1e-3
CURE = 'delete it and make it again, or convert seeds of other projects first'


class Seed(NamedTuple):
    """Scores of the foreground classes present in one image.

    Attributes:
        keys (np.ndarray): present classes, ascending, 0-based without background (label of a mask =
            key + 1), (K,) int64.
        scores (np.ndarray): seed scores in [0, 1], (K, H, W) float32.
        size (tuple[int, int]): (H, W) of the original image, in pixels.
    """

    keys: np.ndarray
    scores: np.ndarray
    size: tuple[int, int]


def check_seed(
    keys: np.ndarray,
    scores: np.ndarray,
    size: Sequence[int] | None = None,
    num_classes: int | None = None,
) -> None:
    """Refuse what is no seed: the one rule of all that write, read, refine and score them.

    Args:
        keys (np.ndarray): classes, (K,).
        scores (np.ndarray): their maps, (K, H, W).
        size: (H, W) that the maps must have, where it is known.
        num_classes: Foreground classes of the data set, where they are known.

    Raises:
        ValueError: Keys that are not distinct integers in 0..C-1, another shape, an empty map, or a
            score that is not finite or not in [0, 1].
    """
    check_keys(keys, num_classes)
    shape = (len(keys), *(scores.shape[1:] if size is None else size))
    if len(shape) != 3 or scores.shape != shape or 0 in shape[1:]:
        raise ValueError(
            'expected one (H, W) map per key at the original size, '
            f'got keys {keys.shape}, maps {scores.shape} and size {shape[1:]}'
        )
    check_scores(scores)


def check_keys(keys: np.ndarray, num_classes: int | None = None) -> None:
    """Refuse classes (K,) that are not distinct integers in 0..C-1, see :func:`check_seed`."""
    most = MOST_KEYS if num_classes is None else num_classes
    if (
        keys.ndim != 1
        or keys.dtype.kind not in 'iu'
        or (len(keys) and not 0 <= keys.min() <= keys.max() < most)
        or len(np.unique(keys)) != len(keys)
    ):
        raise ValueError(
            'keys must be distinct 0-based classes without background, '
            f'0..{most - 1}, got {keys.ravel()[:9].tolist()}'
        )


def check_scores(scores: np.ndarray) -> None:
    """Refuse scores, of any shape, that are not finite or not in [0, 1]."""
    if scores.size:
        low, high = float(scores.min()), float(scores.max())
        if not (low >= -ROUNDING and high <= 1 + ROUNDING):  # nor does NaN pass
            raise ValueError(
                f'scores must lie in [0, 1], got [{low:.4g}, {high:.4g}]; '
                'normalise the maps (min-max or sigmoid) before they are saved'
            )


def write_seed(
    path: str | Path, keys: Sequence[int] | np.ndarray, scores: np.ndarray, size: Sequence[int]
) -> None:
    """Write one seed file.

    Args:
        path: ``<folder>/<id>.npz``.
        keys: present foreground classes, 0-based, (K,).
        scores (np.ndarray): scores in [0, 1], (K, H, W). Stored as ``round(255 * score)``; float16
            is kept as it is.
        size: (H, W) of the original image, in pixels.

    Raises:
        ValueError: It is no seed, see :func:`check_seed`.
    """
    scores, classes = np.asarray(scores), key_array(keys)
    with named(path):
        check_seed(classes, scores, size)
    dtype = 'float16' if scores.dtype == np.float16 else 'uint8'
    cam = pack_scores(scores, dtype)
    write_npz(path, keys=classes.astype(np.int64), cam=cam, size=np.array(size, dtype=np.int64))


def read_seed(path: str | Path, num_classes: int | None = None) -> Seed:
    """Read a file of :func:`write_seed`; never unpickles.

    Args:
        path: ``<folder>/<id>.npz``.
        num_classes: Foreground classes of the data set, where they are known.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged or holds no seed, see :func:`check_seed`.
    """
    with open_npz(path, CURE) as file:
        return seed_of(file, num_classes)


def seed_of(file: NpzReader, num_classes: int | None = None) -> Seed:
    """The seed in an open file, see :func:`read_seed`; soft maps hold one, too."""
    size = tuple(file.array('size', (2,), 'iu').tolist())
    keys = file.array('keys', (None,), 'iu')
    with named(file.path):
        check_keys(keys, num_classes)
        if not (min(size) > 0 and size[0] * size[1] <= MOST_PIXELS):
            raise ValueError(
                f'the size (H, W) is {size}, expected 1 to {MOST_PIXELS} pixels; {CURE}'
            )
    scores = scores_of(file, 'cam', (len(keys), *size))
    order = np.argsort(keys)  # where classes tie, the lowest one wins
    return Seed(keys[order].astype(np.int64), scores[order], size)


def key_array(keys: Sequence[int] | np.ndarray) -> np.ndarray:
    """Classes as an array (K,), of integers where there are none, too."""
    return np.asarray(keys) if len(keys) else np.zeros(0, np.int64)


def pack_scores(scores: np.ndarray, dtype: str) -> np.ndarray:
    """Scores in [0, 1], of any shape, as they are stored: float16, or uint8 = round(255 * score)."""
    scores = scores.clip(0, 1)
    if dtype == 'float16':
        return scores.astype(np.float16)
    return np.rint(255 * scores).astype(np.uint8)


def scores_of(file: NpzReader, name: str, shape: Sequence[int]) -> np.ndarray:
    """Scores in [0, 1] of an open file, float32, of a shape that they must have."""
    stored = file.array(name, shape, 'uf')
    if stored.dtype not in (np.uint8, np.float16):
        raise ValueError(
            f'{file.path}: expected {name} of uint8 or float16, got {stored.dtype}; {CURE}'
        )
    if stored.dtype == np.uint8:
        return stored.astype(np.float32) / np.float32(255)
    with named(file.path):
        check_scores(stored)
    return stored.astype(np.float32).clip(0, 1)


def seed_to_label(
    seed: Seed, threshold: float, ignore_band: tuple[float, float] | None = None
) -> np.ndarray:
    """Label map of a seed: ``argmax([threshold, scores])``, where a tie goes to the background.

    Args:
        seed: scores of the present classes.
        threshold: background score, in [0, 1].
        ignore_band: (low, high) around the threshold; pixels whose highest score lies in (low,
            high] become 255.

    Returns:
        np.ndarray: labels, (H, W) uint8; 0 background, key + 1 foreground, 255 ignored.

    Raises:
        ValueError: It is no seed, see :func:`check_seed`.
    """
    check_seed(*seed)
    label = np.zeros(seed.size, dtype=np.uint8)
    if not len(seed.keys):
        return label
    best = seed.scores.max(axis=0)
    winner = (seed.keys + 1)[seed.scores.argmax(axis=0)]
    if ignore_band is None:
        return np.where(best > np.float32(threshold), winner, label).astype(np.uint8)
    low, high = np.asarray(ignore_band, np.float32)
    label[best > low] = 255
    return np.where(best > high, winner, label).astype(np.uint8)

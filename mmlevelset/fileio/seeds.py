"""Seeds on disk: ``<folder>/<id>.npz``, the scores of the classes that one image shows."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .atomic import atomic_path


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


def write_seed(
    path: str | Path, keys: Sequence[int], scores: np.ndarray, size: Sequence[int]
) -> None:
    """Write one seed file.

    Args:
        path: ``<folder>/<id>.npz``.
        keys: present foreground classes, 0-based, (K,).
        scores (np.ndarray): scores in [0, 1], (K, H, W). Stored as ``round(255 * score)``; float16
            is kept as it is.
        size: (H, W) of the original image, in pixels.

    Raises:
        ValueError: if the shapes do not agree, or a score is not in [0, 1].
    """
    keys, scores = np.asarray(keys, dtype=np.int64), np.asarray(scores)
    size = (int(size[0]), int(size[1]))
    _check_shapes(path, keys, scores, size)
    # 1e-3 leaves room for the rounding of half-precision inference.
    if scores.size and not (scores.min() >= -1e-3 and scores.max() <= 1 + 1e-3):
        raise ValueError(
            f'{path}: seed scores must lie in [0, 1], got '
            f'[{scores.min():.4g}, {scores.max():.4g}]; '
            'normalise the maps (min-max or sigmoid) before they are saved'
        )
    cam = scores
    if scores.dtype != np.float16:
        cam = np.rint(255 * scores.clip(0, 1)).astype(np.uint8)
    with atomic_path(path) as temporary, open(temporary, 'wb') as file:
        np.savez_compressed(file, keys=keys, cam=cam, size=np.array(size, dtype=np.int64))


def read_seed(path: str | Path) -> Seed:
    """Read a file of :func:`write_seed`; never unpickles.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, is not a seed file, or its arrays do not fit together.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'no seed file {path}; export seeds first (SeedMetric with out_dir=...)'
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            keys, cam, size = file['keys'], file['cam'], file['size']
    except KeyError as error:
        raise ValueError(
            f'{path} is not a seed file: expected the arrays keys, cam and size ({error.args[0]}); '
            'convert seeds of other projects first'
        ) from error
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        ValueError,
        TypeError,
        AttributeError,
    ) as error:
        raise ValueError(
            f'{path} is damaged or not a seed file ({error}); delete it and export it again'
        ) from error
    if size.shape != (2,) or cam.dtype not in (np.uint8, np.float16):
        raise ValueError(
            f'{path}: expected size (2,) and cam of uint8 or float16, got '
            f'size {size.shape} and cam of {cam.dtype}'
        )
    size = (int(size[0]), int(size[1]))
    _check_shapes(path, keys, cam, size)
    scores = cam.astype(np.float32)
    if cam.dtype == np.uint8:
        scores /= 255
    order = np.argsort(keys)  # where classes tie, the lowest one wins
    return Seed(keys[order].astype(np.int64), scores[order], size)


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
    """
    label = np.zeros(seed.size, dtype=np.uint8)
    if not len(seed.keys):
        return label
    best = seed.scores.max(axis=0)
    winner = (seed.keys + 1)[seed.scores.argmax(axis=0)]
    if ignore_band is None:
        return np.where(best > np.float32(threshold), winner, label).astype(np.uint8)
    low, high = np.float32(ignore_band)
    label[best > low] = 255
    return np.where(best > high, winner, label).astype(np.uint8)


def _check_shapes(
    path: str | Path, keys: np.ndarray, scores: np.ndarray, size: tuple[int, int]
) -> None:
    if keys.ndim != 1 or scores.shape != (len(keys), *size):
        raise ValueError(
            f'{path}: expected one (H, W) map per key at the original size, '
            f'got keys {keys.shape}, maps {scores.shape} and size {size}'
        )
    if keys.dtype.kind not in 'iu' or (keys < 0).any() or len(np.unique(keys)) != len(keys):
        raise ValueError(
            f'{path}: keys must be distinct 0-based classes without background, got {keys.tolist()}'
        )

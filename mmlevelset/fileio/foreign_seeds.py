"""Seed files of other projects, both directions; what they hold is never executed.

=========  =========================================  =============================================
format     written and read by                        content of ``<id>.npy``
=========  =========================================  =============================================
``irn``    IRN and what builds on it                  ``keys`` (K,), ``cam`` (K, ceil(H/4), ceil(W/4)),
                                                      ``high_res`` (K, H, W)
``psa``    PSA, SEAM, MCTformer, MuSCLe               {key: (H, W)}
=========  =========================================  =============================================

Keys are foreground classes, 0-based, maps are scores in [0, 1]. The CRF dumps of PSA, SEAM and
MCTformer look alike but count the background as key 0: they are no seeds.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from mmlevelset.fileio.legacy_npy import load_legacy_npy, save_legacy_npy

from .seeds import Seed

FORMATS = ('irn', 'psa')
IRN_STRIDE = 4  # of `cam`, the grid of IRN's random walk
# Rounding of half-precision inference; above it a map is not normalised.
TOLERANCE = 1e-3


def read_foreign_seed(path: str | Path, maps: str = 'high_res') -> Seed:
    """Read a seed file of another project, in either format.

    Args:
        path: ``<id>.npy``.
        maps: Entry with the maps where there are several beside ``keys``.

    Returns:
        Seed: scores clipped to [0, 1]; min-max formulas with an offset leave slightly negative
        ones. A dict without classes has size (0, 0): it does not know the image.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds code, something else than seeds, or maps that are not normalised or
            do not fit together.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'no seed file {path}; check the folder and the list of images')
    content = load_legacy_npy(path)
    if not isinstance(content, dict):
        raise ValueError(f'{path}: expected a dict of maps, got {type(content).__name__}')
    if 'keys' in content:
        if maps not in content:
            raise ValueError(
                f'{path} has the entries {sorted(map(str, content))}, none is {maps!r}; '
                'name the one with the maps of the full size'
            )
        keys, scores = _array(path, content['keys']), _array(path, content[maps])
    else:
        keys, scores = _of_classes(path, content)
    if keys.size and keys.dtype.kind not in 'iu':
        raise ValueError(f'{path}: keys must be class indices, got {keys.dtype}')
    if keys.ndim != 1 or scores.ndim != 3 or len(keys) != len(scores):
        raise ValueError(
            f'{path}: expected K keys and (K, H, W) maps, got {keys.shape} and {scores.shape}'
        )
    scores = scores.astype(np.float32)
    if scores.size and not (scores.max() <= 1 + TOLERANCE and np.isfinite(scores).all()):
        raise ValueError(
            f'{path}: seed scores must be finite and not exceed 1, got {scores.max():.4g}; '
            'divide each map by its maximum first'
        )
    order = np.argsort(keys)
    return Seed(keys[order].astype(np.int64), scores[order].clip(0, 1), scores.shape[1:])


def write_foreign_seed(path: str | Path, seed: Seed, layout: str) -> None:
    """Write a seed for another project's scripts.

    Args:
        path: ``<id>.npy``.
        seed: Our seed.
        layout: ``'irn'`` or ``'psa'``. IRN's ``cam`` is the seed resized to its grid; IRN itself
            sums and normalises the activations on that grid.
    """
    scores = seed.scores.astype(np.float32)
    content: dict[int | str, Any]
    if layout == 'psa':
        content = {int(key): map_ for key, map_ in zip(seed.keys, scores, strict=True)}
    else:
        grid = [-(-side // IRN_STRIDE) for side in seed.size]
        # a batch of K images, since there may be none
        cam = F.interpolate(torch.from_numpy(scores)[:, None], grid, mode='bilinear')[:, 0]
        content = dict(keys=torch.from_numpy(seed.keys), cam=cam, high_res=scores)
    save_legacy_npy(path, content)


def _array(path: Path, value: Any) -> np.ndarray:
    """Numbers of an array, tensor or list."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:  # lists of several lengths, text
        raise ValueError(f'{path}: expected arrays of numbers ({error})') from error
    if array.dtype.kind not in 'biuf':
        raise ValueError(f'{path}: expected arrays of numbers, got {array.dtype}')
    return array


def _of_classes(path: Path, content: dict) -> tuple[np.ndarray, np.ndarray]:
    """Keys (K,) and maps (K, H, W) of {key: (H, W)}."""
    odd = [key for key in content if isinstance(key, bool) or not isinstance(key, int | np.integer)]
    if odd:
        raise ValueError(
            f'{path}: expected class indices as keys, or IRN\'s "keys", got {sorted(map(str, odd))}'
        )
    maps = [_array(path, map_) for map_ in content.values()]
    if len({map_.shape for map_ in maps}) > 1:
        raise ValueError(f'{path}: maps of different sizes {[map_.shape for map_ in maps]}')
    return np.array(list(content), dtype=np.int64), np.stack(maps) if maps else np.zeros((0, 0, 0))

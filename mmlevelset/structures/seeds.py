"""Seed and label files: what the stages hand to each other on disk.

``<folder>/<id>.npz`` is a seed, ``<folder>/<id>.png`` a label map, ``<folder>/meta.json`` says how
the folder was made. Every file is written to a temporary name first, so a file that exists is
complete and a stage can resume.
"""

import json
import math
import os
import platform
import uuid
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

META = 'meta.json'


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


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that replaces it when the block ends without an error.

    The temporary name ends in ``.tmp``, so that no pattern for seeds or labels matches what a
    killed run left behind.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.{uuid.uuid4().hex[:8]}.tmp')
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


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


def voc_palette(num_colours: int = 256) -> np.ndarray:
    """Colour map of PASCAL VOC: the bits of the index, three at a time, fill R, G and B from the
    top bit down.

    Returns:
        np.ndarray: colours, (num_colours, 3) uint8 RGB; index 255 is VOC's cream of the void
        pixels.
    """
    index = np.arange(num_colours)
    palette = np.zeros((num_colours, 3), dtype=np.uint8)
    for bit in range(8):
        for channel in range(3):
            palette[:, channel] |= (((index >> (3 * bit + channel)) & 1) << (7 - bit)).astype(
                np.uint8
            )
    return palette


def write_label(
    path: str | Path, label: np.ndarray, palette: Sequence[Sequence[int]] | None = None
) -> None:
    """Write a label map as 8-bit palette PNG.

    Args:
        path: ``<folder>/<id>.png``.
        label (np.ndarray): labels, (H, W) integers in 0..255.
        palette: RGB colours of the first labels; VOC's colours fill the rest.

    Raises:
        ValueError: if ``label`` is not a map of integers in 0..255.
    """
    label = np.asarray(label)
    if (
        label.ndim != 2
        or label.dtype.kind not in 'iu'
        or (label.size and (label.min() < 0 or label.max() > 255))
    ):
        raise ValueError(
            f'{path}: a label map is (H, W) integers in 0..255, got '
            f'{label.dtype} of shape {label.shape}'
        )
    colours = voc_palette()
    if palette is not None:
        colours[: len(palette)] = palette
    image = Image.fromarray(label.astype(np.uint8))
    image.putpalette(colours.ravel().tolist())  # turns the grey image into a palette image
    with atomic_path(path) as temporary:
        image.save(temporary, format='PNG')


def read_label(path: str | Path) -> np.ndarray:
    """Read a label map from a palette or grey PNG.

    Returns:
        np.ndarray: labels, (H, W) uint8.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged or holds colours instead of labels.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'no label map {path}; check the folder and the list of images')
    try:
        with Image.open(path) as image:
            mode, label = image.mode, np.array(image)
    except (OSError, SyntaxError) as error:
        raise ValueError(f'{path} is damaged or not an image ({error})') from error
    if mode not in ('P', 'L'):
        raise ValueError(
            f'{path}: expected an 8-bit palette or grey PNG of labels, got an image of mode {mode}'
        )
    return label


def write_json(path: str | Path, facts: dict[str, Any]) -> None:
    """Write valid JSON atomically: NumPy values become plain ones, NaN becomes null."""
    with atomic_path(path) as temporary:
        temporary.write_text(
            json.dumps(_plain(facts), indent=2, allow_nan=False) + '\n', encoding='utf-8'
        )


def write_meta(folder: str | Path, **facts: Any) -> None:
    """Write ``<folder>/meta.json``: how the files of the folder were made, and the versions that
    made them."""
    import torch  # only here: reading and writing seeds needs NumPy alone

    import mmlevelset

    versions = dict(
        mmlevelset=getattr(mmlevelset, '__version__', 'unknown'),
        torch=torch.__version__,
        numpy=np.__version__,
        python=platform.python_version(),
    )
    write_json(Path(folder) / META, dict(facts, versions=versions))


def read_meta(folder: str | Path) -> dict[str, Any]:
    """Read ``<folder>/meta.json``; an empty dict if the folder has none.

    Raises:
        ValueError: if the file is not valid JSON.
    """
    path = Path(folder) / META
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{path} is not valid JSON ({error}); restore or delete it') from error


def check_resumable(
    folder: str | Path, suffix: str, meta: dict[str, Any], settings: Sequence[str]
) -> None:
    """Refuse to go on with a folder whose files were made in another way.

    Args:
        folder: Where files may be left from an earlier run.
        suffix: Of these files, e.g. ``'.png'``.
        meta: What ``meta.json`` is about to say.
        settings: Its keys that the files depend on.

    Raises:
        ValueError: naming the settings that differ from the folder's ``meta.json``.
    """
    if not any(Path(folder).glob(f'*{suffix}')):
        return
    before = read_meta(folder)
    changed = [
        text
        for key in settings
        if before.get(key) != meta[key]
        for text in _differences(key, before.get(key), meta[key])
    ]
    if changed:
        raise ValueError(
            f'{folder} holds {suffix} files made with other settings ({"; ".join(changed)}); '
            'give another folder, or delete this one'
        )


def _differences(key: str, old: Any, new: Any) -> list[str]:
    """What differs, one text per entry where both are dicts."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [f'{key}: {old} -> {new}']
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return [f'{key}.{name}: {old.get(name)} -> {new.get(name)}' for name in names]


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


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

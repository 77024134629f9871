"""A refiner on a folder of seeds: soft maps and pseudo-labels, in several processes, image by image."""

import json
import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.utils import track_iter_progress
from PIL import Image

from mmlevelset.fileio.hashes import file_hash
from mmlevelset.fileio.ids import list_ids
from mmlevelset.fileio.labels import write_label
from mmlevelset.fileio.meta import META, check_resumable, read_meta, write_meta
from mmlevelset.fileio.seeds import read_seed
from mmlevelset.fileio.soft import DTYPES, read_soft, soft_to_label, write_soft
from mmlevelset.refine.base import Refiner
from mmlevelset.registry import REFINERS

SUFFIXES = ('.jpg', '.jpeg', '.png')
# What must not change between two runs that fill the same folder.
SOFT_SETTINGS = ('refiner', 'weights_hash', 'seed_dir', 'seeds', 'dtype')
LABEL_SETTINGS = ('threshold', 'unsure_below')


class Task(NamedTuple):
    """What a process needs to know; its refiner is built there."""

    refiner: dict
    seed_dir: Path
    image_dir: Path
    out_dir: Path
    dtype: str
    threshold: float | None
    unsure_below: float | None


def refine_folder(
    refiner: dict,
    seed_dir: str | Path,
    image_dir: str | Path,
    out_dir: str | Path,
    ids: Sequence[str] | None = None,
    jobs: int = 1,
    dtype: str = 'float16',
    threshold: float | None = None,
    unsure_below: float | None = None,
    **facts: Any,
) -> int:
    """Write ``<out_dir>/soft/<id>.npz`` and ``<out_dir>/labels/<id>.png``. Images done are skipped.

    Args:
        refiner: Config of a class in ``REFINERS``.
        seed_dir: Folder of seeds, ``<id>.npz``.
        image_dir: Folder of the images, ``<id>.jpg`` or ``.png``.
        out_dir: Folder to write, see :mod:`mmlevelset.fileio.soft`.
        ids: Images to refine; default: all seeds.
        jobs: Processes, one thread each.
        dtype: Of the soft maps, ``'float16'`` or ``'uint8'``.
        threshold: See :func:`soft_to_label`.
        unsure_below: See :func:`soft_to_label`.
        **facts: What else ``meta.json`` should say (config ...).

    Returns:
        int: images refined now; those of an earlier run do not count.

    Raises:
        FileNotFoundError: A seed, image or checkpoint is missing.
        ValueError: If ``out_dir`` holds files of other settings, or on a wrong option.
        RuntimeError: An image cannot be refined (names it), or a process was killed.
    """
    if jobs < 1 or dtype not in DTYPES:
        raise ValueError(f'expected jobs >= 1 and dtype one of {DTYPES}, got {jobs}, {dtype!r}')
    _check_thresholds(threshold, unsure_below)
    task = Task(
        refiner, Path(seed_dir), Path(image_dir), Path(out_dir), dtype, threshold, unsure_below
    )
    ids = list_ids(seed_dir, '.npz', ids)
    _find_images(task.image_dir, ids)
    # As it will be read back: tuples become lists.
    refiner = json.loads(json.dumps(refiner))
    meta = dict(facts, refiner=refiner, seed_dir=task.seed_dir.as_posix(), dtype=dtype)
    meta['weights_hash'] = file_hash(refiner.get('checkpoint'))
    _write_metas(task.out_dir, task.seed_dir, len(ids), meta, threshold, unsure_below)
    left = [name for name in ids if not all(path.is_file() for path in _outputs(task, name))]
    if left:
        done = _in_turn(task, left) if jobs == 1 else _in_pool(task, left, jobs)
        for _ in track_iter_progress((done, len(left))):
            pass
    return len(left)


def relabel_folder(
    out_dir: str | Path, threshold: float | None = None, unsure_below: float | None = None
) -> int:
    """Write the label maps of ``<out_dir>/soft`` again, with another threshold; nothing is refined.

    Args:
        out_dir: As of :func:`refine_folder`.
        threshold: See :func:`soft_to_label`.
        unsure_below: See :func:`soft_to_label`.

    Returns:
        int: images of the folder.

    Raises:
        FileNotFoundError: If there are no soft maps.
        ValueError: On a wrong threshold.
    """
    _check_thresholds(threshold, unsure_below)
    out_dir = Path(out_dir)
    ids = list_ids(out_dir / 'soft', '.npz')
    meta = read_meta(out_dir / 'soft')
    meta.update(kind='labels', threshold=threshold, unsure_below=unsure_below, images=len(ids))
    meta.pop('versions', None)
    # Without it, a folder that is half done is not taken for a finished one.
    (out_dir / 'labels' / META).unlink(missing_ok=True)
    for name in track_iter_progress(ids):
        keys, soft = read_soft(out_dir / 'soft' / f'{name}.npz')
        label = soft_to_label(keys, soft, threshold, unsure_below)
        write_label(out_dir / 'labels' / f'{name}.png', label)
    write_meta(out_dir / 'labels', **meta)
    return len(ids)


def refine_image(task: Task, refiner: Refiner, name: str) -> None:
    """Refine one image and write its files, the label map last.

    Raises:
        RuntimeError: If anything is wrong with it; names the image.
    """
    soft_path, label_path = _outputs(task, name)
    try:
        if not soft_path.is_file():
            seed = read_seed(task.seed_dir / f'{name}.npz')
            with Image.open(_find_images(task.image_dir, [name])[name]) as file:
                image = np.array(file.convert('RGB'))
            write_soft(soft_path, seed.keys, refiner(image, seed), task.dtype)
        # From the file, so that a label does not depend on when the run was stopped.
        label = soft_to_label(*read_soft(soft_path), task.threshold, task.unsure_below)
        write_label(label_path, label)
    except Exception as error:
        raise RuntimeError(f'{name}: {error}') from error


def _outputs(task: Task, name: str) -> tuple[Path, Path]:
    return task.out_dir / 'soft' / f'{name}.npz', task.out_dir / 'labels' / f'{name}.png'


def _write_metas(
    out_dir: Path,
    seed_dir: Path,
    images: int,
    meta: dict,
    threshold: float | None,
    unsure_below: float | None,
) -> None:
    """Check what is there, and say what is coming before the first file is written."""
    seeds = read_meta(seed_dir)
    meta.update(images=images, split=seeds.get('split'), classes=seeds.get('classes'), seeds=seeds)
    label_meta = dict(meta, kind='labels', threshold=threshold, unsure_below=unsure_below)
    check_resumable(out_dir / 'soft', '.npz', meta, SOFT_SETTINGS)
    check_resumable(out_dir / 'labels', '.png', label_meta, LABEL_SETTINGS)
    write_meta(out_dir / 'soft', kind='soft', **meta)
    write_meta(out_dir / 'labels', **label_meta)


def _check_thresholds(threshold: float | None, unsure_below: float | None) -> None:
    if not 0 <= (threshold or 0) < 1 or not 0 <= (unsure_below or 0) < 1:
        raise ValueError(
            f'expected threshold and unsure_below in [0, 1), got {threshold} and {unsure_below}'
        )
    if threshold is not None and unsure_below is not None:
        raise ValueError(
            f'got threshold={threshold} and unsure_below={unsure_below}: under a constant score of the '
            'background either no pixel is unsure or none is background; give one of the two'
        )


def _find_images(folder: Path, ids: Sequence[str]) -> dict[str, Path]:
    found = {}
    for name in ids:
        paths = (folder / f'{name}{suffix}' for suffix in SUFFIXES)
        found[name] = next((path for path in paths if path.is_file()), None)
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise FileNotFoundError(
            f'{folder} lacks the images of {len(missing)} of {len(ids)} seeds, the first is '
            f'{missing[0]}; check the folder of images, or give the list of the seeds to refine'
        )
    return found


def _in_turn(task: Task, ids: Sequence[str]) -> Iterator[None]:
    refiner = REFINERS.build(task.refiner)
    for name in ids:
        yield refine_image(task, refiner, name)


def _in_pool(task: Task, ids: Sequence[str], jobs: int) -> Iterator[None]:
    # spawn: a forked copy of a process with threads, as torch makes them, may hang.
    pool = ProcessPoolExecutor(
        min(jobs, len(ids)), multiprocessing.get_context('spawn'), _start_worker, (task,)
    )
    try:
        yield from pool.map(_work, ids)
    except BrokenProcessPool as error:
        raise RuntimeError(
            'a process could not start or was killed, perhaps for want of memory: see the messages above, '
            'and try fewer --jobs. Finished images are kept.'
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


_worker: tuple[Task, Refiner] | None = None  # of a process of the pool


def _start_worker(task: Task) -> None:
    global _worker
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    _worker = task, REFINERS.build(task.refiner)


def _end_with_parent() -> None:
    """A killed parent cannot end its processes, which would wait for work for ever."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _work(name: str) -> None:
    refine_image(*_worker, name)

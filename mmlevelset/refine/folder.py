"""A refiner on a folder of seeds: soft maps and pseudo-labels, in several processes, image by image."""

import json
import multiprocessing
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import torch

from mmlevelset.fileio.hashes import file_hash
from mmlevelset.fileio.images import find_images, read_image
from mmlevelset.fileio.labels import write_label
from mmlevelset.fileio.meta import foreground_classes, place, read_meta
from mmlevelset.fileio.output import finished_ids, fresh_folder, resumed_folder
from mmlevelset.fileio.seeds import read_seed
from mmlevelset.fileio.soft import DTYPES, read_soft, soft_to_label, write_soft
from mmlevelset.parallel import parallel, progress
from mmlevelset.refine.base import Refiner
from mmlevelset.refine.threshold import (
    SOFT_RULES,
    seed_background,
    soft_threshold,
    with_threshold,
    with_truncate,
)
from mmlevelset.registry import REFINERS

# What must not change between two runs that fill the same folder.
SOFT_SETTINGS = (
    'refiner',
    'weights_hash',
    ('seed_dir', 'seed_place'),
    'seeds',
    ('image_dir', 'image_place'),
    'dtype',
)
LABEL_SETTINGS = ('threshold', 'unsure_below')


class Task(NamedTuple):
    """What a process needs to know; its refiner is built there."""

    refiner: dict
    seed_dir: Path
    images: dict[str, Path]
    out_dir: Path
    num_classes: int | None
    dtype: str
    threshold: float | str | None
    unsure_below: float | None


def refine_folder(
    refiner: dict,
    seed_dir: str | Path,
    image_dir: str | Path,
    out_dir: str | Path,
    ids: Sequence[str] | None = None,
    jobs: int = 1,
    dtype: str = 'float16',
    threshold: float | str | None = None,
    unsure_below: float | None = None,
    **facts: Any,
) -> int:
    """Write ``<out_dir>/soft/<id>.npz`` and ``<out_dir>/labels/<id>.png``. Images done are skipped.

    Args:
        refiner: Config of a class in ``REFINERS``; ``background=dict(score='otsu')`` takes Otsu's
            threshold of the seeds, which needs no mask. A ``truncate`` is that of the seeds where they state one.
        seed_dir: Folder of seeds, ``<id>.npz``.
        image_dir: Folder of the images, ``<id>.jpg``, ``.png`` …, see :func:`find_images`.
        out_dir: Folder to write, see :mod:`mmlevelset.fileio.soft`.
        ids: Images to refine; default: all seeds.
        jobs: Processes, one thread each.
        dtype: Of the soft maps, ``'float16'`` or ``'uint8'``.
        threshold: See :func:`soft_to_label`; or a rule of :func:`~mmlevelset.refine.threshold.soft_threshold`,
            and then label maps are made when all images are refined.
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
    module = _module(refiner)
    refiner = with_threshold(with_truncate(refiner, seed_dir), seed_dir, ids)
    if threshold == 'area':
        seed_background(refiner)  # before hours of refining
    seeds, out_dir = read_meta(seed_dir), Path(out_dir)
    ids = finished_ids(seed_dir, '.npz', ids)
    task = Task(
        refiner,
        Path(seed_dir),
        find_images(image_dir, ids),
        out_dir,
        foreground_classes(seeds),
        dtype,
        threshold,
        unsure_below,
    )
    weights = refiner.get('checkpoint')
    meta = dict(
        facts,
        kind='soft',
        # As it will be read back: tuples become lists. The weights are known by their content.
        refiner=json.loads(json.dumps({k: v for k, v in refiner.items() if k != 'checkpoint'})),
        weights=weights,
        weights_hash=file_hash(weights) or weights,
        seed_dir=task.seed_dir.as_posix(),
        seed_place=place(seed_dir, out_dir),
        image_dir=Path(image_dir).as_posix(),
        image_place=place(image_dir, out_dir),
        seeds=seeds,
        split=seeds.get('split'),
        classes=seeds.get('classes'),
        dtype=dtype,
    )
    labels = dict(meta, kind='labels', threshold=threshold, unsure_below=unsure_below)
    by_rule = isinstance(threshold, str)
    settings = (*SOFT_SETTINGS, *LABEL_SETTINGS)
    with ExitStack() as stack:
        fill = stack.enter_context
        missing = {*fill(resumed_folder(out_dir / 'soft', '.npz', ids, meta, SOFT_SETTINGS))}
        if not by_rule:
            missing |= {*fill(resumed_folder(out_dir / 'labels', '.png', ids, labels, settings))}
        left = [name for name in ids if name in missing]
        if left:
            setup, jobs = partial(_set_up, task, module), min(jobs, len(left))
            for _ in parallel(_work, left, len(left), 'refined', jobs, setup, batch=1):
                pass
    if by_rule:
        relabel_folder(out_dir, threshold, unsure_below)
    return len(left)


def relabel_folder(
    out_dir: str | Path, threshold: float | str | None = None, unsure_below: float | None = None
) -> int:
    """Write the label maps of ``<out_dir>/soft`` again, with another threshold; nothing is refined.

    Args:
        out_dir: As of :func:`refine_folder`.
        threshold: As of :func:`refine_folder`.
        unsure_below: See :func:`soft_to_label`.

    Returns:
        int: images of the folder.

    Raises:
        FileNotFoundError: If there are no soft maps.
        ValueError: On a wrong threshold.
    """
    _check_thresholds(threshold, unsure_below)
    out_dir = Path(out_dir)
    ids = finished_ids(out_dir / 'soft', '.npz')
    meta = read_meta(out_dir / 'soft')
    rule = threshold
    if isinstance(threshold, str):
        threshold = soft_threshold(out_dir / 'soft', threshold)
    meta.update(kind='labels', threshold=threshold, threshold_rule=rule, unsure_below=unsure_below)
    for key in ('versions', 'complete'):
        meta.pop(key, None)
    with fresh_folder(out_dir / 'labels', '.png', meta):
        for name in progress(ids, len(ids), 'label maps'):
            keys, soft = read_soft(out_dir / 'soft' / f'{name}.npz')
            label = soft_to_label(keys, soft, threshold, unsure_below)
            write_label(out_dir / 'labels' / f'{name}.png', label)
    return len(ids)


def refine_image(task: Task, refiner: Refiner, name: str) -> None:
    """Refine one image and write its files, the label map last.

    Raises:
        RuntimeError: If anything is wrong with it; names the files.
    """
    soft_path, label_path = _outputs(task, name)
    image_path = task.images[name]
    try:
        if not soft_path.is_file():
            seed = read_seed(task.seed_dir / f'{name}.npz', task.num_classes)
            image = read_image(image_path)
            write_soft(soft_path, seed.keys, refiner(image, seed), task.dtype)
        if isinstance(task.threshold, str):  # a rule, which waits for all images
            return
        # From the file, so that a label does not depend on when the run was stopped.
        label = soft_to_label(*read_soft(soft_path), task.threshold, task.unsure_below)
        write_label(label_path, label)
    except Exception as error:
        raise RuntimeError(
            f'{image_path} could not be refined into {soft_path}: {str(error).rstrip(".")}. '
            'Put that right and give the same command again; finished images are kept.'
        ) from error


def _outputs(task: Task, name: str) -> tuple[Path, Path]:
    return task.out_dir / 'soft' / f'{name}.npz', task.out_dir / 'labels' / f'{name}.png'


def _check_thresholds(threshold: float | str | None, unsure_below: float | None) -> None:
    if isinstance(threshold, str):
        if threshold not in SOFT_RULES:
            raise ValueError(
                f'threshold must be a number in [0, 1) or one of {SOFT_RULES}, got {threshold!r}'
            )
    elif not 0 <= (threshold or 0) < 1 or not 0 <= (unsure_below or 0) < 1:
        raise ValueError(
            f'expected threshold and unsure_below in [0, 1), got {threshold} and {unsure_below}'
        )
    if threshold is not None and unsure_below is not None:
        raise ValueError(
            f'got threshold={threshold} and unsure_below={unsure_below}: under a constant score of the '
            'background either no pixel is unsure or none is background; give one of the two'
        )


def _module(refiner: dict) -> str:
    """Where the class of a refiner is defined: a new process knows no class of a user's own."""
    kind = REFINERS.get(str(refiner.get('type')))
    if kind is None:
        raise ValueError(
            f'there is no refiner {refiner.get("type")!r}: the type is one of '
            f'{sorted(REFINERS.module_dict)}, or a class of your own; register it in REFINERS, and '
            'name its module in the config: custom_imports = dict(imports=[...])'
        )
    return kind.__module__


def _set_up(task: Task, module: str) -> tuple[Task, Refiner]:
    """What a process needs; as many threads would fight for the cores as there are processes."""
    if multiprocessing.parent_process():
        torch.set_num_threads(1)
    import_module(module)
    try:
        return task, REFINERS.build(task.refiner)
    except TypeError as error:
        raise ValueError(
            f'no refiner can be made of {task.refiner}: {error}; the docstring of its class, in {module}, '
            'describes the arguments'
        ) from error


def _work(made: tuple[Task, Refiner], name: str) -> None:
    refine_image(*made, name)

"""Label maps from which nothing can be learned are noticed before a training."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mmcv.transforms import LoadAnnotations, LoadImageFromFile

from mmlevelset.fileio.labels import VOID


def check_labels(dataset: Any) -> None:
    """Read label maps, spread over the data sets of a training, until they show two classes.

    Args:
        dataset: Of the training; where it joins, repeats or mixes others, these are read. One without
            label maps is not judged.

    Raises:
        ValueError: All label maps of a data set are void, or those of all show one class.
    """
    classes: set[int] = set()
    folders: list[str] = []
    for member in _members(dataset):
        steps = getattr(getattr(member, 'pipeline', None), 'transforms', ())
        # Nothing that draws random numbers, which would change the training.
        steps = [step for step in steps if isinstance(step, LoadImageFromFile | LoadAnnotations)]
        if not any(isinstance(step, LoadAnnotations) for step in steps):
            return
        mine: set[int] = set()
        # Far apart first: neighbours are often alike.
        for index in np.random.RandomState(0).permutation(len(member)):
            path, labels = _labels(member, int(index), steps)
            mine |= labels
            if mine and len(classes | mine) > 1:
                break
        folders.append(str(Path(path).parent))
        _require(bool(mine), folders[-1:], len(member), f'void ({VOID})')
        classes |= mine
    _require(len(classes) > 1, folders, len(dataset), f'class {min(classes)}')


def _members(dataset: Any) -> Iterator[Any]:
    """The data sets inside those that join, repeat or mix others."""
    inside = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    if inside == [None]:
        yield dataset
    else:
        for one in inside:
            yield from _members(one)


def _labels(dataset: Any, index: int, steps: list) -> tuple[str, set[int]]:
    """Path of a label map, and its labels, as a training reads them, without the void."""
    loaded = dataset.get_data_info(index)
    path = loaded['seg_map_path']
    for step in steps:
        loaded = step(loaded)
    return path, set(np.unique(loaded['gt_seg_map']).tolist()) - {VOID}


def _require(teaches: bool, folders: list[str], count: int, what: str) -> None:
    if not teaches:
        raise ValueError(
            f'{", ".join(dict.fromkeys(folders))}: all {count} label maps of the training show {what} '
            'alone, so there is nothing to learn. Look at how they were made: the threshold of '
            'tools/make_pseudo_labels.py or tools/refine.py, and the seeds.'
        )

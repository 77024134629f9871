"""Writes split lists and image-level labels: JSON for ours, ``cls_labels.npy`` for other projects."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.fileio.legacy_npy import save_legacy_npy

KEYS = ('str', 'int')


def write_image_labels(
    path: str | Path, labels: Mapping[str, np.ndarray], classes: Sequence[str]
) -> None:
    """Write ``{"classes": [...], "labels": {id: [1-based indices]}}``, one image per line.

    Args:
        path: The ``.json`` file.
        labels: id -> (C,) of 0 and 1, foreground classes.
        classes: C + 1 names, background first.
    """
    rows = [
        f'{json.dumps(id_)}: {(np.flatnonzero(label) + 1).tolist()}'
        for id_, label in labels.items()
    ]
    text = f'{{"classes": {json.dumps(list(classes))},\n"labels": {{\n' + ',\n'.join(rows)
    with atomic_path(path) as temporary:
        temporary.write_text(text + '\n}}\n', encoding='utf-8')


def write_split(path: str | Path, ids: Iterable[str]) -> None:
    """Write a split list: one id per line."""
    with atomic_path(path) as temporary:
        temporary.write_text('\n'.join(ids) + '\n', encoding='utf-8')


def write_cls_labels(path: str | Path, labels: Mapping[str, np.ndarray], keys: str) -> None:
    """Write the pickled dict that PSA and its successors load with ``allow_pickle=True``.

    Args:
        path: The ``.npy`` file.
        labels: id -> (C,) of 0 and 1, foreground classes.
        keys: ``'str'``: ids as they are (PSA, SEAM, MCTformer, AFA); ``'int'``: ids as numbers
            (IRN, RIB).

    Raises:
        ValueError: If ``keys`` is neither.
    """
    if keys not in KEYS:
        raise ValueError(f'keys of cls_labels.npy must be one of {KEYS}, got {keys!r}')
    number = integer_id if keys == 'int' else str
    save_legacy_npy(
        path, {number(id_): np.asarray(label, np.float32) for id_, label in labels.items()}
    )


def integer_id(id_: str) -> int:
    """``2007_000032`` -> 2007000032, ``COCO_train2014_000000279803`` -> 279803.

    Raises:
        ValueError: If the id has another form.
    """
    match = re.fullmatch(r'(?:COCO_\w+?2014_)?([\d_]+)', id_)
    if match is None:
        raise ValueError(f'{id_!r} has no integer form; write cls_labels.npy with string keys')
    return int(match[1].replace('_', ''))

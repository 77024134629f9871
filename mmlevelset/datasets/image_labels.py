"""Image-level labels: which classes an image shows, from the file formats in use."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from mmlevelset.fileio.ids import image_id, preview
from mmlevelset.fileio.legacy_npy import load_legacy_npy

Labels = dict[str, np.ndarray]


def one_hot(indices: Iterable[int], classes: Sequence[str], where: str) -> np.ndarray:
    """Multi-hot vector of 1-based class indices.

    Args:
        indices (Iterable[int]): Mask labels, 1..C.
        classes (Sequence[str]): C + 1 names, background first.
        where (str): File and id, for the error.

    Returns:
        np.ndarray: (C,) float32, 0 or 1.

    Raises:
        ValueError: An index is no foreground class.
    """
    vector = np.zeros(len(classes) - 1, np.float32)
    for index in indices:
        if (
            isinstance(index, bool)
            or not isinstance(index, int | np.integer)
            or not 1 <= index < len(classes)
        ):
            raise ValueError(
                f'{where}: class {index} is unknown; expected indices '
                f'1..{len(classes) - 1} (0 is the background) of {list(classes)}.'
            )
        vector[index - 1] = 1
    return vector


def read_xml(folder: Path, ids: Sequence[str], classes: Sequence[str]) -> Labels:
    """VOC ``Annotations``: union of the ``<object><name>`` tags, difficult objects included.

    Names of body parts sit in ``<part>`` tags and are not read.
    """
    index = {name: i for i, name in enumerate(classes)}
    present = {path.stem: path for path in folder.iterdir() if path.suffix == '.xml'}
    labels = {}
    for id_ in (i for i in ids if i in present):
        try:
            names = [tag.text for tag in ElementTree.parse(present[id_]).findall('object/name')]
        except ElementTree.ParseError as error:
            raise ValueError(f'{present[id_]}: not readable as XML ({error}).') from error
        unknown = sorted(str(name) for name in set(names) - set(classes[1:]))
        if unknown:
            raise ValueError(
                f'{present[id_]}: unknown class {unknown}; expected {classes[1:]}. '
                'Give the full list of classes as metainfo=dict(classes=...).'
            )
        labels[id_] = one_hot((index[name] for name in names), classes, str(present[id_]))
    return labels


def read_json(path: Path, ids: Sequence[str], classes: Sequence[str]) -> Labels:
    """``{"classes": [...], "labels": {id: [1-based indices]}}``, or the inner mapping alone."""
    try:
        content = json.loads(path.read_text('utf-8-sig'))
    except json.JSONDecodeError as error:
        raise ValueError(f'{path}: not readable as JSON ({error}).') from error
    if isinstance(content, dict) and 'labels' in content:
        stated = content.get('classes')
        if stated is not None and list(stated) != list(classes):
            raise ValueError(
                f'{path}: its classes are {stated}, those of the data set '
                f'{list(classes)}. Pass metainfo=dict(classes={stated}).'
            )
        content = content['labels']
    if not isinstance(content, dict) or not all(isinstance(v, list) for v in content.values()):
        raise ValueError(
            f'{path}: expected an object that maps image ids to lists of class '
            'indices, alone or under the key "labels".'
        )
    return {
        image_id(key): one_hot(value, classes, f'{path}, id {key}')
        for key, value in content.items()
    }


def read_vectors(path: Path, ids: Sequence[str], classes: Sequence[str]) -> Labels:
    """``cls_labels``: id -> multi-hot vector (C,), in ``.npz`` or as a pickled dict in ``.npy``."""
    if path.suffix == '.npz':
        with np.load(path, allow_pickle=False) as archive:
            content: Any = {key: archive[key] for key in archive.files}
    else:
        content = load_legacy_npy(path)
    if not isinstance(content, dict):
        raise ValueError(f'{path}: expected a dict id -> vector, got {type(content).__name__}.')
    labels = {}
    for key, value in content.items():
        vector = np.asarray(value)
        if vector.shape != (len(classes) - 1,) or not np.isin(vector, (0, 1)).all():
            raise ValueError(
                f'{path}, id {key}: got a vector of shape {vector.shape}, expected '
                f'({len(classes) - 1},) zeros and ones, one per foreground class.'
            )
        labels[image_id(key)] = vector.astype(np.float32)
    return labels


READERS: dict[str, Callable[[Path, Sequence[str], Sequence[str]], Labels]] = {
    '.json': read_json,
    '.npz': read_vectors,
    '.npy': read_vectors,
}


def read_image_labels(
    source: str | Path,
    ids: Sequence[str],
    classes: Sequence[str],
    same: Callable[[str], str] = str,
) -> Labels:
    """Read the image labels of some images.

    Args:
        source (str | Path): Folder of VOC XML files, ``.json``, ``.npz`` or (legacy) ``.npy``.
        ids (Sequence[str]): Canonical ids that need a label.
        classes (Sequence[str]): C + 1 names, background first.
        same (Callable): What an id of ``ids`` and one of the source must have in common, where
            they are written in different ways.

    Returns:
        dict[str, np.ndarray]: id -> (C,) float32 of 0 and 1. An image that is listed without any
        class (COCO has such images) gets zeros.

    Raises:
        FileNotFoundError: ``source`` does not exist.
        ValueError: Unknown format or class, or ids without a label.
    """
    source = Path(source)
    if not source.exists():
        raise FileNotFoundError(f'{source}: image labels not found. Check `image_labels`.')
    reader = read_xml if source.is_dir() else READERS.get(source.suffix)
    if reader is None:
        raise ValueError(
            f'{source}: unknown format; expected a folder of XML files or a file '
            f'ending in {sorted(READERS)}.'
        )
    labels = {same(id_): label for id_, label in reader(source, ids, classes).items()}
    missing = [id_ for id_ in ids if same(id_) not in labels]
    if missing:
        raise ValueError(
            f'{source}: no label for {preview(missing)} of {len(ids)}. Add them, or '
            'use the split list that belongs to this file.'
        )
    return {id_: labels[same(id_)] for id_ in ids}


def labels_from_masks(paths: dict[str, str], classes: Sequence[str]) -> Labels:
    """Presence of each class in a mask: **not** image-level supervision in the strict sense.

    Only the presence is used, but masks are needed to know it, and an object too small for the mask
    or hidden in the void is missed.

    Args:
        paths (dict[str, str]): id -> palette or grey PNG with labels 0..C and 255 (void).
        classes (Sequence[str]): C + 1 names, background first.

    Returns:
        dict[str, np.ndarray]: id -> (C,) float32 of 0 and 1.
    """
    labels = {}
    for id_, path in paths.items():
        with Image.open(path) as mask:
            values = np.unique(np.asarray(mask))
        labels[id_] = one_hot(values[(values != 0) & (values != 255)], classes, path)
    return labels

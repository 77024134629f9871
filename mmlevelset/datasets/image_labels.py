"""Image-level labels: which classes an image shows, from the file formats in use."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from mmlevelset.fileio.ids import image_id, preview
from mmlevelset.fileio.labels import read_label
from mmlevelset.fileio.legacy_npy import load_legacy_npy
from mmlevelset.fileio.npz import open_npz
from mmlevelset.fileio.text import read_json

Labels = dict[str, np.ndarray]
# Ids as the source writes them, and what reads their labels: each may be wrong, and all faults are told at once.
Entries = Iterator[tuple[str, Callable[[], np.ndarray]]]
INDICES = 'a list of class indices, such as [1, 3]'
TOLD = 10  # faults that an error spells out


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
            got = index if isinstance(index, np.integer) else repr(index)
            raise ValueError(
                f'{where}: class {got} is unknown; expected indices '
                f'1..{len(classes) - 1} (0 is the background) of {list(classes)}.'
            )
        vector[index - 1] = 1
    return vector


def xml_entries(folder: Path, classes: Sequence[str], wanted: Callable[[str], bool]) -> Entries:
    """VOC ``Annotations``: union of the ``<object><name>`` tags, difficult objects included.

    Names of body parts sit in ``<part>`` tags and are not read.
    """
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() == '.xml' and wanted(path.stem):
            yield path.stem, partial(_xml_label, path, classes)


def _xml_label(path: Path, classes: Sequence[str]) -> np.ndarray:
    index = {name: i for i, name in enumerate(classes)}
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # also odd encodings
        raise ValueError(f'{path}: not readable as XML ({error}).') from error
    if root.tag != 'annotation':
        raise ValueError(
            f"{path}: got an XML file of <{root.tag}>, expected <annotation> with VOC's objects. "
            'Is it a web page, saved in the place of the file?'
        )
    names = [str(tag.text) for tag in root.findall('object/name')]
    unknown = sorted(set(names) - set(classes[1:]))
    if unknown:
        raise ValueError(
            f'{path}: unknown class {unknown}; expected {classes[1:]}. '
            'Give the full list of classes as metainfo=dict(classes=...).'
        )
    return one_hot((index[str(name)] for name in names), classes, str(path))


def json_entries(path: Path, classes: Sequence[str], wanted: Callable[[str], bool]) -> Entries:
    """``{"classes": [...], "labels": {id: [1-based indices]}}``, or the inner mapping alone."""
    content = read_json(path)
    if isinstance(content, dict) and 'labels' in content:
        stated = content.get('classes')
        if stated == list(classes[1:]):
            raise ValueError(
                f'{path}: "classes" is {stated}, expected a list of names that begins with {classes[0]!r}, '
                'which label 0 is; the labels count from 1'
            )
        if stated is not None and stated != list(classes):
            raise ValueError(
                f'{path}: its classes are {stated}, those of the data set '
                f'{list(classes)}. Pass metainfo=dict(classes={stated}), or to a command the same --classes.'
            )
        content = content['labels']
    if not isinstance(content, dict):
        raise ValueError(
            f'{path}: got {type(content).__name__}, expected an object that maps every image id to '
            f'{INDICES}, alone or under the key "labels".'
        )
    for key, value in content.items():
        yield key, partial(_json_label, value, classes, f'{path}, id {key}')


def _json_label(value: Any, classes: Sequence[str], where: str) -> np.ndarray:
    if not isinstance(value, list):
        raise ValueError(f'{where}: got {value!r}, expected {INDICES}.')
    return one_hot(value, classes, where)


def vector_entries(path: Path, classes: Sequence[str], wanted: Callable[[str], bool]) -> Entries:
    """``cls_labels``: id -> multi-hot vector (C,), in ``.npz`` or as a pickled dict in ``.npy``."""
    content: Any
    if path.suffix.lower() == '.npz':
        with open_npz(path, 'write or download the labels again') as file:
            content = {name: file.array(name) for name in file.names}
    else:
        content = load_legacy_npy(path)
    if not isinstance(content, dict):
        raise ValueError(f'{path}: expected a dict id -> vector, got {type(content).__name__}.')
    for key, value in content.items():
        yield str(key), partial(_vector_label, value, classes, f'{path}, id {key}')


def _vector_label(value: Any, classes: Sequence[str], where: str) -> np.ndarray:
    try:
        vector = np.asarray(value, np.float32)
    except (ValueError, TypeError) as error:  # text, or lists of several lengths
        raise ValueError(f'{where}: expected a vector of numbers ({error}).') from error
    if vector.shape != (len(classes) - 1,) or not np.isin(vector, (0, 1)).all():
        raise ValueError(
            f'{where}: got a vector of shape {vector.shape}, expected '
            f'({len(classes) - 1},) zeros and ones, one per foreground class.'
        )
    return vector


READERS: dict[str, Callable[[Path, Sequence[str], Callable[[str], bool]], Entries]] = {
    '.json': json_entries,
    '.npz': vector_entries,
    '.npy': vector_entries,
}


def read_image_labels(
    source: str | Path,
    ids: Sequence[str],
    classes: Sequence[str],
    same: Callable[[str], str] = image_id,
) -> Labels:
    """Read the image labels of some images.

    Args:
        source (str | Path): Folder of VOC XML files, ``.json``, ``.npz`` or (legacy) ``.npy``.
        ids (Sequence[str]): Ids that need a label.
        classes (Sequence[str]): C + 1 names, background first.
        same (Callable): What an id of ``ids`` and one of the source must have in common, where
            they are written in different ways.

    Returns:
        dict[str, np.ndarray]: id -> (C,) float32 of 0 and 1. An image that is listed without any
        class (COCO has such images) gets zeros.

    Raises:
        FileNotFoundError: ``source`` does not exist.
        ValueError: Unknown format or class, ids without a label, or with two: all of these at once.
    """
    source = Path(source)
    if not source.exists():
        raise FileNotFoundError(f'{source}: image labels not found. Check `image_labels`.')
    reader = xml_entries if source.is_dir() else READERS.get(source.suffix.lower())
    if reader is None:
        raise ValueError(
            f'{source}: unknown format; expected a folder of XML files or a file '
            f'ending in {sorted(READERS)}.'
        )
    keys = {id_: same(id_) for id_ in ids}
    wanted = set(keys.values())
    labels: Labels = {}
    faults: list[str] = []
    met: set[str] = set()
    for name, read in reader(source, classes, lambda stem: same(image_id(stem)) in wanted):
        key = same(image_id(name))
        met.add(key)
        try:
            label = read()
        except ValueError as error:
            faults.append(str(error))
            continue
        if not np.array_equal(labels.setdefault(key, label), label):
            faults.append(
                f'{source}: the image {key} has two different labels, the second one under {name!r}. '
                'Remove one of them.'
            )
    missing = [id_ for id_, key in keys.items() if key not in met]
    if missing:
        faults.append(
            f'{source}: no label for {preview(missing)} of {len(ids)}. Add them, or '
            'use the split list that belongs to this file.'
        )
    if len(faults) > TOLD:
        faults[TOLD:] = [f'{source}: and {len(faults) - TOLD:,} more faults like these.']
    if faults:
        raise ValueError('\n'.join(faults))
    return {id_: labels[key] for id_, key in keys.items()}


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
        values = np.unique(read_label(path, len(classes)))
        labels[id_] = one_hot(values[(values != 0) & (values != 255)], classes, path)
    return labels

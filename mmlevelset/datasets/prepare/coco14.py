"""COCO 2014 -> lists, image-level labels and 81-class masks in the layout of VOC."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmlevelset.datasets.image_labels import one_hot, read_image_labels
from mmlevelset.fileio.coco_labels import CATEGORIES, LABELS
from mmlevelset.fileio.ids import image_id, preview
from mmlevelset.fileio.labels import write_label
from mmlevelset.fileio.output import resumed_folder
from mmlevelset.fileio.text import read_json
from mmlevelset.parallel import parallel

from ..coco14 import COCO14Dataset
from .coco_json import Instances, parse
from .coco_masks import CROWD, OVERLAP, draw_mask, require_pycocotools
from .facts import COCO, expected
from .labels import write_cls_labels, write_image_labels, write_split

SPLITS = ('train', 'val')
CLASSES = COCO14Dataset.METAINFO['classes']


def convert_coco14(
    root: str | Path,
    overlap: str = 'small_on_top',
    crowd: str = 'include',
    splits: Sequence[str] = SPLITS,
    cls_labels: str | None = None,
    jobs: int = 0,
) -> None:
    """Write ``ImageSets``, ``image_labels.json`` and ``SegmentationClass`` beside COCO's folders.

    Masks that are there already are kept, so that a run that was stopped goes on.

    Args:
        root: Holds ``train2014``, ``val2014`` and ``annotations``.
        overlap: Key of :data:`~.coco_masks.OVERLAP`.
        crowd: Key of :data:`~.coco_masks.CROWD`.
        splits: ``'train'``, ``'val'``.
        cls_labels: Write ``cls_labels.npy`` too, with ``'str'`` or ``'int'`` keys.
        jobs: Processes; 0 takes one per core.

    Raises:
        FileNotFoundError: An annotation file, an image folder or an image is missing.
        ValueError: A file is damaged or incomplete, or masks of another convention are there.
        ImportError: Without pycocotools.
    """
    root = Path(root)
    require_pycocotools()
    for split in splits:  # the cheap half first, so that errors of any split come at once
        _list_images(root, split)
    instances = {split: _read(root, split) for split in splits}
    labels = _other_labels(root, splits)
    for split in splits:
        labels.update(_write_lists(root, split, instances[split]))
    write_image_labels(root / 'image_labels.json', labels, CLASSES)
    if cls_labels:
        write_cls_labels(root / 'cls_labels.npy', labels, cls_labels)
    for split in splits:
        _write_masks(root, split, instances[split], overlap, crowd, jobs)


def _list_images(root: Path, split: str) -> set[str]:
    folder = root / f'{split}2014'
    if not folder.is_dir():
        raise FileNotFoundError(
            f'{folder}: not found. Unpack {split}2014.zip of cocodataset.org in {root}.'
        )
    names = {entry.name for entry in os.scandir(folder) if entry.name.endswith('.jpg')}
    want = expected(root, COCO)['images'][split]
    if len(names) < want:
        raise ValueError(
            f'{folder} holds {len(names):,} images, expected {want:,}: the download of '
            f'{split}2014.zip or its unpacking was not finished.'
        )
    return names


def _other_labels(root: Path, splits: Sequence[str]) -> dict[str, np.ndarray]:
    """Labels of the splits that are not converted now."""
    path = root / 'image_labels.json'
    if not path.is_file():
        return {}
    ids = read_json(path)['labels']
    kept = [id_ for id_ in ids if not any(f'_{split}2014_' in id_ for split in splits)]
    return read_image_labels(path, kept, CLASSES)


def _read(root: Path, split: str) -> Instances:
    instances = Instances(root / f'annotations/instances_{split}2014.json')
    want = expected(root, COCO)['images'][split]
    if len(instances.images) != want:
        raise ValueError(
            f'{instances.path} lists {len(instances.images):,} images, expected {want:,}. '
            f'Is it the file of the 2014 {split} split?'
        )
    if instances.categories != list(CATEGORIES):
        raise ValueError(
            f'{instances.path}: got {len(instances.categories)} categories, expected the 80 of '
            f'COCO; these differ: {sorted(set(instances.categories) ^ set(CATEGORIES))}.'
        )
    names = _list_images(root, split)
    missing = [i['file_name'] for i in instances.images if i['file_name'] not in names]
    if missing:
        raise FileNotFoundError(
            f'{root / (split + "2014")} lacks {preview(missing)} of {want:,}. '
            f'Unpack {split}2014.zip again.'
        )
    return instances


def _write_lists(root: Path, split: str, instances: Instances) -> dict[str, np.ndarray]:
    """``<split>.txt`` with all images and ``<split>_labelled.txt`` with those that show a class."""
    labels = {}
    for image, categories in zip(instances.images, instances.category_sets(), strict=True):
        id_ = image_id(image['file_name'])
        unknown = [int(c) for c in categories if c not in LABELS]
        if unknown:
            raise ValueError(f'{instances.path}, image {image["id"]}: category {unknown} unknown.')
        labels[id_] = one_hot((LABELS[int(c)] for c in categories), CLASSES, id_)
    labelled = [id_ for id_, label in labels.items() if label.any()]
    want = expected(root, COCO)['images'][f'{split}_labelled']
    if len(labelled) != want:
        raise ValueError(
            f'{instances.path} annotates {len(labelled):,} images, expected {want:,}: the file is '
            'not the original one.'
        )
    write_split(root / f'ImageSets/{split}.txt', labels)
    write_split(root / f'ImageSets/{split}_labelled.txt', labelled)
    return labels


class _Task(NamedTuple):
    path: Path
    size: tuple[int, int]
    annotations: str
    overlap: str
    crowd: str


def _write_masks(
    root: Path, split: str, instances: Instances, overlap: str, crowd: str, jobs: int
) -> None:
    folder = root / f'SegmentationClass/{split}2014'
    meta: dict[str, Any] = dict(
        kind='masks',
        dataset='COCO 2014',
        split=split,
        annotations=len(instances),
        overlap=overlap,
        crowd=crowd,
        overlap_meaning=OVERLAP.get(overlap),
        crowd_meaning=CROWD.get(crowd),
        classes=list(CLASSES),
    )
    draw_mask([], (1, 1), overlap, crowd)  # unknown conventions fail before anything is written
    ids = [image_id(image['file_name']) for image in instances.images]
    settings = ('dataset', 'split', 'annotations', 'overlap', 'crowd')
    with resumed_folder(folder, '.png', ids, meta, settings) as left:
        todo = set(left)
        tasks = (
            _Task(folder / f'{id_}.png', (image['height'], image['width']), text, overlap, crowd)
            for id_, image, text in zip(ids, instances.images, instances.texts(), strict=True)
            if id_ in todo
        )
        for _ in parallel(_write_mask, tasks, len(todo), f'{split}2014 masks', jobs):
            pass


def _write_mask(task: _Task) -> None:
    try:
        mask = draw_mask(parse(task.annotations), task.size, task.overlap, task.crowd)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f'{task.path.stem}: annotations cannot be drawn ({error!r})') from error
    write_label(task.path, mask)

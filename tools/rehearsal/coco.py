"""A data set of the shape of COCO 2014."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmlevelset.datasets.coco14 import COCO14Dataset
from mmlevelset.datasets.prepare.facts import COCO
from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.fileio.coco_labels import CATEGORIES
from mmlevelset.fileio.meta import write_meta
from mmlevelset.parallel import parallel

from .shared import blob, deal, image_size, resized, scaled, write_images

# (H, W, share): rough shares of the sizes in train2014; the long side is 640 but for few.
SIZES = (
    (480, 640, 0.27),
    (427, 640, 0.20),
    (426, 640, 0.06),
    (428, 640, 0.04),
    (640, 480, 0.12),
    (640, 427, 0.07),
    (640, 426, 0.03),
    (360, 640, 0.03),
    (640, 640, 0.02),
    (375, 500, 0.12),
    (500, 375, 0.04),
)
# Images per class in thousandths of the images with an annotation, person to toothbrush: rounded,
# for the shape of the distribution only.
PER_MILLE = [547, 28, 104, 30, 25, 34, 31, 52, 26, 35, 15, 15, 6, 48, 28, 35, 37, 25, 13, 17]
PER_MILLE += [18, 8, 16, 22, 47, 34, 58, 33, 21, 19, 26, 14, 36, 19, 21, 22, 30, 30, 29, 73]
PER_MILLE += [22, 78, 30, 37, 30, 61, 19, 14, 20, 14, 17, 14, 10, 27, 13, 25, 109, 38, 38, 31]
PER_MILLE += [101, 29, 39, 30, 16, 26, 18, 41, 13, 25, 2, 40, 20, 46, 40, 31, 8, 18, 2, 9]
# 604,907 annotations lie on 82,081 images of train2014, 2.9 classes each: 2.5 per class.
PER_CLASS = 2.5
CROWD_SHARE = 0.012
VERTICES = 40  # a polygon of COCO takes about 600 bytes


class _Item(NamedTuple):
    number: int
    name: str
    classes: list[int]


def write_coco(
    root: str | Path, scale: float = 1.0, seed: int = 0, jobs: int = 0, sides: float = 1.0
) -> Path:
    """Write ``coco14`` with ``train2014``, ``val2014`` and ``annotations``.

    Args:
        root: Folder to write to; what is there is kept.
        scale: Share of the 82,783 + 40,504 images.
        seed: Of everything.
        jobs: Processes; 0 takes one per core.
        sides: Share of the sides of the images.

    Returns:
        Path: the coco14 folder. Its ``meta.json`` states the counts that the converter and the
        check expect.
    """
    coco = Path(root) / 'coco14'
    splits, images, sizes = {}, {}, resized(SIZES, sides)
    for index, split in enumerate(('train', 'val')):
        count = max(4, round(COCO['images'][split] * scale))
        # at least one image of each split has no annotation
        labelled = min(count - 1, round(COCO['images'][f'{split}_labelled'] * scale))
        splits[split] = _items(split, count, labelled, seed, index)
        images.update({split: count, f'{split}_labelled': labelled})
    expected = dict(images=images)
    write_meta(
        coco,
        kind='rehearsal',
        dataset='COCO 2014',
        scale=scale,
        sides=sides,
        seed=seed,
        expected=expected,
    )
    for split, items in splits.items():
        names = [item.name for item in items]
        first = items[0].number
        pool = Path(root) / '.distinct_coco14'
        write_images(coco / f'{split}2014', names, pool, sizes, seed, jobs, first)
        path = coco / f'annotations/instances_{split}2014.json'
        if not path.is_file():
            _write_json(path, items, split, sizes, seed, jobs)
    return coco


def _items(split: str, count: int, labelled: int, seed: int, index: int) -> list[_Item]:
    rng = np.random.default_rng((seed, 4, index))
    counts = scaled(np.array(PER_MILLE), labelled / 1000, labelled)
    classes = deal(counts, labelled, rng) + [[] for _ in range(count - labelled)]
    first = 1 + index * COCO['images']['train']  # numbers are distinct over the splits
    order = rng.permutation(count)
    return [
        _Item(first + n, f'COCO_{split}2014_{first + n:012}.jpg', classes[order[n]])
        for n in range(count)
    ]


def _write_json(
    path: Path, items: list[_Item], split: str, sizes: Sequence, seed: int, jobs: int
) -> None:
    images = []
    for item in items:
        height, width = image_size(item.number, sizes, seed)
        images.append(dict(id=item.number, file_name=item.name, height=height, width=width))
    names = COCO14Dataset.METAINFO['classes'][1:]
    categories = [dict(id=id_, name=name) for id_, name in zip(CATEGORIES, names, strict=True)]
    texts = parallel(
        partial(_annotations, sizes=sizes, seed=seed),
        items,
        len(items),
        f'{split} annotations',
        jobs,
    )
    with atomic_path(path) as temporary, open(temporary, 'w', encoding='utf-8') as file:
        file.write(f'{{"info": {{}}, "images": {json.dumps(images)}, "annotations": [')
        separator = ''
        for text in texts:
            if text:
                file.write(separator + text)
                separator = ', '
        file.write(f'], "categories": {json.dumps(categories)}}}')


def _annotations(item: _Item, sizes: Sequence, seed: int) -> str:
    """Objects of one image as JSON, without the brackets of the list."""
    size = image_size(item.number, sizes, seed)
    rng = np.random.default_rng((seed, 5, item.number))
    labels = [label for label in item.classes for _ in range(rng.geometric(1 / PER_CLASS))]
    objects = [
        _annotation(rng, size, item.number, 1000 * item.number + n, CATEGORIES[label - 1])
        for n, label in enumerate(labels)
    ]
    return json.dumps(objects)[1:-1]


def _annotation(
    rng: np.random.Generator, size: tuple[int, int], image: int, id_: int, category: int
) -> dict[str, Any]:
    points = blob(rng, size, VERTICES, min(0.5, float(np.exp(rng.normal(-4, 1.3)))))
    (left, top), (right, bottom) = points.min(0), points.max(0)
    box = [left, top, right - left, bottom - top]
    crowd = bool(rng.random() < CROWD_SHARE)
    x, y = points.T
    area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
    return dict(
        segmentation=_box_runs(size, box) if crowd else [points.ravel().tolist()],
        area=round(float(area), 2),
        iscrowd=int(crowd),
        image_id=image,
        bbox=[round(float(value), 2) for value in box],
        category_id=category,
        id=id_,
    )


def _box_runs(size: tuple[int, int], box: list[float]) -> dict[str, list[int]]:
    """Uncompressed run lengths of a box: down the columns, background first."""
    mask = np.zeros(size, np.uint8)
    left, top, width, height = (int(value) for value in box)
    mask[top : top + height + 1, left : left + width + 1] = 1
    flat = np.concatenate([[0], mask.ravel(order='F')])
    edges = np.flatnonzero(np.diff(flat))
    return dict(counts=np.diff([0, *edges, mask.size]).tolist(), size=list(size))

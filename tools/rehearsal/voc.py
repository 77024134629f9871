"""A data set of the shape of VOC 2012 + SBD."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.io
from PIL import Image, ImageDraw

from mmlevelset.datasets.prepare.facts import VOC
from mmlevelset.datasets.prepare.labels import write_split
from mmlevelset.datasets.voc import VOCImageLabelDataset
from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.fileio.labels import write_label
from mmlevelset.fileio.meta import write_meta
from mmlevelset.parallel import parallel

from .shared import blob, deal, image_size, resized, scaled, write_images

CLASSES = VOCImageLabelDataset.METAINFO['classes']
# (H, W, share): rough shares of the sizes in JPEGImages; the long side is 500.
SIZES = (
    (375, 500, 0.60),
    (333, 500, 0.14),
    (500, 375, 0.15),
    (500, 333, 0.04),
    (400, 500, 0.03),
    (281, 500, 0.02),
    (500, 500, 0.02),
)
# VOC's train and val images that SBD annotates too: 11,355 - (10,582 - 1,464) of 2,913.
SHARED = 2237 / 2913
VOID_WIDTH = 5  # pixels of VOC's white contours


class _Item(NamedTuple):
    number: int
    id_: str
    classes: list[int]
    voc: bool  # has a mask of VOC
    sbd: bool  # has a mask of SBD


def write_voc(
    root: str | Path, scale: float = 1.0, seed: int = 0, jobs: int = 0, sides: float = 1.0
) -> Path:
    """Write ``VOCdevkit/VOC2012`` and ``benchmark_RELEASE``.

    Args:
        root: Folder to write to; what is there is kept.
        scale: Share of the 12,031 images.
        seed: Of everything.
        jobs: Processes; 0 takes one per core.
        sides: Share of the sides of the images.

    Returns:
        Path: the VOC2012 folder. Its ``meta.json`` states the counts that the converter and the
        check expect.
    """
    voc, sbd = Path(root) / 'VOCdevkit/VOC2012', Path(root) / 'benchmark_RELEASE/dataset'
    items, sizes = _items(scale, seed), resized(SIZES, sides)
    train, val, extra = items['train'], items['val'], items['extra']
    everything = [*train, *val, *extra]
    both = [item for item in everything if item.sbd]
    write_meta(
        voc,
        kind='rehearsal',
        dataset='VOC 2012 + SBD',
        scale=scale,
        sides=sides,
        seed=seed,
        expected=dict(
            images=dict(
                train=len(train), val=len(val), trainaug=len(train) + len(extra), sbd=len(both)
            ),
            classes=dict(trainaug=_counts([*train, *extra]), train=_counts(train)),
        ),
    )
    lists = voc / 'ImageSets/Segmentation'
    for name, members in dict(train=train, val=val, trainval=[*train, *val]).items():
        write_split(lists / f'{name}.txt', sorted(item.id_ for item in members))
    half = len(both) * 8498 // 11355
    write_split(sbd / 'train.txt', sorted(item.id_ for item in both[:half]))
    write_split(sbd / 'val.txt', sorted(item.id_ for item in both[half:]))
    names = [f'{item.id_}.jpg' for item in everything]
    write_images(voc / 'JPEGImages', names, voc.parent / '.distinct', sizes, seed, jobs)
    draw = partial(_write_item, voc=voc, sbd=sbd, sizes=sizes, seed=seed)
    for _ in parallel(draw, everything, len(everything), 'annotations and masks', jobs):
        pass
    return voc


def _items(scale: float, seed: int) -> dict[str, list[_Item]]:
    train = np.array(VOC['classes']['train'])
    trainaug = np.array(VOC['classes']['trainaug'])
    images = VOC['images']
    parts = dict(
        train=(images['train'], train),
        # VOC states no counts of val for these labels; those of train are close.
        val=(images['val'], train),
        extra=(images['trainaug'] - images['train'], trainaug - train),
    )
    items: dict[str, list[_Item]] = {}
    number = 0
    for index, (name, (total, counts)) in enumerate(parts.items()):
        count = max(2, round(total * scale))
        rng = np.random.default_rng((seed, 2, index))
        items[name] = []
        for n, classes in enumerate(deal(scaled(counts, scale, count), count, rng)):
            id_ = f'{2007 + number % 6}_{number:06}'
            sbd = name == 'extra' or n < round(SHARED * count)
            items[name].append(_Item(number, id_, classes, name != 'extra', sbd))
            number += 1
    return items


def _counts(items: list[_Item]) -> list[int]:
    labels = np.concatenate([item.classes for item in items])
    return np.bincount(labels, minlength=len(CLASSES))[1:].tolist()


def _write_item(item: _Item, voc: Path, sbd: Path, sizes: Sequence, seed: int) -> None:
    paths = [voc / f'Annotations/{item.id_}.xml']
    if item.voc:
        paths.append(voc / f'SegmentationClass/{item.id_}.png')
    if item.sbd:
        paths.append(sbd / f'cls/{item.id_}.mat')
    if all(path.is_file() for path in paths):
        return
    size = image_size(item.number, sizes, seed)
    rng = np.random.default_rng((seed, 3, item.number))
    objects = [
        (label, blob(rng, size, 24, rng.uniform(0.02, 0.2)))
        for label in item.classes
        for _ in range(rng.integers(1, 4))
    ]
    mask = Image.new('L', size[::-1])
    for label, points in objects:
        ImageDraw.Draw(mask).polygon([tuple(p) for p in points], fill=label)
    coarse = np.array(mask)
    for _, points in objects:
        closed = [tuple(p) for p in [*points, points[0]]]
        ImageDraw.Draw(mask).line(closed, fill=255, width=VOID_WIDTH)
    for path in paths:
        if path.suffix == '.xml':
            _write_xml(path, item.id_, size, objects)
        elif path.suffix == '.png':
            write_label(path, np.array(mask))
        else:
            _write_mat(path, coarse)


def _write_mat(path: Path, mask: np.ndarray) -> None:
    with atomic_path(path) as temporary, open(temporary, 'wb') as file:
        scipy.io.savemat(file, {'GTcls': {'Segmentation': mask}}, do_compression=True)


def _write_xml(path: Path, id_: str, size: tuple[int, int], objects: list) -> None:
    rows = []
    for label, points in objects:
        (left, top), (right, bottom) = points.min(0) + 1, points.max(0) + 1
        part = '<part><name>head</name></part>' if CLASSES[label] == 'person' else ''
        rows.append(
            f'<object><name>{CLASSES[label]}</name><difficult>0</difficult><bndbox>'
            f'<xmin>{left:.0f}</xmin><ymin>{top:.0f}</ymin><xmax>{right:.0f}</xmax>'
            f'<ymax>{bottom:.0f}</ymax></bndbox>{part}</object>'
        )
    with atomic_path(path) as temporary:
        temporary.write_text(
            f'<annotation><filename>{id_}.jpg</filename><size><width>{size[1]}</width>'
            f'<height>{size[0]}</height><depth>3</depth></size>\n' + '\n'.join(rows) + '\n'
            '</annotation>\n'
        )

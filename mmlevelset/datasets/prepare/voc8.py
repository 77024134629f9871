"""VOC 2012 + SBD -> voc8: 1,349 photographs with 8 of the classes, long side 320 px.

The results in ``docs/en/results.md`` were measured on a copy of the same ids that others had resized
and compressed. Read off it: 4:2:0 JPEG of quality 92; sides as if rounded to the nearest pixel; VOC's
own masks where VOC has one (191 of train, all of val), SBD's elsewhere; labels that are the classes in
the small mask, however few their pixels. Not known: the filters for images and masks. Pixel values,
boundaries to about a pixel and the labels of tiny objects may therefore differ from that copy:
expect results close to the reported ones, not equal to them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from mmlevelset.datasets.image_labels import labels_from_masks
from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.fileio.ids import read_split
from mmlevelset.fileio.images import read_image
from mmlevelset.fileio.labels import read_label, write_label
from mmlevelset.fileio.output import resumed_folder
from mmlevelset.parallel import parallel

from ..voc import VOCImageLabelDataset
from .check import AUG_HINT
from .findings import Report
from .labels import write_image_labels, write_split
from .voc_aug import VOC_ARCHIVE

CLASSES = ('background', 'cat', 'dog', 'horse', 'sheep', 'cow', 'person', 'sofa', 'chair')
VOC_CLASSES = VOCImageLabelDataset.METAINFO['classes']
SIDE = 320  # long side, in pixels
QUALITY = 92  # its quantisation tables are those of the copy that was measured
HINT = f'Unpack {VOC_ARCHIVE} and give its VOC2012.'

# Label of VOC -> label of voc8, (256,) uint8. The other classes are not scored.
TO_VOC8 = np.full(256, 255, np.uint8)
TO_VOC8[[VOC_CLASSES.index(name) for name in CLASSES]] = np.arange(len(CLASSES))


def convert_voc8(
    voc: str | Path,
    out: str | Path,
    splits: Mapping[str, Sequence[str]] | None = None,
    jobs: int = 0,
) -> None:
    """Write images, masks, ``ImageSets/Segmentation/<split>.txt`` and ``image_labels.json``.

    Images that are there already are kept, so that a run that was stopped goes on.

    Args:
        voc: ``VOCdevkit/VOC2012`` after ``voc_aug.py``: ``JPEGImages`` and ``SegmentationClassAug``.
        out: Folder to write to.
        splits: Name of a list -> its ids; those of voc8 (train 1,124, val 225) if not given.
        jobs: Processes; 0 takes one per core.

    Raises:
        FileNotFoundError: A folder, image or mask is missing.
        ValueError: A file is damaged, a mask does not fit its image or has labels that VOC has not,
            or ``out`` holds masks made in another way.
    """
    voc, out = Path(voc), Path(out)
    if splits is None:
        splits = {
            split: read_split(Path(__file__).with_name(f'voc8_{split}.txt'))
            for split in ('train', 'val')
        }
    ids = [id_ for members in splits.values() for id_ in members]
    _require_files(voc, ids)

    images, masks = out / 'JPEGImages', out / 'SegmentationClass'
    meta = dict(
        kind='masks',
        dataset='voc8',
        convention=f'SegmentationClassAug at a long side of {SIDE}, nearest neighbour; '
        '8 classes, the other 12 are void',
        images=len(ids),
        classes=list(CLASSES),
    )
    with resumed_folder(masks, '.png', ids, meta, ('dataset', 'convention', 'images')) as left:
        images.mkdir(exist_ok=True)
        missing, there = set(left), {path.stem for path in images.glob('*.jpg')}
        tasks = [
            _Task(
                voc / f'JPEGImages/{id_}.jpg',
                voc / f'SegmentationClassAug/{id_}.png',
                images / f'{id_}.jpg',
                masks / f'{id_}.png',
            )
            for id_ in ids
            if id_ in missing or id_ not in there
        ]
        for _ in parallel(_convert, tasks, len(tasks), 'voc8', jobs):
            pass
        labels = labels_from_masks({id_: str(masks / f'{id_}.png') for id_ in ids}, CLASSES)
        write_image_labels(out / 'image_labels.json', labels, CLASSES)
        for split, members in splits.items():
            write_split(out / f'ImageSets/Segmentation/{split}.txt', members)


def _require_files(voc: Path, ids: Sequence[str]) -> None:
    """Say all that is missing at once."""
    report = Report()
    for name, suffix, hint in (
        ('JPEGImages', '.jpg', HINT),
        ('SegmentationClassAug', '.png', AUG_HINT),
    ):
        if report.folder(voc / name, hint):
            report.present(voc / name, [id_ + suffix for id_ in ids], hint)
    if report.errors:
        raise FileNotFoundError(' '.join(report.errors))


class _Task(NamedTuple):
    image: Path
    mask: Path
    small_image: Path
    small_mask: Path


def _convert(task: _Task) -> None:
    image, mask = read_image(task.image), read_label(task.mask, len(VOC_CLASSES))
    if image.shape[:2] != mask.shape:
        raise ValueError(
            f'{task.mask} is {mask.shape} (H, W), its image {task.image} {image.shape[:2]}. {AUG_HINT}'
        )
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    size = round(width * scale), round(height * scale)
    # The exact kind samples at the centres of the pixels, as INTER_AREA does; the plain one is
    # shifted by up to half a pixel.
    mask = cv2.resize(TO_VOC8[mask], size, interpolation=cv2.INTER_NEAREST_EXACT)
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    with atomic_path(task.small_image) as temporary:
        Image.fromarray(image).save(temporary, format='JPEG', quality=QUALITY)
    write_label(task.small_mask, mask)

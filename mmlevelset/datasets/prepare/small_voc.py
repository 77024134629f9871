"""VOC 2012 + SBD -> voc8 and voc20: photographs of long side 320 px, 1,349 with 8 classes, 2,245 with all 20.

The results in ``docs/en/results.md`` were measured on copies of the same ids that others had resized and
compressed. Read off that of voc8: 4:2:0 JPEG of quality 92; sides as if rounded to the nearest pixel; VOC's
own masks where VOC has one (191 of train, all of val), SBD's elsewhere; labels that are the classes in
the small mask, however few their pixels. Of voc20: quality 90, labels of VOC's XML files, VOC's masks for
all of train and val, SBD's for the other 953 of train_mid. Not known: the filters for images and masks. Pixel
values, boundaries to about a pixel and the labels of tiny objects may therefore differ from those copies:
expect results close to the reported ones, not equal to them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from mmlevelset.datasets.image_labels import labels_from_masks, read_image_labels
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
HINT = f'Unpack {VOC_ARCHIVE} and give its VOC2012.'


class SmallVOC(NamedTuple):
    """What is made of VOC.

    Args:
        name: Of the data set.
        lists: Names of its lists, ``<name>_<list>.txt`` beside this file.
        classes: Its classes; pixels of the others are void.
        quality: Of its JPEG files: their quantisation tables are those of the copy that was measured.
        xml: Whether image-level labels come from VOC's XML files, else from the small masks.
    """

    name: str
    lists: tuple[str, ...]
    classes: tuple[str, ...]
    quality: int
    xml: bool

    def table(self) -> np.ndarray:
        """Label of VOC -> label of this data set, (256,) uint8."""
        table = np.full(256, 255, np.uint8)
        table[[VOC_CLASSES.index(name) for name in self.classes]] = np.arange(len(self.classes))
        return table


VOC8 = SmallVOC('voc8', ('train', 'val'), CLASSES, 92, xml=False)
# train_100 and train_400: images of train that show horse, cat and person, and the classes of voc8, alone,
# evenly spaced over the sorted ids.
VOC20 = SmallVOC(
    'voc20', ('train_mid', 'train', 'val', 'train_100', 'train_400'), VOC_CLASSES, 90, xml=True
)


def convert_small_voc(
    voc: str | Path,
    out: str | Path,
    small: SmallVOC,
    splits: Mapping[str, Sequence[str]] | None = None,
    jobs: int = 0,
) -> None:
    """Write images, masks, ``ImageSets/Segmentation/<split>.txt`` and ``image_labels.json``.

    Images that are there already are kept, so that a run that was stopped goes on.

    Args:
        voc: ``VOCdevkit/VOC2012`` after ``voc_aug.py``: ``JPEGImages``, ``SegmentationClassAug`` and, for
            labels from XML files, ``Annotations``.
        out: Folder to write to.
        small: ``VOC8`` or ``VOC20``.
        splits: Name of a list -> its ids; those of ``small`` if not given.
        jobs: Processes; 0 takes one per core.

    Raises:
        FileNotFoundError: A folder, image or mask is missing.
        ValueError: A file is damaged, a mask does not fit its image or has labels that VOC has not,
            or ``out`` holds masks made in another way.
    """
    voc, out = Path(voc), Path(out)
    if splits is None:
        splits = {
            split: read_split(Path(__file__).with_name(f'{small.name}_{split}.txt'))
            for split in small.lists
        }
    ids = list(dict.fromkeys(id_ for members in splits.values() for id_ in members))
    _require_files(voc, ids, small.xml)

    images, masks = out / 'JPEGImages', out / 'SegmentationClass'
    meta = dict(
        kind='masks',
        dataset=small.name,
        convention=f'SegmentationClassAug at a long side of {SIDE}, nearest neighbour; '
        f'{len(small.classes) - 1} classes'
        + (', the other 12 are void' if len(small.classes) < len(VOC_CLASSES) else ''),
        images=len(ids),
        classes=list(small.classes),
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
                small,
            )
            for id_ in ids
            if id_ in missing or id_ not in there
        ]
        for _ in parallel(_convert, tasks, len(tasks), small.name, jobs):
            pass
        if small.xml:
            labels = read_image_labels(str(voc / 'Annotations'), ids, small.classes)
        else:
            labels = labels_from_masks({i: str(masks / f'{i}.png') for i in ids}, small.classes)
        write_image_labels(out / 'image_labels.json', labels, small.classes)
        for split, members in splits.items():
            write_split(out / f'ImageSets/Segmentation/{split}.txt', members)


def _require_files(voc: Path, ids: Sequence[str], xml: bool) -> None:
    """Say all that is missing at once."""
    report = Report()
    for name, suffix, hint in (
        ('JPEGImages', '.jpg', HINT),
        ('SegmentationClassAug', '.png', AUG_HINT),
        *([('Annotations', '.xml', HINT)] if xml else []),
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
    small: SmallVOC


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
    mask = cv2.resize(task.small.table()[mask], size, interpolation=cv2.INTER_NEAREST_EXACT)
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    with atomic_path(task.small_image) as temporary:
        Image.fromarray(image).save(temporary, format='JPEG', quality=task.small.quality)
    write_label(task.small_mask, mask)

"""Tells whether a user's own folder in VOC's layout is complete and fits together."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmlevelset.fileio.ids import IMAGE_SUFFIXES, image_id, preview, read_split
from mmlevelset.fileio.images import find_images
from mmlevelset.fileio.labels import VOID

from .check import check_mask_labels, read_labels
from .files import Finding, Pair
from .findings import Report, sampled
from .own_classes import LABELS, label_source, own_classes

LISTS = 'ImageSets/Segmentation'
USES = dict(
    train='the images that are trained on',
    val='the images that the model is tried on, with or without masks',
)
HINT = 'docs/en/get_started.md shows the layout (Your own data).'


def check_own(root: str | Path, classes: Sequence[str] | None = None, jobs: int = 0) -> Report:
    """Check a folder with ``JPEGImages``, lists, image-level labels and, where there are, masks.

    Args:
        root: The folder, ``data_root`` of a config.
        classes: Names, see :func:`own_classes`; default: those that ``image_labels.json`` states.
        jobs: Processes; 0 takes one per core.

    Returns:
        Report: ``errors`` is empty if all is well.

    Raises:
        ValueError: The names of the classes are not known, or cannot be.
    """
    root, report = Path(root), Report()
    folders = ('JPEGImages', LISTS)
    if not report.root(root, folders, HINT):
        return report
    if not all([report.folder(root / name, HINT) for name in folders]):
        return report
    ids = _listed(report, root / LISTS)
    read = not report.errors  # all lists; of a part of the images nothing is said about all
    images = _found(report, root / 'JPEGImages', ids)
    classes = own_classes(root, classes)
    labels = _labelled(report, root, ids, classes, read)
    pairs, masks = [], _masks(report, root / 'SegmentationClass', ids)
    for id_, decode in zip(ids, sampled(len(ids)), strict=True):
        mask = masks.get(id_)
        pairs.append(Pair(images.get(id_), mask, bool(decode and mask)))
    found = report.files(pairs, 'files', len(classes), jobs)
    _check_void(report, found)
    check_mask_labels(report, pairs, found, labels, 'SegmentationClass')
    return report


def _listed(report: Report, folder: Path) -> list[str]:
    """Ids of all lists, each once."""
    splits: dict[str, list[str]] = {}
    for path in sorted(folder.glob('*.txt')):
        try:
            splits[path.stem] = read_split(path)
            report.ok(f'{path.name}: {len(splits[path.stem]):,} images')
        except ValueError as error:
            report.error(str(error))
    if not splits:
        report.error(f'{folder}: no list that can be read, expected train.txt and val.txt. {HINT}')
    for name, use in USES.items():
        if splits and not (folder / f'{name}.txt').exists():
            report.warn(f'{folder}: no {name}.txt, which new-project expects: {use}')
    both = set(splits.get('train', [])) & set(splits.get('val', []))
    if both:
        report.error(f'train.txt and val.txt share {len(both)} images: results would be void.')
    return sorted({id_ for members in splits.values() for id_ in members})


def _found(report: Report, folder: Path, ids: Sequence[str]) -> dict[str, Path]:
    """Files of the images; those that are there where some are missing."""
    files = [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES]
    there = Counter(image_id(path.name) for path in files)
    try:
        found = find_images(folder, ids)
    except ValueError as error:
        report.error(str(error))
        return {}
    except FileNotFoundError as error:
        report.error(str(error))
        return find_images(folder, [id_ for id_ in ids if there[image_id(id_)]])
    report.ok(f'{folder}: all {len(ids):,} images that the lists name')
    if double := [id_ for id_ in ids if there[image_id(id_)] > 1]:
        report.warn(f'{folder}: several files of {preview(double)}; one of them is taken')
    return found


def _labelled(
    report: Report, root: Path, ids: list[str], classes: Sequence[str], read: bool
) -> dict[str, np.ndarray]:
    source = label_source(root)
    if source is None:
        report.error(f'{root}: no image-level labels, expected one of {", ".join(LABELS)}. {HINT}')
        return {}
    if others := [name for name in LABELS if (root / name).exists() and name != source.name]:
        report.warn(f'{source} is read, {", ".join(others)} beside it not')
    labels = read_labels(report, source, ids, classes)
    if labels and read:
        shown = np.any(list(labels.values()), axis=0)
        constant = np.all(list(labels.values()), axis=0)
        everywhere = [name for name, there in zip(classes[1:], constant, strict=True) if there]
        if everywhere:
            report.warn(
                f'{source}: every image shows {everywhere}; a classifier needs images without a class to learn '
                'where it is'
            )
        if not shown.any():
            report.error(f'{source}: no image shows any class, so there is nothing to learn')
            return labels
        absent = [name for name, there in zip(classes[1:], shown, strict=True) if not there]
        if absent:
            report.warn(f'{source}: no image shows {absent}')
    return labels


def _masks(report: Report, folder: Path, ids: Sequence[str]) -> dict[str, Path]:
    """Masks that are there; images without one can be trained on and not scored."""
    if not folder.is_dir():
        report.warn(f'{folder}: no masks; seeds and labels can be made and not scored')
        return {}
    there = {image_id(path.stem): path for path in folder.glob('*.png')}
    having = [id_ for id_ in ids if id_ in there]
    if len(having) < len(ids):
        report.warn(f'{folder}: no mask of {len(ids) - len(having):,} images, not scored then')
    return {id_: there[id_] for id_ in having}


def _check_void(report: Report, found: list[Finding]) -> None:
    present = {int(label) for finding in found for label in finding.labels}
    if VOID in present and present <= {0, VOID}:
        report.error(
            f'the masks hold nothing but 0 and {VOID}, and {VOID} is void. If it marks objects, write '
            '1..C instead.'
        )

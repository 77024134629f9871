"""Tells whether the folders of VOC 2012 or COCO 2014 are complete and fit together."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmlevelset.fileio.meta import read_meta

from ..coco14 import COCO14Dataset, coco_number
from ..image_labels import read_image_labels
from ..voc import VOCImageLabelDataset
from .facts import COCO, VOC, class_differences, expected
from .files import Finding, Pair
from .findings import Report, sampled

VOC_HINT = 'Unpack VOCtrainval_11-May-2012.tar again.'
AUG_HINT = 'Run tools/dataset_converters/voc_aug.py.'
COCO_HINT = 'Run tools/dataset_converters/coco14.py.'


def check_voc(root: str | Path, jobs: int = 0) -> Report:
    """Check ``VOCdevkit/VOC2012`` after ``voc_aug.py``.

    Args:
        root: The folder.
        jobs: Processes; 0 takes one per core.

    Returns:
        Report: ``errors`` is empty if all is well.
    """
    root, report = Path(root), Report()
    folders = ('JPEGImages', 'Annotations', 'SegmentationClass', 'ImageSets/Segmentation')
    if not report.root(root, folders, 'Give the path of VOCdevkit/VOC2012.'):
        return report
    if not all([report.folder(root / name, VOC_HINT) for name in folders]):
        return report
    facts = expected(root, VOC)
    lists, classes = root / 'ImageSets/Segmentation', VOCImageLabelDataset.METAINFO['classes']
    hints = dict(train=VOC_HINT, val=VOC_HINT, trainaug=AUG_HINT)
    splits = {
        name: report.split(lists / f'{name}.txt', facts['images'][name], hint)
        for name, hint in hints.items()
    }
    _check_lists(report, splits)
    ids = sorted({id_ for members in splits.values() for id_ in members})
    own = sorted({*splits['train'], *splits['val']})
    images = report.present(root / 'JPEGImages', [f'{i}.jpg' for i in ids], VOC_HINT)
    report.present(root / 'Annotations', [f'{i}.xml' for i in ids], VOC_HINT)
    masks = report.present(root / 'SegmentationClass', [f'{i}.png' for i in own], VOC_HINT)
    aug_root = root / 'SegmentationClassAug'
    aug = set()
    if report.folder(aug_root, AUG_HINT):
        aug = report.present(aug_root, [f'{i}.png' for i in ids], AUG_HINT)
    labels = read_labels(report, root / 'Annotations', ids, classes)
    if labels:
        for split, wanted in facts['classes'].items():
            _check_counts(report, split, [labels[i] for i in splits[split]], wanted, classes)
    for folder, there in ((root / 'SegmentationClass', masks), (aug_root, aug)):
        pairs = _pairs(root / 'JPEGImages', images, folder, there, ids if there is aug else own)
        found = report.files(pairs, folder.name, len(classes), jobs)
        check_mask_labels(report, pairs, found, labels, folder.name)
    return report


def check_coco(root: str | Path, jobs: int = 0) -> Report:
    """Check ``coco14`` after ``coco14.py``.

    Args:
        root: The folder.
        jobs: Processes; 0 takes one per core.

    Returns:
        Report: ``errors`` is empty if all is well.
    """
    root, report = Path(root), Report()
    folders = ('train2014', 'val2014', 'annotations', 'ImageSets')
    if not report.root(root, folders, 'Give the folder that coco14.py was given.'):
        return report
    classes, facts = COCO14Dataset.METAINFO['classes'], expected(root, COCO)
    splits = {
        name: report.split(root / f'ImageSets/{name}.txt', want, COCO_HINT, coco_number)
        for name, want in facts['images'].items()
    }
    if set(splits['train']) & set(splits['val']):
        report.error('train.txt and val.txt share images. ' + COCO_HINT)
    ids = [*splits['train'], *splits['val']]
    labels = read_labels(report, root / 'image_labels.json', ids, classes)
    for split in ('train', 'val'):
        if labels and splits[split]:
            labelled = [id_ for id_ in splits[split] if labels[id_].any()]
            want = facts['images'][f'{split}_labelled']
            report.count(f'{split}: images with a class', len(labelled), want, COCO_HINT)
        images, masks = root / f'{split}2014', root / f'SegmentationClass/{split}2014'
        hint = f'Unpack {split}2014.zip again.'
        if not (report.folder(images, hint) and report.folder(masks, COCO_HINT)):
            continue
        meta = read_meta(masks)
        if 'overlap' in meta:
            report.ok(f'{masks}: overlap={meta["overlap"]}, crowd={meta["crowd"]}')
        else:
            report.warn(f'{masks}: no meta.json that states the conventions for overlap and crowds')
        names = [f'{id_}.jpg' for id_ in splits[split]]
        jpegs = report.present(images, names, hint)
        pngs = report.present(masks, [f'{id_}.png' for id_ in splits[split]], COCO_HINT)
        pairs = _pairs(images, jpegs, masks, pngs, splits[split])
        found = report.files(pairs, f'{split}2014', len(classes), jobs)
        check_mask_labels(report, pairs, found, labels, f'{split}2014')
    return report


def _check_lists(report: Report, splits: dict[str, list[str]]) -> None:
    train, val, trainaug = (set(splits[name]) for name in ('train', 'val', 'trainaug'))
    both = len(trainaug & val)
    outside = len(train - trainaug) if trainaug else 0
    if both:
        report.error(f'trainaug.txt and val.txt share {both} images: results on val would be void.')
    if outside:
        report.error(f'{outside} images of train.txt are not in trainaug.txt. {AUG_HINT}')
    if trainaug and not both and not outside:
        report.ok('trainaug holds train and nothing of val')


def read_labels(report: Report, source: Path, ids: list[str], classes: Sequence[str]) -> dict:
    """Read image-level labels; an empty dict, and an error of the report, where it cannot be done."""
    try:
        labels = read_image_labels(source, ids, classes)
    except (FileNotFoundError, ValueError) as error:
        report.error(str(error))
        return {}
    report.ok(f'{source}: labels of {len(labels):,} images')
    return labels


def _check_counts(
    report: Report, split: str, labels: list, wanted: Sequence[int], classes: Sequence[str]
) -> None:
    wrong = class_differences(np.sum(labels, axis=0), wanted, classes) if labels else []
    if wrong:
        report.error(f'{split}: images per class differ: {", ".join(wrong)}. {VOC_HINT}')
    elif labels:
        report.ok(f'{split}: images per class')


def _pairs(
    images: Path, jpegs: set[str], masks: Path, pngs: set[str], ids: Sequence[str]
) -> list[Pair]:
    """What there is of each id."""
    pairs = []
    for id_, decode in zip(ids, sampled(len(ids)), strict=True):
        image = images / f'{id_}.jpg' if f'{id_}.jpg' in jpegs else None
        mask = masks / f'{id_}.png' if f'{id_}.png' in pngs else None
        pairs.append(Pair(image, mask, bool(decode and mask)))
    return pairs


def check_mask_labels(
    report: Report, pairs: list[Pair], found: list[Finding], labels: dict, what: str
) -> None:
    """Classes of the decoded masks must be among the image-level labels."""
    extra = []
    for pair, finding in zip(pairs, found, strict=True):
        if pair.mask and pair.mask.stem in labels:
            present = {0, 255, *(np.flatnonzero(labels[pair.mask.stem]) + 1).tolist()}
            if set(finding.labels.tolist()) - present:
                extra.append(pair.mask.stem)
    if extra:
        report.warn(f'{what}: masks show classes that the image labels lack: {extra[:5]}')

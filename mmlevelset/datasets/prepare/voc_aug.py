"""VOC 2012 + SBD -> the augmented training set of 10,582 images."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.io

from mmlevelset.datasets.image_labels import read_image_labels
from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.fileio.ids import preview, read_split
from mmlevelset.fileio.images import image_size
from mmlevelset.fileio.labels import read_label, write_label
from mmlevelset.fileio.output import resumed_folder
from mmlevelset.parallel import parallel

from ..voc import VOCImageLabelDataset
from .facts import VOC, class_differences, expected
from .labels import write_cls_labels, write_image_labels, write_split

CLASSES = VOCImageLabelDataset.METAINFO['classes']
VOC_ARCHIVE = 'VOCtrainval_11-May-2012.tar'
SBD_ARCHIVE = 'benchmark.tgz'


def convert_voc_aug(
    voc: str | Path, sbd: str | Path, cls_labels: str | None = None, jobs: int = 0
) -> None:
    """Write ``SegmentationClassAug``, ``trainaug.txt``, ``aug.txt`` and ``image_labels.json``.

    Masks come from VOC where VOC has one (train and val), else from SBD. Masks that are there
    already are kept, so that a run that was stopped goes on.

    Args:
        voc: ``VOCdevkit/VOC2012``.
        sbd: Unpacked archive of SBD (``benchmark_RELEASE``, or its ``dataset`` folder).
        cls_labels: Write ``cls_labels.npy`` too, with ``'str'`` or ``'int'`` keys.
        jobs: Processes; 0 takes one per core.

    Raises:
        FileNotFoundError: A folder, list, image, mask or XML file is missing.
        ValueError: A list or folder is incomplete, or labels are not those of VOC 2012.
    """
    voc = Path(voc)
    facts = expected(voc, VOC)
    lists = voc / 'ImageSets/Segmentation'
    for name in ('JPEGImages', 'Annotations', 'SegmentationClass', 'ImageSets/Segmentation'):
        _require_folder(voc / name, VOC_ARCHIVE)
    train, val = (_read_list(lists / f'{split}.txt', facts, split) for split in ('train', 'val'))
    mats = _sbd_masks(Path(sbd), facts['images']['sbd'])

    trainaug = sorted((set(mats) | set(train)) - set(val))
    _expect(len(trainaug), facts['images']['trainaug'], f'{voc} and {sbd} give', 'training images')
    ids = sorted([*trainaug, *val])
    _require_files(voc / 'JPEGImages', '.jpg', ids)
    _require_files(voc / 'SegmentationClass', '.png', [*train, *val])
    labels = read_image_labels(voc / 'Annotations', ids, CLASSES)
    for split, members in dict(trainaug=trainaug, train=train).items():
        wrong = class_differences(
            np.sum([labels[id_] for id_ in members], axis=0), facts['classes'][split], CLASSES
        )
        if wrong:
            raise ValueError(
                f'{voc / "Annotations"}: images per class of {split} are not those of VOC 2012: '
                f'{", ".join(wrong)}. Unpack {VOC_ARCHIVE} again.'
            )

    write_split(lists / 'trainaug.txt', trainaug)
    write_split(lists / 'aug.txt', sorted(set(trainaug) - set(train)))
    write_image_labels(voc / 'image_labels.json', labels, CLASSES)
    if cls_labels:
        write_cls_labels(voc / 'cls_labels.npy', labels, cls_labels)
    own = {*train, *val}
    sources = {
        id_: voc / f'SegmentationClass/{id_}.png' if id_ in own else mats[id_] for id_ in ids
    }
    _write_masks(voc, sources, len(own), jobs)


def read_sbd_mask(path: str | Path) -> np.ndarray:
    """Read a file of SBD's ``cls`` folder.

    Returns:
        np.ndarray: labels, (H, W) uint8; 0 background, 1..20.

    Raises:
        ValueError: The file is damaged or no mask of SBD.
    """
    try:
        mask = scipy.io.loadmat(path)['GTcls'][0]['Segmentation'][0]
    except Exception as error:  # scipy raises whatever a damaged header leads to
        raise ValueError(
            f'{path}: not readable as a mask of SBD ({error!r}). Unpack {SBD_ARCHIVE} again.'
        ) from error
    if mask.ndim != 2 or mask.dtype != np.uint8:
        raise ValueError(f'{path}: expected labels (H, W) uint8, got {mask.dtype} {mask.shape}')
    return mask


def _sbd_masks(root: Path, want: int) -> dict[str, Path]:
    """id -> .mat of all of SBD."""
    folders = [root, root / 'dataset', root / 'benchmark_RELEASE/dataset']
    folder = next((f for f in folders if (f / 'cls').is_dir()), None)
    if folder is None:
        raise FileNotFoundError(
            f'{root}: no folder cls, dataset/cls or benchmark_RELEASE/dataset/cls. '
            f'Unpack {SBD_ARCHIVE} of SBD and give its folder.'
        )
    mats = {path.stem: path for path in (folder / 'cls').iterdir() if path.suffix == '.mat'}
    listed = [id_ for split in ('train', 'val') for id_ in read_split(folder / f'{split}.txt')]
    missing = sorted(set(listed) - set(mats))
    if missing:
        raise FileNotFoundError(
            f'{folder / "cls"} lacks the .mat of {preview(missing)}; it has {len(mats):,}, '
            f'expected {want:,}. Unpack {SBD_ARCHIVE} again.'
        )
    _expect(len(mats), want, f'{folder / "cls"} holds', f'.mat files; unpack {SBD_ARCHIVE} again')
    return mats


def _read_list(path: Path, facts: Mapping[str, Any], split: str) -> list[str]:
    ids = read_split(path)
    _expect(len(ids), facts['images'][split], f'{path} lists', 'images')
    return ids


def _expect(got: int, want: int, subject: str, noun: str) -> None:
    if got != want:
        raise ValueError(f'{subject} {got:,}, expected {want:,} {noun}.')


def _require_folder(path: Path, archive: str) -> None:
    if not path.is_dir():
        raise FileNotFoundError(f'{path}: folder not found. Unpack {archive} and give its VOC2012.')


def _require_files(folder: Path, suffix: str, ids: Sequence[str]) -> None:
    names = {path.name for path in folder.iterdir()}
    missing = [id_ for id_ in ids if id_ + suffix not in names]
    if missing:
        raise FileNotFoundError(
            f'{folder} lacks the {suffix} of {preview(missing)}, expected {len(ids):,}. '
            f'Unpack {VOC_ARCHIVE} again.'
        )


class _Task(NamedTuple):
    source: Path
    image: Path
    out: Path


def _write_masks(voc: Path, sources: dict[str, Path], own: int, jobs: int) -> None:
    folder = voc / 'SegmentationClassAug'
    meta = dict(
        kind='masks',
        dataset='VOC 2012 + SBD',
        convention="VOC's masks of train and val, SBD's of the others (coarser, without void)",
        images=len(sources),
        from_voc=own,
        from_sbd=len(sources) - own,
        classes=list(CLASSES),
    )
    settings = ('dataset', 'convention', 'images')
    with resumed_folder(folder, '.png', list(sources), meta, settings) as left:
        tasks = [
            _Task(sources[id_], voc / f'JPEGImages/{id_}.jpg', folder / f'{id_}.png')
            for id_ in left
        ]
        for _ in parallel(_write_mask, tasks, len(tasks), 'SegmentationClassAug', jobs):
            pass


def _write_mask(task: _Task) -> None:
    size = image_size(task.image)
    own = task.source.suffix == '.png'
    label = read_label(task.source, len(CLASSES)) if own else read_sbd_mask(task.source)
    if label.shape != size:
        raise ValueError(f'{task.source} is {label.shape} (H, W), its image {task.image} {size}')
    if own:
        with atomic_path(task.out) as temporary:
            shutil.copyfile(task.source, temporary)
    else:
        write_label(task.out, label)

"""Results in the formats of the evaluation servers: VOC 2012's archive and COCO's JSON."""

import json
import re
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.fileio.coco_labels import CATEGORIES
from mmlevelset.fileio.images import find_images, image_size, opened
from mmlevelset.fileio.labels import read_label, voc_palette, write_label

COMPETITIONS = ('comp5', 'comp6')  # VOC's data alone; other data too, as any pre-trained network
NUM_LABELS = 21


def write_voc_archive(
    label_dir: str | Path,
    archive: str | Path,
    ids: Sequence[str],
    image_dir: str | Path,
    competition: str = 'comp6',
    image_set: str = 'test',
) -> None:
    """Pack label maps for the VOC 2012 segmentation server, and check the archive.

    Args:
        label_dir: folder of ``<id>.png``, labels 0..20 (palette or grey).
        archive: file to write, ``.tgz`` or ``.tar.gz``.
        ids: images of the set, all of them.
        image_dir: folder of ``<id>.jpg``, whose sizes the label maps must have.
        competition: ``'comp6'``, or ``'comp5'`` where only VOC's data was trained on.
        image_set: ``'test'`` or ``'val'``.

    Raises:
        FileNotFoundError: a label map or an image is missing.
        ValueError: naming the first label map of another size or with other labels; or a wrong
            name of the archive or competition.
    """
    archive = Path(archive)
    if not archive.name.endswith(('.tgz', '.tar.gz')) or competition not in COMPETITIONS:
        raise ValueError(
            f'expected a .tgz or .tar.gz and one of {COMPETITIONS}, got {archive.name} and '
            f'{competition!r}; the server refuses other archives'
        )
    with tempfile.TemporaryDirectory() as folder, atomic_path(archive) as temporary:
        with tarfile.open(temporary, 'w:gz') as tar:
            for name in ids:
                label = read_label(Path(label_dir) / f'{name}.png')
                path = Path(folder) / f'{name}.png'
                write_label(path, label)
                tar.add(path, f'{voc_folder(competition, image_set)}/{name}.png')
        check_voc_archive(temporary, ids, image_dir, competition, image_set)


def check_voc_archive(
    archive: str | Path,
    ids: Sequence[str],
    image_dir: str | Path,
    competition: str = 'comp6',
    image_set: str = 'test',
) -> None:
    """Check what the server checks, and what it does not tell; arguments as above.

    Raises:
        FileNotFoundError: an image is missing.
        ValueError: it is no gzipped tar, or naming the files that are missing, in other folders, or
            no palette PNG with VOC's colours, the size of the image and labels 0..20.
    """
    folder, found, images = voc_folder(competition, image_set), set(), find_images(image_dir, ids)
    try:
        with tarfile.open(archive, 'r:gz') as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isfile() else None
                if file is None:
                    continue
                parent, _, name = member.name.rpartition('/')
                stem, dot, suffix = name.rpartition('.')
                if parent != folder or suffix != 'png' or stem not in set(ids):
                    raise ValueError(
                        f'{archive}: {member.name} does not belong there, expected only '
                        f'{folder}/<id>.png of the {len(ids)} images of the set'
                    )
                where = f'{archive}: {name}'
                with opened(file, where, 'a mask') as image:
                    _check_voc_label(where, image, image_size(images[stem])[::-1])
                found.add(stem)
    except tarfile.ReadError as error:
        raise ValueError(f'{archive} is no gzipped tar file ({error}); pack it again') from error
    missing = sorted(set(ids) - found)
    if missing:
        raise ValueError(
            f'{archive} lacks {len(missing)} of {len(ids)} images, the first is {missing[0]}'
        )


def voc_folder(competition: str, image_set: str) -> str:
    """Folder of the label maps inside the archive."""
    return f'results/VOC2012/Segmentation/{competition}_{image_set}_cls'


def coco_results(label: np.ndarray, image_id: int) -> list[dict[str, Any]]:
    """Segments of a label map as entries of COCO's result JSON.

    Args:
        label (np.ndarray): labels, (H, W); 0 background, 1..80 by rank of the category id, 255 void.
        image_id: COCO's number of the image.

    Returns:
        list[dict]: one per class: ``image_id``, ``category_id`` (COCO's, 1..90), ``segmentation``
        (uncompressed run lengths in column order, ``counts`` and ``size`` (H, W)) and ``score``, 1.

    Raises:
        ValueError: on labels above 80 that are not 255.
    """
    labels = np.setdiff1d(np.unique(label), [0, 255])
    if len(labels) and labels.max() > len(CATEGORIES):
        raise ValueError(
            f'image {image_id} has the label {labels.max()}, expected 0..80 by rank; are these '
            "COCO's own category ids?"
        )
    return [
        dict(
            image_id=image_id,
            category_id=CATEGORIES[value - 1],
            segmentation=dict(counts=_runs(label == value), size=list(label.shape)),
            score=1.0,
        )
        for value in labels.tolist()
    ]


def write_coco_results(label_dir: str | Path, path: str | Path, ids: Iterable[str]) -> int:
    """Write the label maps of a folder as one result JSON.

    Args:
        label_dir: folder of ``<id>.png``; the number at the end of the id is COCO's.
        path: file to write.
        ids: images.

    Returns:
        int: number of segments.

    Raises:
        FileNotFoundError: a label map is missing.
        ValueError: an id without number, or labels out of range.
    """
    results = []
    for name in ids:
        number = re.search(r'(\d+)$', name)
        if number is None:
            raise ValueError(f'{name!r} does not end in the number of a COCO image')
        results += coco_results(read_label(Path(label_dir) / f'{name}.png'), int(number[1]))
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(results))
    return len(results)


def _runs(mask: np.ndarray) -> list[int]:
    """Lengths of the runs of 0, 1, 0 ... in column order; the first may be 0."""
    flat = mask.ravel(order='F')
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    return [0, *runs] if flat[0] else runs


def _check_voc_label(name: str, image: Image.Image, size: tuple[int, int]) -> None:
    if image.mode != 'P' or image.size != size:
        raise ValueError(
            f'{name} has mode {image.mode} and size {image.size} (W, H), expected an 8-bit palette '
            f'image (P) of {size}, the size of the photograph'
        )
    if (image.getpalette() or [])[: 3 * NUM_LABELS] != voc_palette(NUM_LABELS).flatten().tolist():
        raise ValueError(
            f'{name} has another palette than the colours of VOC, which the server asks for; write it with '
            'format_voc_test.py'
        )
    wrong = np.unique(np.asarray(image))
    wrong = wrong[wrong >= NUM_LABELS].tolist()
    if wrong:
        raise ValueError(
            f'{name} holds the labels {wrong[:5]}, the server expects 0..20; ignored pixels (255) '
            'belong into pseudo-labels only'
        )

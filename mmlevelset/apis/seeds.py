"""Folders of seeds from and for other projects."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.config import Config

from mmlevelset.config import read_config
from mmlevelset.datasets.image_labels import read_image_labels
from mmlevelset.fileio.foreign_seeds import FORMATS, read_foreign_seed, write_foreign_seed
from mmlevelset.fileio.ids import image_id, list_ids
from mmlevelset.fileio.images import find_images, image_size
from mmlevelset.fileio.meta import place, read_meta
from mmlevelset.fileio.output import finished_ids, resumed_folder
from mmlevelset.fileio.seeds import Seed, read_seed, write_seed
from mmlevelset.parallel import progress
from mmlevelset.registry import DATASETS


def config_classes(path: str | Path) -> list[str]:
    """Class names, background first, of the test data set of a config.

    Raises:
        FileNotFoundError: The config does not exist.
        ValueError: Its test data set, or the class of it, names no classes.
    """
    return classes_of(read_config(str(path)))


def classes_of(cfg: Config) -> list[str]:
    """Class names, background first, of the test data set of a config that has been read.

    Raises:
        ValueError: Its test data set, or the class of it, names no classes.
    """
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    kind, names = dataset.get('type'), (dataset.get('metainfo') or {}).get('classes')
    if kind and not names:
        with DATASETS.switch_scope_and_registry(cfg.get('default_scope', 'mmseg')) as registry:
            names = getattr(registry.get(kind), 'METAINFO', {}).get('classes')
    if not names:
        raise ValueError(
            f'{cfg.filename}: got a test data set of type {kind} without class names, expected '
            'test_dataloader.dataset with metainfo=dict(classes=...) or a type whose METAINFO has '
            'classes. Give a config that has it, or name the classes with --classes.'
        )
    return list(names)


def import_seeds(
    source: str | Path,
    out: str | Path,
    classes: Sequence[str],
    method: str,
    ids: Sequence[str] | None = None,
    split: str | None = None,
    images: str | Path | None = None,
    image_labels: str | Path | None = None,
    maps: str = 'high_res',
) -> int:
    """Turn the seeds of another project, ``<id>.npy``, into ours. Images already done are skipped.

    Args:
        source: Folder of seeds, see :mod:`mmlevelset.fileio.foreign_seeds`.
        out: Folder of ours, with a ``meta.json``.
        classes: C + 1 names, background first.
        method: What made the seeds, for ``meta.json``.
        ids: Images to convert; default: all of the folder.
        split: Name of this list, for ``meta.json``.
        images: Folder of the images. Seeds must have their sizes; without it, a seed of an image
            without classes cannot be told its size.
        image_labels: Their image-level labels, as a data set reads them. Seeds of absent classes
            are an error: they mean that keys count from another class, or another split.
        maps: Entry of IRN-like files to read.

    Returns:
        int: images of the folder.

    Raises:
        FileNotFoundError: A folder, seed, image or label file is missing.
        ValueError: On a seed that is unsafe, damaged or does not fit the image, its labels or the
            classes; or if ``out`` holds seeds made in another way. Names the file.
    """
    source, out = Path(source), Path(out)
    ids = list_ids(source, '.npy', ids)
    labels, sizes = {}, {}
    if image_labels:
        labels = read_image_labels(image_labels, [image_id(i) for i in ids], classes)
    if images:
        sizes = _image_sizes(Path(images), ids)
    meta = dict(
        kind='seeds',
        classes=list(classes),
        split=split,
        method=method,
        source=source.as_posix(),
        source_place=place(source, out),
        maps=maps,
    )
    names = {image_id(name): name for name in ids}
    if len(names) < len(ids):
        raise ValueError(
            f'{source}: {len(ids)} files are seeds of {len(names)} images, some are there in two '
            'spellings of the id; keep one of each'
        )
    settings = ('classes', 'method', ('source', 'source_place'), 'maps')
    with resumed_folder(out, '.npz', list(names), meta, settings) as left:
        for id_ in progress(left, len(left), 'seeds'):
            where = source / f'{names[id_]}.npy'
            seed = read_foreign_seed(where, maps)
            seed = _check(seed, where, classes, sizes.get(id_), labels.get(id_))
            write_seed(out / f'{id_}.npz', *seed)
    return len(ids)


def export_seeds(
    source: str | Path, out: str | Path, layout: str, ids: Sequence[str] | None = None
) -> int:
    """Turn our seeds into those that scripts of another project read. Images done are skipped.

    Args:
        source: Folder of ours.
        out: Folder of ``<id>.npy``, with a ``meta.json``.
        layout: ``'irn'`` or ``'psa'`` (PSA, SEAM, MCTformer, MuSCLe).
        ids: Images to convert; default: all of the folder.

    Returns:
        int: images of the folder.

    Raises:
        FileNotFoundError: A seed is missing.
        ValueError: On an unknown layout, a damaged seed, or if ``out`` holds other files.
    """
    if layout not in FORMATS:
        raise ValueError(f'format {layout!r} is unknown; choose one of {FORMATS}')
    source, out = Path(source), Path(out)
    ids = finished_ids(source, '.npz', ids)
    where = dict(source=source.as_posix(), source_place=place(source, out))
    meta = {**read_meta(source), **where, 'format': layout}
    for key in ('versions', 'complete'):
        meta.pop(key, None)
    with resumed_folder(out, '.npy', ids, meta, (('source', 'source_place'), 'format')) as left:
        for name in progress(left, len(left), 'seeds'):
            write_foreign_seed(out / f'{name}.npy', read_seed(source / f'{name}.npz'), layout)
    return len(ids)


def _image_sizes(folder: Path, ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """(H, W) of images, from their headers."""
    found = find_images(folder, [image_id(id_) for id_ in ids])
    return {id_: image_size(path) for id_, path in found.items()}


def _check(
    seed: Seed,
    where: Path,
    classes: Sequence[str],
    size: tuple[int, int] | None,
    label: np.ndarray | None,
) -> Seed:
    """The seed, with the size of the image where it has no class of its own."""
    if not len(seed.keys) and not seed.scores.size and size:
        seed = Seed(seed.keys, np.zeros((0, *size), np.float32), size)
    if 0 in seed.size:
        raise ValueError(
            f'{where}: no class, so the size of the image is unknown; give the folder of the images'
        )
    if size and seed.size != size:
        raise ValueError(
            f'{where}: maps of {seed.size} (H, W), the image is {size}; export the seeds at the '
            'original size, or give the images they were made of'
        )
    unknown = [int(k) for k in seed.keys if not 0 <= k < len(classes) - 1]
    if unknown:
        raise ValueError(
            f'{where}: class {unknown} is unknown; expected 0..{len(classes) - 2}, the foreground '
            f'classes of {list(classes)}. Give the classes or the config of this data set.'
        )
    if label is not None and not label[seed.keys].all():
        absent = [classes[int(k) + 1] for k in seed.keys if not label[k]]
        raise ValueError(
            f'{where}: seeds of {absent}, which the image-level labels do not name. Keys count '
            'foreground classes from 0; CRF dumps, whose key 0 is the background, are no seeds.'
        )
    return seed

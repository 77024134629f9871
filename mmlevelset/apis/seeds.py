"""Folders of seeds from and for other projects."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from mmengine.config import Config

from mmlevelset.config import read_config
from mmlevelset.datasets.image_labels import read_image_labels
from mmlevelset.fileio.foreign_png import label_seed, map_files, map_seed
from mmlevelset.fileio.foreign_seeds import FORMATS, read_foreign_seed, write_foreign_seed
from mmlevelset.fileio.ids import image_id, list_ids
from mmlevelset.fileio.images import find_images, image_size
from mmlevelset.fileio.meta import place, read_meta
from mmlevelset.fileio.output import finished_ids, resumed_folder
from mmlevelset.fileio.seeds import Seed, read_seed, write_seed
from mmlevelset.parallel import progress
from mmlevelset.registry import DATASETS

LAYOUTS = ('npy', 'labels', 'maps')


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
    layout: str = 'npy',
) -> int:
    """Turn the seeds or labels of another project into our seeds. Images already done are skipped.

    Args:
        source: Folder of seeds, see :mod:`mmlevelset.fileio.foreign_seeds` and
            :mod:`mmlevelset.fileio.foreign_png`.
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
        layout: ``'npy'``, ``'labels'`` (label maps ``<id>.png``) or ``'maps'`` (grey maps
            ``<id>_<class>.png``).

    Returns:
        int: images of the folder.

    Raises:
        FileNotFoundError: A folder, seed, image or label file is missing.
        ValueError: On a seed that is unsafe, damaged or does not fit the image, its labels or the
            classes; or if ``out`` holds seeds made in another way. Names the file.
    """
    source, out = Path(source), Path(out)
    readers = _readers(source, layout, ids, maps)
    labels, sizes = {}, {}
    if image_labels:
        labels = read_image_labels(image_labels, list(readers), classes)
    if images:
        sizes = _image_sizes(Path(images), list(readers))
    meta = dict(
        kind='seeds',
        classes=list(classes),
        split=split,
        method=method,
        source=source.as_posix(),
        source_place=place(source, out),
        maps=maps,
    )
    settings: tuple[str | tuple[str, ...], ...]
    settings = ('classes', 'method', ('source', 'source_place'), 'maps')
    if layout != 'npy':
        meta['layout'] = layout
        settings += ('layout',)
    with resumed_folder(out, '.npz', list(readers), meta, settings) as left:
        for id_ in progress(left, len(left), 'seeds'):
            where, read = readers[id_]
            seed = _check(read(), where, classes, sizes.get(id_), labels.get(id_))
            write_seed(out / f'{id_}.npz', *seed)
    return len(readers)


def _readers(
    source: Path, layout: str, ids: Sequence[str] | None, maps: str
) -> dict[str, tuple[Path, Callable[[], Seed]]]:
    """Per image, the file that an error names, and what reads its seed."""
    if layout not in LAYOUTS:
        raise ValueError(f'format {layout!r} is unknown; choose one of {LAYOUTS}')
    if layout == 'maps':
        found = map_files(source, ids)
        return {
            id_: (min(files.values()), partial(map_seed, files)) for id_, files in found.items()
        }
    suffix = '.npy' if layout == 'npy' else '.png'
    files = [source / f'{name}{suffix}' for name in list_ids(source, suffix, ids)]
    read: Callable[[Path], Seed] = label_seed
    if layout == 'npy':
        read = partial(read_foreign_seed, maps=maps)
    readers: dict[str, tuple[Path, Callable[[], Seed]]]
    readers = {image_id(path.stem): (path, partial(read, path)) for path in files}
    if len(readers) < len(files):
        raise ValueError(
            f'{source}: {len(files)} files are seeds of {len(readers)} images, some are there in two '
            'spellings of the id; keep one of each'
        )
    return readers


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

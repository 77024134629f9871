"""Files that were changed at random are read, or refused with their name; nothing else happens.

``FUZZ=5000 python -m pytest tests/fileio/test_fuzz.py -s`` looks at more of them.
"""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmlevelset.datasets.image_labels import read_image_labels
from mmlevelset.datasets.prepare.labels import write_image_labels, write_split
from mmlevelset.fileio.ids import read_split
from mmlevelset.fileio.images import image_size, read_image
from mmlevelset.fileio.labels import read_label, write_label
from mmlevelset.fileio.meta import read_meta, write_meta
from mmlevelset.fileio.seeds import check_seed, read_seed, write_seed
from mmlevelset.fileio.soft import check_soft, read_soft, write_soft

# Files whose every change cannot be seen: of 1 in so many it must.
SMALLEST = {'a.bmp': 60, 'a.jpg': 20, 'train.txt': 60}
MUTANTS = int(os.environ.get('FUZZ', 60))  # of each kind
SCORES = np.random.RandomState(0).rand(3, 9, 13).astype(np.float32)


def mutant(content: bytes, rng: np.random.Generator) -> bytes:
    """Flip bits, or overwrite, repeat, drop or cut off a stretch."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        start = int(rng.integers(len(data) + 1))
        end = min(len(data), start + int(rng.integers(1, 40)))
        what = rng.integers(6)
        if what == 0 and start < len(data):
            data[start] ^= 1 << int(rng.integers(8))
        elif what == 1:
            data[start:end] = rng.bytes(end - start)
        elif what == 2:
            data[start:start] = data[start:end]
        elif what == 3:
            del data[start:end]
        elif what == 4:
            del data[start:]
        else:
            data[start:end] = bytes([rng.choice([0, 255])]) * (end - start)
    return bytes(data)


def seed(path: Path) -> None:
    check_seed(*read_seed(path, 5), num_classes=5)


def soft(path: Path) -> None:
    check_soft(*read_soft(path))


def label(path: Path) -> None:
    found = read_label(path)
    assert found.ndim == 2 and found.dtype == np.uint8


def meta(path: Path) -> None:
    assert isinstance(read_meta(path.parent), dict)


def image(path: Path) -> None:
    found = read_image(path)
    assert found.ndim == 3 and found.dtype == np.uint8
    assert image_size(path) == found.shape[:2]


def ids(path: Path) -> None:
    assert all(read_split(path))


def labels(path: Path) -> None:
    try:
        found = read_image_labels(path, ['2007_000032', 'b'], CLASSES)
    except ValueError as error:
        assert str(path) in str(error)
        raise
    assert all(vector.shape == (3,) for vector in found.values())


def xml(path: Path) -> None:
    labels(path.parent)


def picture(**options: Any) -> Callable[[Path], None]:
    colours = np.random.RandomState(0).randint(0, 256, (16, 24, 3), np.uint8)
    return lambda path: Image.fromarray(colours).save(path, **options)


def write_json(path: Path) -> None:
    write_image_labels(path, {'2007_000032': VECTOR, 'b': VECTOR}, CLASSES)


def write_xml(path: Path) -> None:
    objects = '<object><name>cat</name><part><name>head</name></part></object>'
    path.write_text(f'<annotation><size><width>3</width></size>{objects}</annotation>')
    path.with_name('b.xml').write_text('<annotation/>')


CLASSES = ('background', 'cat', 'dog', 'cow')
VECTOR = np.array([1.0, 0.0, 1.0], np.float32)


@pytest.mark.parametrize(
    ('read', 'name', 'write'),
    [
        (image, 'a.png', picture()),
        (image, 'a.jpg', picture()),
        (image, 'a.tif', picture(compression='tiff_lzw')),
        (image, 'a.webp', picture()),
        (image, 'a.bmp', picture()),
        (ids, 'train.txt', lambda path: write_split(path, ['2007_000032', 'b c', 'caf\u00e9'])),
        (labels, 'a.json', write_json),
        (labels, 'a.npz', lambda path: np.savez(path, **{'2007_000032': VECTOR, 'b': VECTOR})),
        (labels, 'a.npy', lambda path: np.save(path, {'2007_000032': VECTOR, 'b': VECTOR})),  # type: ignore
        (xml, '2007_000032.xml', write_xml),
        (seed, 'a.npz', lambda path: write_seed(path, [1, 2, 4], SCORES, (9, 13))),
        (seed, 'a.npz', lambda path: write_seed(path, [4], SCORES[:1].astype('f2'), (9, 13))),
        (soft, 'a.npz', lambda path: write_soft(path, [1, 4], SCORES)),
        (soft, 'a.npz', lambda path: write_soft(path, [], SCORES[:1], 'uint8')),
        (label, 'a.png', lambda path: write_label(path, (SCORES[0] * 20).astype(int))),
        (meta, 'meta.json', lambda path: write_meta(path.parent, kind='seeds', classes=['a'])),
    ],
)
def test_mutants_are_read_or_refused_by_name(
    tmp_path: Path, read: Callable[[Path], None], name: str, write: Callable[[Path], None]
) -> None:
    path, rng = tmp_path / name, np.random.default_rng(0)
    write(path)
    read(path)
    content, outcomes = path.read_bytes(), Counter[str]()
    for _ in range(MUTANTS):
        changed = mutant(content, rng)
        path.write_bytes(changed)
        try:
            read(path)
            outcomes['as it was' if changed == content else 'read'] += 1
        except ValueError as error:
            assert str(path if read is not xml else path.parent) in str(error)
            outcomes['refused'] += 1
    print(read.__name__, name, dict(outcomes))
    assert outcomes['refused'] > MUTANTS / SMALLEST.get(name, 4)

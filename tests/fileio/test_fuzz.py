"""Files that were changed at random are read, or refused with their name; nothing else happens.

``FUZZ=5000 python -m pytest tests/fileio/test_fuzz.py -s`` looks at more of them.
"""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmlevelset.fileio.labels import read_label, write_label
from mmlevelset.fileio.meta import read_meta, write_meta
from mmlevelset.fileio.seeds import check_seed, read_seed, write_seed
from mmlevelset.fileio.soft import check_soft, read_soft, write_soft

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


@pytest.mark.parametrize(
    ('read', 'name', 'write'),
    [
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
    content, outcomes = path.read_bytes(), Counter[str]()
    for _ in range(MUTANTS):
        changed = mutant(content, rng)
        path.write_bytes(changed)
        try:
            read(path)
            outcomes['as it was' if changed == content else 'read'] += 1
        except ValueError as error:
            assert str(path) in str(error)
            outcomes['refused'] += 1
    print(read.__name__, dict(outcomes))
    assert outcomes['refused'] > MUTANTS / 4

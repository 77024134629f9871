"""What travels on a sample is in :mod:`mmlevelset.structures.fields`.

Seeds and labels on disk are :mod:`mmlevelset.fileio`; their names stay importable from here, where
scripts written for version 0.1 look for them.
"""

from mmlevelset.fileio import (
    Seed,
    atomic_path,
    read_label,
    read_meta,
    read_seed,
    seed_to_label,
    voc_palette,
    write_json,
    write_label,
    write_meta,
    write_seed,
)

__all__ = [
    'Seed',
    'atomic_path',
    'read_label',
    'read_meta',
    'read_seed',
    'seed_to_label',
    'voc_palette',
    'write_json',
    'write_label',
    'write_meta',
    'write_seed',
]

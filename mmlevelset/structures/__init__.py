from .seeds import (
    Seed,
    atomic_path,
    check_resumable,
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
    'check_resumable',
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

from .conventions import CONVENTIONS, mask_conventions, scored_conventions
from .provenance import file_hash, text_hash
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
    'CONVENTIONS',
    'Seed',
    'atomic_path',
    'check_resumable',
    'file_hash',
    'mask_conventions',
    'read_label',
    'read_meta',
    'read_seed',
    'scored_conventions',
    'seed_to_label',
    'text_hash',
    'voc_palette',
    'write_json',
    'write_label',
    'write_meta',
    'write_seed',
]

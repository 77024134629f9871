"""What the stages hand to each other on disk; every file that exists is complete."""

from .atomic import atomic_path, write_json
from .conventions import CONVENTIONS, mask_conventions, scored_conventions
from .hashes import file_hash, text_hash
from .ids import image_id, list_ids, preview, read_split
from .labels import read_label, voc_palette, write_label
from .lock import folder_lock
from .meta import META, check_resumable, read_meta, write_meta
from .output import check_finished, finished_ids, fresh_folder, resumed_folder
from .seeds import Seed, read_seed, seed_to_label, write_seed
from .soft import read_soft, soft_to_label, write_soft
from .versions import versions

__all__ = [
    'CONVENTIONS',
    'META',
    'Seed',
    'atomic_path',
    'check_finished',
    'check_resumable',
    'file_hash',
    'finished_ids',
    'folder_lock',
    'fresh_folder',
    'image_id',
    'list_ids',
    'mask_conventions',
    'preview',
    'read_label',
    'read_meta',
    'read_seed',
    'read_soft',
    'read_split',
    'resumed_folder',
    'scored_conventions',
    'seed_to_label',
    'soft_to_label',
    'text_hash',
    'versions',
    'voc_palette',
    'write_json',
    'write_label',
    'write_meta',
    'write_seed',
    'write_soft',
]

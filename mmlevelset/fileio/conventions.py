"""How masks were drawn where this is not unique: COCO's, by ``tools/dataset_converters/coco14.py``."""

from pathlib import Path
from typing import Any

from .meta import read_meta
from .output import check_finished

CONVENTIONS = ('overlap', 'crowd')


def mask_conventions(folder: str | Path) -> dict[str, str]:
    """What the ``meta.json`` of a folder of masks says of overlapping objects and of crowds.

    Args:
        folder: Folder of ``<id>.png``.

    Returns:
        dict[str, str]: ``overlap`` and ``crowd``; empty where the masks are unique (VOC) or the
        folder does not state it.

    Raises:
        ValueError: ``meta.json`` is not valid JSON, or says that the masks are unfinished.
    """
    check_finished(folder)
    meta = read_meta(folder)
    return {key: meta[key] for key in CONVENTIONS if key in meta}


def scored_conventions(result: dict[str, Any]) -> dict[str, str]:
    """Conventions of the masks that a result file says it was scored with.

    Args:
        result: Content of ``metrics.json`` of tools/test.py or of a file of tools/eval_seeds.py.
    """
    facts = {**result, **result.get('facts', {})}
    return {key: facts[key] for key in CONVENTIONS if key in facts}

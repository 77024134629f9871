"""``<folder>/meta.json``: how the files of a folder were made, and whether a run may go on with them."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .atomic import write_json
from .versions import versions

META = 'meta.json'
# What is read back, where it is there.
KINDS = dict(kind=str, classes=list, images=int, complete=bool)


def write_meta(folder: str | Path, **facts: Any) -> None:
    """Write ``<folder>/meta.json``: how the files of the folder were made, and the versions that
    made them."""
    write_json(Path(folder) / META, dict(facts, versions=versions()))


def read_meta(folder: str | Path) -> dict[str, Any]:
    """Read ``<folder>/meta.json``; an empty dict if the folder has none.

    Raises:
        ValueError: if the file is not valid JSON, or what it says is of a wrong type.
    """
    path = Path(folder) / META
    if not path.is_file():
        return {}
    try:
        meta = json.loads(path.read_text(encoding='utf-8'))
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{path} is not valid JSON ({error}); restore or delete it') from error
    if not isinstance(meta, dict):
        raise ValueError(f'{path}: expected an object, got {meta!r:.80}; restore or delete it')
    for key, kind in KINDS.items():
        if not isinstance(meta.get(key), kind | None):
            raise ValueError(
                f'{path}: expected {key} to be of type {kind.__name__}, got {meta[key]!r:.80}; '
                'restore or delete it'
            )
    if not all(isinstance(name, str) for name in meta.get('classes') or []):
        raise ValueError(f'{path}: expected names as classes; restore or delete it')
    return meta


def foreground_classes(meta: dict[str, Any]) -> int | None:
    """Number of foreground classes that a ``meta.json`` states, None where it names no classes."""
    names = meta.get('classes')
    return len(names) - (names[0] == 'background') if names else None


def place(path: str | Path, folder: str | Path) -> str:
    """The way from a folder to a path; it stays the same when both are moved together."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of Windows: there is no way
        return Path(path).as_posix()


def check_resumable(
    folder: str | Path, suffix: str, meta: dict[str, Any], settings: Sequence[str | tuple[str, ...]]
) -> None:
    """Refuse to go on with a folder whose files were made in another way.

    Args:
        folder: Where files may be left from an earlier run.
        suffix: Of these files, e.g. ``'.png'``.
        meta: What ``meta.json`` is about to say.
        settings: Its keys that the files depend on. Of a tuple, one must be the same: a path as it
            was given, or its :func:`place`.

    Raises:
        ValueError: naming the settings that differ from the folder's ``meta.json``, or that there
            is none.
    """
    if not any(Path(folder).glob(f'*{suffix}')):
        return
    before = read_meta(folder)
    if not before:
        raise ValueError(
            f'{folder} holds {suffix} files and no {META} that says how they were made; '
            'give another folder, or delete this one'
        )
    changed = [
        text
        for keys in ((key,) if isinstance(key, str) else key for key in settings)
        if all(before.get(key) != meta[key] for key in keys)
        for text in _differences(keys[0], before.get(keys[0]), meta[keys[0]])
    ]
    if changed:
        raise ValueError(
            f'{folder} holds {suffix} files made with other settings ({"; ".join(changed)}); '
            'give another folder, or delete this one'
        )


def _differences(key: str, old: Any, new: Any) -> list[str]:
    """What differs, one text per entry where both are dicts."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [f'{key}: {old} -> {new}']
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return [f'{key}.{name}: {old.get(name)} -> {new.get(name)}' for name in names]

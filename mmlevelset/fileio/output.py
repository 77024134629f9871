"""Folders of one file per image belong to one run: locked, described first, marked when complete.

``meta.json`` is written before the first file, with the settings, the number of images and
``complete: false``; at the end this becomes true. Readers refuse what is unfinished.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .ids import list_ids
from .lock import folder_lock
from .meta import META, check_resumable, read_meta, write_meta


@contextmanager
def resumed_folder(
    folder: str | Path,
    suffix: str,
    ids: Sequence[str],
    meta: dict[str, Any],
    settings: Sequence[str | tuple[str, ...]],
) -> Iterator[list[str]]:
    """Fill a folder, or go on with what an earlier run of the same settings left.

    Args:
        folder: Gets ``<id><suffix>``.
        suffix: Of its files, e.g. ``'.png'``.
        ids: Images that it must hold at the end.
        meta: What ``meta.json`` says; the number of images and the mark are added.
        settings: Its keys that the files depend on, see :func:`~mmlevelset.fileio.meta.check_resumable`.

    Yields:
        list[str]: ids that have no file yet.

    Raises:
        ValueError: Another run writes into the folder, or its files were made in another way.
    """
    folder = Path(folder)
    with folder_lock(folder):
        _check_kind(folder, meta)
        check_resumable(folder, suffix, meta, settings)
        there = _stems(folder, suffix)
        meta = {**meta, 'images': len(there.union(ids))}
        write_meta(folder, **meta, complete=False)
        yield [name for name in ids if name not in there]
        write_meta(folder, **meta, complete=True)


@contextmanager
def fresh_folder(folder: str | Path, suffix: str, meta: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Fill a folder from the start; files that the same kind of run left there go first, with a word.

    Args:
        folder: Gets ``<id><suffix>``.
        suffix: Of its files.
        meta: What ``meta.json`` says; the number of images and the mark are added.

    Yields:
        dict: ``meta``, which may get more entries until the end.

    Raises:
        ValueError: Another run writes into the folder, or it holds files of another kind, or those of
            another ``split`` of images.
    """
    folder = Path(folder)
    with folder_lock(folder):
        _check_kind(folder, meta)
        there, before = _stems(folder, suffix), read_meta(folder)
        if there and (not before or before.get('method') != meta.get('method')):
            raise ValueError(
                f'{folder} holds {len(there)} {suffix} files that this command did not make, by '
                f'its {META}; give another folder, or delete this one'
            )
        splits = before.get('split'), meta.get('split')
        if there and all(splits) and splits[0] != splits[1]:
            raise ValueError(
                f'{folder} holds {len(there)} {suffix} files of the list {splits[0]!r}, which those of '
                f'{splits[1]!r} would replace; give another folder, or delete this one'
            )
        if there:
            print(f'{folder}: {len(there)} {suffix} files of an earlier run are replaced')
        for name in there:
            (folder / f'{name}{suffix}').unlink()
        write_meta(folder, **meta, complete=False)
        meta = dict(meta)
        yield meta
        meta['images'] = len(_stems(folder, suffix))
        write_meta(folder, **meta, complete=True)


def finished_ids(folder: str | Path, suffix: str, ids: Sequence[str] | None = None) -> list[str]:
    """Images of a finished folder; warns where nothing says whether it is.

    Args:
        folder: Holds ``<id><suffix>``.
        suffix: Of its files.
        ids: Images that must be there; default: all of the folder.

    Raises:
        FileNotFoundError: The folder is empty, or one of ``ids`` is missing.
        ValueError: ``ids`` is empty, the run that fills it has not finished, or its files are not those of the run
            that ``meta.json`` describes.
    """
    if ids is not None and not len(ids):
        raise ValueError(f'got an empty list of images of {folder}; name some, or leave it out')
    check_finished(folder)
    names, there = list_ids(folder, suffix, ids), len(_stems(Path(folder), suffix))
    meta = read_meta(folder)
    wanted = meta.get('images')
    if not meta:
        warnings.warn(
            f'{folder} has no {META}: nothing says whether its {there} {suffix} files are all of '
            'them, and of one run',
            stacklevel=2,
        )
    elif wanted is not None and (there < wanted or (there > wanted and 'complete' in meta)):
        raise ValueError(
            f'{folder} holds {there} {suffix} files, its {META} says {wanted}: some were removed, '
            'or come from elsewhere. Give the command that made it again, or make it anew'
        )
    return names


def check_finished(folder: str | Path) -> None:
    """Raise a ValueError if ``meta.json`` says that the run that fills a folder has not finished."""
    if read_meta(folder).get('complete') is False:
        raise ValueError(
            f'{folder} is unfinished: the run that fills it was stopped, or still works. Give its '
            'command again, it goes on where it was, or wait for it'
        )


def _check_kind(folder: Path, meta: dict[str, Any]) -> None:
    """Refuse to describe anew a folder that holds something else, its own input, say."""
    before = read_meta(folder)
    for key in ('kind', 'format'):
        if before and before.get(key) != meta.get(key):
            raise ValueError(
                f'{folder} holds {key} {before.get(key)!r} by its {META}, not {meta.get(key)!r}; '
                'give another folder for the output'
            )


def _stems(folder: Path, suffix: str) -> set[str]:
    return {path.stem for path in folder.glob(f'*{suffix}') if not path.name.startswith('.')}

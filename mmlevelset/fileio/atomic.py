"""Files that are complete or not there: everything is written to a temporary name first."""

import errno
import json
import math
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

# A full disk, a quota that is used up, and a limit on the size of files.
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def make_folder(folder: str | Path) -> None:
    """Make a folder where it is missing.

    Raises:
        ValueError: It is a file, lies in one, or cannot be made.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ValueError(
            f'{folder}: expected a folder for the output, got a file, or a path through one; give '
            'another folder'
        ) from error
    except OSError as error:
        if error.errno in NO_SPACE:
            raise
        raise ValueError(
            f'{folder}: the folder cannot be made ({error.strerror}); check the path and your right to '
            'write there, or give another folder'
        ) from error


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that replaces it when the block ends without an error.

    The temporary name ends in ``.tmp``, so that no pattern for seeds or labels matches what a
    killed run left behind.

    Raises:
        OSError: The file cannot be written; names it, as Python's own error of a full disk does not.
        ValueError: Its folder cannot be made.
    """
    path = Path(path)
    make_folder(path.parent)
    temporary = path.with_name(f'.{path.name}.{uuid.uuid4().hex[:8]}.tmp')
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.filename not in (None, str(temporary)) or error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def remove_temporary(folder: str | Path) -> None:
    """Remove what killed runs left half written in a folder; only for who is its only writer."""
    for path in Path(folder).glob('.*.????????.tmp'):
        path.unlink(missing_ok=True)


def write_json(path: str | Path, facts: dict[str, Any]) -> None:
    """Write valid JSON atomically: NumPy values become plain ones, NaN becomes null."""
    with atomic_path(path) as temporary:
        temporary.write_text(
            json.dumps(_plain(facts), indent=2, allow_nan=False) + '\n', encoding='utf-8'
        )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

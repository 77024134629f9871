"""One writer per folder: a lock that ends with the process, however that ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .atomic import make_folder, remove_temporary

if sys.platform != 'win32':  # there, a second run is not noticed
    import fcntl

LOCK = '.lock'
_held: set[IO[str]] = set()


@contextmanager
def folder_lock(folder: str | Path) -> Iterator[IO[str]]:
    """Keep other runs out of a folder, and remove what a killed one left there half written.

    The lock is the kernel's: it ends with the block or the process, so that nothing is left to
    clean up after a kill. The file ``.lock`` stays and names its last holder.

    Args:
        folder: Made where missing.

    Yields:
        IO: The open file. A command that gets it (``pass_fds``) keeps the folder locked as well;
        other children, such as the workers of a data loader, do not.

    Raises:
        ValueError: Another run writes into the folder; names its process and command. Or it is a file,
            or lies in one.
    """
    folder = Path(folder)
    make_folder(folder)
    with (folder / LOCK).open('a+', encoding='utf-8') as file:
        try:
            if sys.platform != 'win32':
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise ValueError(
                f'another run (process {file.read().strip() or "unknown"}), or a command that it '
                f'started, still writes into {folder}; wait for it, end it, or give another folder'
            ) from error
        file.truncate(0)
        file.write(f'{os.getpid()}: {" ".join(sys.argv)}\n')
        file.flush()
        _held.add(file)
        try:
            remove_temporary(folder)
            yield file
        finally:
            if file in _held:  # not in a forked child
                _held.remove(file)
                if sys.platform != 'win32':
                    fcntl.flock(file, fcntl.LOCK_UN)


def _let_go() -> None:
    """Drop the locks of the parent in a forked child, which may outlive it."""
    for file in _held:
        file.close()
    _held.clear()


if sys.platform != 'win32':
    os.register_at_fork(after_in_child=_let_go)

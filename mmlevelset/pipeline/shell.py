"""Shell commands of a pipeline: started in groups of their own, so that none outlives it unseen."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def lock(folder: Path) -> Iterator[IO[str]]:
    """Keep a second pipeline out of a folder; commands that get the file keep it locked as well.

    Args:
        folder (Path): Made where missing.

    Raises:
        ValueError: A pipeline runs there, or a command that a killed one left behind.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / '.lock').open('w') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(
                f'a pipeline, or a stage that a killed one left behind, still runs in {folder}; '
                'wait for it or end it first'
            ) from error
        yield file


def start(command: str, log: Path, root: Path, held: IO[str]) -> subprocess.Popen:
    """Start a command whose output goes to a log.

    Args:
        command (str): For bash; any command of a pipe may fail it.
        log (Path): Replaced.
        root (Path): Folder the command runs in.
        held (IO): From :func:`lock`.

    Returns:
        Popen: to poll and to :func:`stop`.
    """
    # `python` is this one even without an activated environment, and finds the package even
    # without an installation.
    first = {'PATH': Path(sys.executable).parent, 'PYTHONPATH': root}
    paths = {
        key: os.pathsep.join(filter(None, [str(path), os.environ.get(key)]))
        for key, path in first.items()
    }
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open('wb') as file:
        file.write(f'$ {command}\n'.encode())
        file.flush()
        return subprocess.Popen(
            ['bash', '-o', 'pipefail', '-c', command],
            cwd=root,
            env={**os.environ, **paths},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[held.fileno()],
        )


def stop(process: subprocess.Popen, patience: float = 10.0) -> None:
    """End a command and what it started; ``patience`` (seconds) leaves it time to clean up."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(patience)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue

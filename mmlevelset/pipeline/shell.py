"""Shell commands of a pipeline: started in groups of their own, so that none outlives it unseen."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO


def start(command: str, log: Path, root: Path, held: IO[str]) -> subprocess.Popen:
    """Start a command whose output goes to a log.

    Args:
        command (str): For bash; any command of a pipe may fail it.
        log (Path): Replaced.
        root (Path): Folder the command runs in.
        held (IO): From :func:`~mmlevelset.fileio.lock.folder_lock`.

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

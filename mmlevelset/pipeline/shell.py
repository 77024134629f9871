"""Shell commands of a pipeline: started in groups of their own, so that none outlives it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO

from mmlevelset.installation import CLONE

PATIENCE = 10  # seconds that a command has to clean up, before it is killed
# The watcher reads from a pipe that only the pipeline could write to: the end of the file is the end of the
# pipeline, even by a kill that it cannot catch. The watcher does not hold the lock of the folder. Both shells
# outlive a SIGTERM until what they run has ended: torchrun takes a moment to end its processes.
WATCHED = """
( exec {lock}>&-; trap '' TERM INT HUP
  read -r -u {alive} || {{ kill -TERM 0; sleep {patience}; kill -KILL 0; }} ) &
disown
trap : TERM
bash -o pipefail -c "$1" {alive}<&-
status=$?
kill -KILL $!
exit $status
"""
ENDING = "trap 'exit 143' TERM\n"  # before each command; 128 + SIGTERM


class Shell:
    """Starts commands that end with this process, however that ends.

    Args:
        root (Path): Folder that the commands run in.
        held (IO): The pipeline's lock, from :func:`~mmlevelset.fileio.lock.folder_lock`; the
            commands keep it as well.
    """

    def __init__(self, root: Path, held: IO[str]) -> None:
        self.root, self.held = root, held
        self._alive, self._mine = os.pipe()

    def __enter__(self) -> 'Shell':
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._mine)
        os.close(self._alive)

    def start(self, command: str, log: Path) -> subprocess.Popen:
        """Start a command whose output goes to a log.

        Args:
            command (str): For bash; any command of a pipe may fail it.
            log (Path): Replaced.

        Returns:
            Popen: to poll and to :func:`stop`.
        """
        # `python` is this one even without an activated environment, and finds the package even
        # without an installation.
        first = {'PATH': Path(sys.executable).parent, 'PYTHONPATH': CLONE or ''}
        paths = {
            key: os.pathsep.join(filter(None, [str(path), os.environ.get(key)]))
            for key, path in first.items()
        }
        # Two trainings by torchrun at the same time need two ports.
        port = os.environ.get('PORT') or _free_port()
        lock, alive = self.held.fileno(), self._alive
        watched = WATCHED.format(lock=lock, alive=alive, patience=PATIENCE)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open('wb') as file:
            file.write(f'$ {command}\n'.encode())
            file.flush()
            return subprocess.Popen(
                ['bash', '-c', watched, 'bash', f'{ENDING}{command}'],
                cwd=self.root,
                env={**os.environ, **paths, 'PORT': port},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[lock, alive],
            )


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return str(probe.getsockname()[1])


def stop(process: subprocess.Popen) -> None:
    """End a command and what it started; it has :data:`PATIENCE` to clean up."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(PATIENCE)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mmlevelset import fileio
from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.fileio.lock import folder_lock

# Plain files of the package, without its imports: torch takes seconds.
HOLD = """
import os, sys, types
sys.modules['fileio'] = package = types.ModuleType('fileio')
package.__path__ = [sys.argv[2]]
from fileio.lock import folder_lock
with folder_lock(sys.argv[1]):
    if sys.argv[3] == 'child':  # as the workers of a data loader
        child = os.fork()
        if child:
            os.waitpid(child, 0)
    print('held', flush=True)
    sys.stdin.read()
"""


def hold(folder: Path, how: str = 'alone') -> subprocess.Popen:
    command = [sys.executable, '-c', HOLD, str(folder), fileio.__path__[0], how]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b'held\n'
    return process


def test_a_second_run_is_refused_until_the_first_is_dead(tmp_path: Path) -> None:
    folder = tmp_path / 'new' / 'folder'
    process = hold(folder)
    with pytest.raises(ValueError, match=rf'process {process.pid}: .* into {folder}'):
        folder_lock(folder).__enter__()
    process.send_signal(signal.SIGKILL)
    process.wait()
    with folder_lock(folder), pytest.raises(ValueError, match=f'process {os.getpid()}'):
        folder_lock(folder).__enter__()
    with folder_lock(folder):
        pass


def test_a_forked_child_that_outlives_its_parent_does_not_hold_the_folder(tmp_path: Path) -> None:
    process = hold(tmp_path, 'child')  # the child said so
    with pytest.raises(ValueError, match=f'process {process.pid}'):
        folder_lock(tmp_path).__enter__()
    process.send_signal(signal.SIGKILL)
    process.wait()
    with folder_lock(tmp_path):
        process.stdin.close()  # ends the child


def test_what_a_killed_run_left_half_written_is_removed(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / 'a.npz') as temporary:
        temporary.write_bytes(b'half')
        left = tmp_path / temporary.name
        raise KeyboardInterrupt
    left.write_bytes(b'as after kill -9')
    others = [tmp_path / 'notes.tmp', tmp_path / '.config', tmp_path / 'b.npz']
    for path in others:
        path.write_bytes(b'of the user')
    with folder_lock(tmp_path):
        assert not left.exists() and all(path.exists() for path in others)


@pytest.mark.parametrize('path', ['file', 'file/inside'])
def test_a_file_in_the_place_of_the_folder(tmp_path: Path, path: str) -> None:
    (tmp_path / 'file').touch()
    with pytest.raises(ValueError, match=f'{tmp_path / path}: expected a folder .* another folder'):
        folder_lock(tmp_path / path).__enter__()


def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=f'No space left on device: .{tmp_path / "a.png"}'):
        with atomic_path(tmp_path / 'a.png') as temporary:
            temporary.write_bytes(b'half')
            raise OSError(errno.ENOSPC, 'No space left on device')
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made(monkeypatch, tmp_path):
    """Rights, a read-only disk, a path that is no place: the folder and the cure are named."""

    def refuse(*args, **kwargs):
        raise PermissionError(13, 'Permission denied', 'x')

    monkeypatch.setattr(Path, 'mkdir', refuse)
    with pytest.raises(
        ValueError, match='out: the folder cannot be made .Permission denied.; check'
    ):
        with folder_lock(tmp_path / 'out'):
            pass

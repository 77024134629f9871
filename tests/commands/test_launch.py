"""Several processes end with the sentence and the status of the one that failed first."""

import sys
from pathlib import Path

import pytest
from torch.distributed import DistNetworkError
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

from mmlevelset.apis.command import run
from mmlevelset.commands import launch
from tests.command_lines import finish, start


def failure(rank: int, file: Path, status: int = 2) -> ProcessFailure:
    return ProcessFailure(local_rank=rank, pid=70 + rank, exitcode=status, error_file=str(file))


def outcome(monkeypatch, capsys, error: Exception) -> tuple[int, str]:
    def fail() -> None:
        raise error

    monkeypatch.setattr(launch.run, 'main', fail)
    return launch.main(), capsys.readouterr().err.splitlines()[-1]


def test_a_sentence_of_ours(tmp_path, monkeypatch, capsys) -> None:
    """Written by the command line of a process, where torchrun looks for it."""

    def main() -> None:
        raise FileNotFoundError('a.py: not there')

    monkeypatch.setenv('TORCHELASTIC_ERROR_FILE', str(tmp_path / 'error.json'))
    monkeypatch.setattr(sys, 'argv', ['train.py'])
    with pytest.raises(SystemExit):
        run(main)
    error = ChildFailedError('train.py', {0: failure(0, tmp_path / 'error.json')})
    assert outcome(monkeypatch, capsys, error) == (2, 'train.py: error: a.py: not there')


@pytest.mark.parametrize(('status', 'code', 'words'), [(3, 3, 'status 3'), (-9, 1, 'SIGKILL')])
def test_a_process_that_said_nothing(tmp_path, monkeypatch, capsys, status, code, words) -> None:
    error = ChildFailedError('train.py', {0: failure(0, tmp_path / 'none.json', status)})
    said = f'torchrun: error: process 70 ended with {words}; what it said stands above'
    assert outcome(monkeypatch, capsys, error) == (code, said)


def test_a_port_in_use(monkeypatch, capsys) -> None:
    code, said = outcome(monkeypatch, capsys, DistNetworkError('port: 29500, EADDRINUSE\nframe 0'))
    assert code == 2 and 'EADDRINUSE. Another program has the port' in said and 'PORT=' in said


@pytest.mark.slow
def test_two_processes(toy) -> None:
    process = start('bash', 'tools/dist_train.sh', 'none.py', '2', PORT='29587')
    said = finish(process, fails=True).splitlines()[-1]
    assert process.returncode == 2 and said.startswith("train.py: error: no config at 'none.py'")

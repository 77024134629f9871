"""Of the processes of a training, whatever started them, one holds the work folder."""

from pathlib import Path

import pytest
from mmengine.config import Config

from mmlevelset.apis import runner
from mmlevelset.fileio.lock import folder_lock


class Reached(Exception):
    """The runner is about to be built."""


@pytest.mark.parametrize(
    ('launcher', 'variable'),
    [('pytorch', 'RANK'), ('slurm', 'SLURM_PROCID'), ('mpi', 'OMPI_COMM_WORLD_RANK')],
)
def test_the_second_process_does_not_ask_for_the_lock(
    launcher: str, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(cfg: Config) -> None:
        raise Reached

    monkeypatch.setattr(runner, 'build_runner', build)
    monkeypatch.setattr(runner, 'check_config', lambda cfg, task: None)
    cfg = Config(dict(launcher=launcher, work_dir=str(tmp_path)))
    for rank, expected in (('0', ValueError), ('1', Reached)):
        monkeypatch.setenv(variable, rank)
        with folder_lock(tmp_path), pytest.raises(expected):
            runner.train(cfg)
    with folder_lock(tmp_path), pytest.raises(ValueError, match='another run'):
        runner.train(Config(dict(cfg, launcher='none')))  # a variable of an allocation says nothing

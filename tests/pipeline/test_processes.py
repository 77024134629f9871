"""A pipeline that trains with two processes on a CPU, in a folder with blanks and commas, is killed, and goes on."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from mmlevelset.pipeline import Pipeline
from mmlevelset.pipeline.recipes.launch import Launch
from mmlevelset.pipeline.recipes.parts import word

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
# Each process says who it is and how many numbers it got, and waits in its first iteration for `go`.
MODEL = """
import os
import time
from pathlib import Path

import torch
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, MODELS


@DATASETS.register_module()
class RankNumbers(torch.utils.data.Dataset):
    def __init__(self, folder):
        self.folder = folder

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return dict(inputs=torch.tensor([float(index)]), folder=self.folder)


@MODELS.register_module()
class RankLine(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, inputs, folder, mode):
        folder = Path(folder[0])
        said = folder / f'rank{os.environ["RANK"]}.tmp'
        said.write_text(f'{os.getpid()} {len(inputs)}')
        said.rename(said.with_suffix('.txt'))
        while not (folder / 'go').exists():
            time.sleep(0.05)
        return dict(loss=self.layer(torch.stack(list(inputs))).square().mean())
"""
CONFIG = """
default_scope = 'mmengine'
custom_imports = dict(imports=['rank_line'])
model = dict(type='RankLine')
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    dataset=dict(type='RankNumbers', folder='nowhere'),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01))
"""


def until(condition: Callable[[], bool], seconds: float = 90.0) -> None:
    end = time.time() + seconds
    while not condition():
        assert time.time() < end
        time.sleep(0.05)


def ended(pid: int) -> bool:
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] == 'Z'
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_two_processes_end_with_a_killed_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / 'a b,c'
    folder.mkdir()
    (folder / 'rank_line.py').write_text(MODEL)
    (folder / 'toy.py').write_text(CONFIG)
    monkeypatch.setenv('PYTHONPATH', str(folder))
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    monkeypatch.syspath_prepend(str(folder))
    options = [f'train_dataloader.dataset.folder={folder}']
    command = Launch(gpus=2).train('train', str(folder / 'toy.py'), '{work_dir}/run', options)
    stage = dict(
        name='train', command=command, done='{work_dir}/run/epoch_1.pth', makes='{work_dir}/run'
    )
    pipeline = Pipeline(dict(stages=[stage]), ROOT, str(folder / 'work'))

    parent = os.fork()
    if not parent:
        with suppress(BaseException):
            pipeline.run(pipeline.plan())
        os._exit(0)
    said = [folder / f'rank{rank}.txt' for rank in range(2)]
    until(lambda: all(path.exists() for path in said))
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    pids, sizes = zip(*(map(int, path.read_text().split()) for path in said), strict=True)
    assert sizes == (2, 2), f'the batch of 4 is shared: {word(command)}'

    (folder / 'go').touch()  # at once: the second run waits until the first has left the folder
    assert pipeline.run(pipeline.plan())
    assert all(map(ended, pids))
    assert (folder / 'work/run/epoch_1.pth').is_file() and not (folder / 'work/run.old').exists()
    assert not {int(path.read_text().split()[0]) for path in said} & set(pids)

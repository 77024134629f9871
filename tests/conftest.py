"""Shared by all tests."""

import os
import random
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.visualization import Visualizer

from mmlevelset import stack  # noqa: F401  before mmseg, which a test may import first

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _reproducible() -> None:
    """Same random numbers in every test, whatever ran before; one thread, two cores are shared."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', 1)))


@pytest.fixture(autouse=True)
def _trainings_of_their_own() -> None:
    """A training finds no message hub, log or canvas of an earlier test.

    mmengine keeps them by the name of the config and the second that it starts in: a training that meets its
    own name would take those of the other, and what was made in between would stay the current one.
    """
    for kept in (MessageHub, MMLogger, *_kinds(Visualizer)):
        kept._instance_dict.clear()


def _kinds(kept: type) -> list[type]:
    """A class and all that inherit from it."""
    return [kept, *(kind for heir in kept.__subclasses__() for kind in _kinds(heir))]


# All that a Runner needs, on eight numbers.
MODEL = """
import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, METRICS, MODELS
from mmengine.structures import BaseDataElement
from torch.utils.data import Dataset


@DATASETS.register_module()
class Numbers(Dataset):
    def __init__(self, images=8, broken=(), classes=()):
        self.images, self.broken = images, broken
        self.metainfo = dict(classes=classes) if classes else {}

    def __len__(self):
        return self.images

    def __getitem__(self, index):
        sample = BaseDataElement(metainfo=dict(img_path=f'images/{index}.jpg'))
        sample.target = torch.tensor([2.0 * index])
        value = float('nan') if index in self.broken else float(index)
        return dict(inputs=torch.tensor([value]), data_samples=sample)


@MODELS.register_module()
class Line(BaseModel):
    def __init__(self, root=False):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.root = root

    def forward(self, inputs, data_samples, mode):
        output = self.layer(torch.stack(list(inputs)))
        target = torch.stack([sample.target for sample in data_samples])
        if mode == 'loss':
            # The slope of a root at 0 is infinite.
            root = (0 * self.layer.bias).abs().sqrt().sum() if self.root else 0
            return dict(loss=(output - target).square().mean() + root)
        return list(zip(output, target))


@METRICS.register_module()
class Error(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results += [abs(output - target).item() for output, target in data_samples]

    def compute_metrics(self, results):
        return dict(error=sum(results) / len(results), count=len(results))
"""
CONFIG = """
default_scope = 'mmengine'
custom_imports = dict(imports=['toy_line'])
model = dict(type='Line')
loader = dict(batch_size=2, num_workers=0, dataset=dict(type='Numbers'))
train_dataloader = dict(sampler=dict(type='InfiniteSampler', shuffle=False), **loader)
val_dataloader = dict(**loader, sampler=dict(type='DefaultSampler', shuffle=False))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=4, val_interval=4)
val_cfg = dict(type='ValLoop')
val_evaluator = dict(type='Error')
test_dataloader, test_cfg, test_evaluator = val_dataloader, dict(type='TestLoop'), val_evaluator
randomness = dict(seed=0)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01))
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=1),
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2),
)
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / 'toy_line.py').write_text(MODEL)
    (tmp_path / 'toy.py').write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    return tmp_path


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run a tool in this process, which saves the seconds that the imports take."""

    def run(name: str, *arguments: str) -> None:
        monkeypatch.setattr(sys, 'argv', [name, *arguments])
        runpy.run_path(str(ROOT / 'tools' / name), run_name='__main__')

    return run


@pytest.fixture
def refuse(tool: Callable[..., None], capsys: pytest.CaptureFixture) -> Callable[..., str]:
    """Run a tool that must refuse something; the last lines of its output, from `error:` on."""

    def run(name: str, *arguments: str) -> str:
        with pytest.raises(SystemExit) as stop:
            tool(name, *arguments)
        assert stop.value.code == 2
        return capsys.readouterr().err.rpartition('error: ')[2]

    return run

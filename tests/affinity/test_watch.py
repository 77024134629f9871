"""A training of affinities on labels without background or foreground is stopped."""

import time
from collections.abc import Callable
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub

from mmlevelset.affinity.losses import pair_labels
from mmlevelset.affinity.watch import FEW, PATIENCE, PairWatch

OFFSETS = np.array([(0, 1), (1, 0)])
NUMBER = count()


@pytest.fixture(autouse=True)
def length() -> Callable[[int | None], None]:
    """Say the length of a training, in batches; none is said at first."""

    def say(batches: int | None) -> None:
        hub = MessageHub.get_instance(f'watch_{next(NUMBER)}')
        hub.update_info('max_iters', batches)

    say(None)
    return say


def labels(*values: int):
    """Pairs of a batch whose image holds stripes of these labels."""
    rows = torch.tensor(values).repeat_interleave(4).repeat(8, 1)
    return pair_labels(rows[None], OFFSETS, radius=2)


@pytest.mark.parametrize(
    ('values', 'kind', 'cure'),
    [
        ((255, 3, 255), 'background', 'lower `high` alpha'),
        ((0, 255, 0), 'foreground', 'higher `low` alpha'),
        ((255, 255), 'background', 'lower `high` alpha'),
    ],
)
@pytest.mark.parametrize(
    ('batches', 'stop'), [(None, PATIENCE), (10000, PATIENCE), (36, 18), (20, FEW), (12, FEW)]
)
def test_one_kind_never_comes(length, batches, stop, values, kind, cure):
    """A training of 100 images in batches of 16 has 36 batches in 6 epochs: it is stopped half-way."""
    length(batches)
    watch = PairWatch()
    for _ in range(stop - 1):
        watch(labels(*values))
    with pytest.raises(
        ValueError,
        match=f'none of the first {stop} batches have two pixels of confident {kind}.*{cure}',
    ):
        watch(labels(*values))


def test_one_kind_hardly_comes():
    """A lucky image does not silence the watch."""
    watch = PairWatch()
    for _ in range(4):
        watch(labels(0, 2))
    for _ in range(PATIENCE - 5):
        watch(labels(255, 2))
    with pytest.raises(ValueError, match='labels of 4 of the first 50 batches.*background'):
        watch(labels(255, 2))


@pytest.mark.parametrize('batches', [None, 36])
def test_both_in_different_batches(length, batches):
    """Batches without one of them are as usual, a tenth has it."""
    length(batches)
    watch = PairWatch()
    for _ in range(5):
        watch(labels(0, 255))
        watch(labels(255, 2))
    for _ in range(2 * PATIENCE):
        watch(labels(255, 255))


def test_a_rehearsal_is_too_short_to_judge(length):
    length(2)
    watch = PairWatch()
    for _ in range(FEW - 1):
        watch(labels(255, 255))


MODEL = """
import torch
from mmengine.registry import MODELS
from mmlevelset.affinity.losses import PairLabels
from mmlevelset.affinity.watch import PairWatch
from toy_line import Line


@MODELS.register_module()
class Pairs(Line):
    def __init__(self):
        super().__init__()
        self.watch = PairWatch()

    def forward(self, inputs, data_samples, mode):
        pairs = torch.ones(2, 1, 4, dtype=torch.bool)
        self.watch(PairLabels(~pairs, pairs, pairs))
        return super().forward(inputs, data_samples, mode)
"""


@pytest.fixture
def same_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every training starts in it, and so takes the name that the one before had."""
    clock = SimpleNamespace(time=lambda: 1e9, localtime=time.localtime, strftime=time.strftime)
    monkeypatch.setattr('mmengine.runner.runner.time', clock)


@pytest.mark.parametrize('loop', ['EpochBasedTrainLoop', 'IterBasedTrainLoop'])
def test_a_short_training_is_stopped(toy, tool, refuse, same_second, loop):
    """Of 24 batches, whichever way they are counted; two batches are a rehearsal."""
    (toy / 'toy_pairs.py').write_text(MODEL)
    length = 'max_epochs=6' if loop.startswith('Epoch') else 'max_iters=24'
    (toy / 'pairs.py').write_text(
        "_base_ = 'toy.py'\n"
        "custom_imports = dict(imports=['toy_line', 'toy_pairs'])\n"
        "model = dict(type='Pairs')\n"
        "train_dataloader = dict(sampler=dict(_delete_=True, type='DefaultSampler', shuffle=False))\n"
        f"train_cfg = dict(_delete_=True, type='{loop}', {length})\n"
        'val_dataloader = val_cfg = val_evaluator = None\n'
    )
    text = refuse('train.py', 'pairs.py', '--work-dir', 'run')
    assert 'none of the first 12 batches have two pixels of confident background' in text
    if loop.startswith('Iter'):
        tool('train.py', 'pairs.py', '--work-dir', 'new', '--cfg-options', 'train_cfg.max_iters=2')

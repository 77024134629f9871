"""LossWarmupHook: the ramps at known iterations, also in a run that was interrupted."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from mmlevelset import compat
from mmlevelset.engine import LossWarmupHook, loss_warmup_hook
from mmlevelset.models import LevelSetHead


def make_head() -> LevelSetHead:
    return LevelSetHead(in_channels=(4,), in_index=(0,), channels=8, num_classes=3)


def runner_of(model: nn.Module, total: int) -> SimpleNamespace:
    """What the hook asks of a runner."""
    return SimpleNamespace(model=model, max_iters=total, iter=0, message_hub=MessageHub('test'))


def factors(hook: LossWarmupHook, iterations: list[int], total: int = 100) -> list[dict]:
    """Warm-up factors of a head at some iterations."""
    head = make_head()
    runner = runner_of(nn.ModuleList([head]), total)
    hook.before_train(runner)
    found = []
    for runner.iter in iterations:
        hook.before_train_iter(runner, batch_idx=0)
        found.append(dict(head.warmup))
    return found


def test_ramps():
    """Linear from begin to end, in fractions of the training."""
    hook = LossWarmupHook(sdf=(0.1, 0.3), energy=(0.4, 0.8))
    found = factors(hook, [0, 10, 15, 30, 40, 50, 80, 99])
    assert [f['sdf'] for f in found] == pytest.approx([0, 0, 0.25, 1, 1, 1, 1, 1])
    assert [f['energy'] for f in found] == pytest.approx([0, 0, 0, 0, 0, 0.25, 1, 1])


def test_steps():
    """begin = end is a switch, on from that iteration."""
    found = factors(LossWarmupHook(sdf=(0.0, 0.0), energy=(0.3, 0.3)), [0, 29, 30])
    assert [f['sdf'] for f in found] == [1, 1, 1]
    assert [f['energy'] for f in found] == [0, 0, 1]


def test_a_share_and_the_whole_number_one():
    """(0.5, 1) ends with the training, as (0.5, 1.0) does, and not at iteration 1."""
    found = factors(LossWarmupHook(energy=(0.5, 1)), [1, 50, 75])
    assert [f['energy'] for f in found] == pytest.approx([0, 0, 0.5])


@pytest.mark.parametrize('total', [28, 100, 10_000])
def test_iterations_do_not_follow_the_length(total):
    """Whole numbers count iterations: 100 images and 10,000 wait alike."""
    found = factors(LossWarmupHook(sdf=(2, 4), energy=(10, 10)), [0, 3, 4, 9, 10, 27], total)
    assert [f['sdf'] for f in found] == pytest.approx([0, 0.5, 1, 1, 1, 1])
    assert [f['energy'] for f in found] == [0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ('total', 'energy', 'words'),
    [
        (400, (160, 160), None),
        (400, (0.4, 0.4), None),
        (400, (400, 500), 'energy loss of the level sets never becomes active'),
        (400, (1.0, 1.0), 'energy loss of the level sets never becomes active'),
        (120, (0.4, 0.4), 'energy loss of the level sets is active for 72 iterations only'),
    ],
)
def test_an_energy_that_hardly_acts_is_said(monkeypatch, total, energy, words):
    """4 epochs of 100 images are 28 iterations; the warning names the keys."""
    said = []
    monkeypatch.setattr(loss_warmup_hook, 'print_log', lambda text, **_: said.append(text))
    runner = runner_of(nn.ModuleList([make_head()]), total)
    LossWarmupHook(energy=energy).before_train(runner)
    assert len(said) == (words is not None)
    assert all(words in text and 'train_cfg' in text for text in said)


def test_all_heads_are_driven():
    heads = [make_head(), make_head()]
    runner = runner_of(nn.ModuleList(heads), 10)
    hook = LossWarmupHook(energy=(0.5, 1.0))
    hook.before_train(runner)
    hook.before_train_iter(runner, batch_idx=0)
    assert [head.warmup['energy'] for head in heads] == [0, 0]


@pytest.mark.parametrize(
    'ramp', [(0.5, 0.4), (-0.1, 0.5), (0.5, 1.1), (2000, 1000), (1000, 2000.0)]
)
def test_wrong_ramp(ramp):
    with pytest.raises(ValueError, match='fractions of the training'):
        LossWarmupHook(energy=ramp)


def test_a_ramp_over_one_iteration_is_meant_as_one_over_all():
    with pytest.raises(ValueError, match=r'energy=\(0, 1\) .* write \(0.0, 1.0\)'):
        LossWarmupHook(energy=(0, 1))
    assert [f['energy'] for f in factors(LossWarmupHook(energy=(0.0, 1.0)), [0, 50])] == [0, 0.5]


@pytest.mark.parametrize('ramp', [0.4, (0.1, 0.2, 0.3), None])
def test_what_is_no_ramp(ramp):
    with pytest.raises(
        ValueError, match='energy=.*expected two numbers, where the ramp begins and'
    ):
        LossWarmupHook(energy=ramp)


def test_model_without_level_set():
    runner = SimpleNamespace(model=nn.Linear(1, 1))
    with pytest.raises(ValueError, match='remove the hook.*or add the auxiliary head'):
        LossWarmupHook().before_train(runner)


class Toy(BaseModel):
    """A model that does nothing but own a head."""

    def __init__(self) -> None:
        super().__init__()
        self.head = make_head()

    def forward(self, inputs: torch.Tensor, mode: str = 'tensor') -> dict[str, torch.Tensor]:
        return dict(loss=self.head.conv_seg.weight.sum())


class Recorder(Hook):
    """Keeps the factors of every iteration."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.energy = {}

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        self.energy[runner.iter] = runner.model.head.warmup['energy']


def test_resumed_run(tmp_path, monkeypatch):
    """A run resumed at iteration 5 of 10 sees the factors of an uninterrupted one, and another ramp is told."""
    compat.setup()

    said = []
    monkeypatch.setattr(loss_warmup_hook, 'print_log', lambda text, **_: said.append(text))

    def train(energy=(0.2, 0.8), **options) -> dict[int, float]:
        recorder = Recorder()
        said.clear()
        Runner(
            model=Toy(),
            work_dir=str(tmp_path),
            train_dataloader=dict(
                dataset=[dict(inputs=torch.zeros(1))] * 4,
                batch_size=2,
                sampler=dict(type='InfiniteSampler'),
                collate_fn=dict(type='default_collate'),
            ),
            train_cfg=dict(by_epoch=False, max_iters=10),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
            default_hooks=dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=5)),
            custom_hooks=[LossWarmupHook(energy=energy), recorder],
            default_scope='mmseg',
            log_level='ERROR',
            **options,
        ).train()
        return recorder.energy

    whole = train(experiment_name='whole')
    rest = train(experiment_name='rest', load_from=str(tmp_path / 'iter_5.pth'), resume=True)
    assert list(whole.values()) == pytest.approx([0, 0, 0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 1])
    assert rest == {i: whole[i] for i in range(5, 10)}
    changed = "'energy': [2, 8]} before and are {'sdf': [0, 0], 'energy': [9, 9]} now"
    assert not any(changed in text for text in said)
    resumed = dict(load_from=str(tmp_path / 'iter_5.pth'), resume=True)
    late = train((9, 9), experiment_name='late', **resumed)
    assert late == {5: 0, 6: 0, 7: 0, 8: 0, 9: 1}
    assert any(changed in text and 'from iteration 5 on' in text for text in said)

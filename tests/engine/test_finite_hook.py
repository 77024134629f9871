"""A training stops at the first number that is not finite, and saves none of it."""

import pytest
import torch
from mmengine.optim import AmpOptimWrapper
from torch import nn

from mmlevelset.engine.finite_hook import MAX_SKIPPED, FiniteHook, _norm


def options(*more: str) -> list[str]:
    """Of a config that names no hook of ours: the training is guarded all the same."""
    return ['train.py', 'toy.py', '--work-dir', 'run', '--cfg-options', *more]


@pytest.mark.parametrize(
    ('broken', 'counts', 'iteration', 'saved'),
    [(5, 1, 3, ['iter_2.pth']), (1, 1, 1, []), (2, 2, 2, [])],
)
def test_a_broken_image(toy, refuse, broken, counts, iteration, saved) -> None:
    """Named with its batch, and the last good checkpoint stays."""
    keep = 'default_hooks.checkpoint.max_keep_ckpts=1'
    more = [f'train_dataloader.dataset.broken=[{broken}]', keep]
    text = refuse(*options(*more, f'optim_wrapper.accumulative_counts={counts}'))
    assert text.startswith(f'iteration {iteration}: loss is nan')
    assert f'images/{broken}.jpg' in text and f'images/{broken ^ 1}.jpg' in text
    assert f'images/{(broken + 4) % 8}.jpg' not in text
    assert sorted(path.name for path in toy.glob('run/*.pth')) == saved


def test_a_gradient_of_a_finite_loss(toy, refuse) -> None:
    text = refuse(*options('model.root=True'))
    assert text.startswith('iteration 1: the gradient is not finite') and 'images/0.jpg' in text
    assert not list(toy.glob('run/*.pth'))


@pytest.mark.parametrize('epochs', [False, True])
def test_weights_that_the_last_update_broke(toy, refuse, epochs) -> None:
    """Loss and gradient were finite, the step was not: the checkpoint due now is not written."""
    (toy / 'toy.py').write_text(
        (toy / 'toy.py').read_text()
        + "param_scheduler = [dict(type='MultiStepLR', milestones=[3], gamma=1e40, by_epoch=False)]\n"
        + (
            "train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=4, val_interval=99)\n"
            "train_dataloader.update(sampler=dict(type='DefaultSampler', shuffle=False))\n"
            "default_hooks['checkpoint'] = dict(type='CheckpointHook', interval=1)\n"
            if epochs
            else ''
        )
    )
    more = ['default_hooks.checkpoint.max_keep_ckpts=1']
    if epochs:
        more.append('train_dataloader.dataset.images=4')
    text = refuse(*options(*more))
    assert '2 of 2 tensors of the model are not finite, e.g. layer.weight' in text
    saved = [path.name for path in toy.glob('run/*.pth')]
    assert saved == ['epoch_1.pth' if epochs else 'iter_2.pth']
    state = torch.load(toy / 'run' / saved[0])['state_dict']
    assert all(value.isfinite().all() for value in state.values())


class Loop:
    """What the hook needs of a Runner whose mixed precision skips updates."""

    hooks: list = []
    iter = 0

    def __init__(self) -> None:
        self.layer = nn.Linear(1, 1)
        self.optim_wrapper = AmpOptimWrapper.__new__(AmpOptimWrapper)
        self.optim_wrapper.optimizer = torch.optim.SGD(self.layer.parameters(), 0.1)
        self.optim_wrapper._accumulative_counts = 1


def test_updates_that_mixed_precision_skips() -> None:
    """A few are part of it; with no end they mean that nothing is trained."""
    loop, hook = Loop(), FiniteHook()
    hook.before_train(loop)
    scaler = torch.amp.GradScaler('cpu', init_scale=4.0)
    optimizer = loop.optim_wrapper.optimizer
    for steps, factor in ((5, float('inf')), (3, 1.0), (MAX_SKIPPED, float('inf'))):
        for _ in range(steps):
            optimizer.zero_grad()
            scaler.scale(loop.layer(torch.ones(1, 1)).sum() * factor).backward()
            scaler.step(optimizer)
            scaler.update()
            hook.after_train_iter(loop, 0, {}, dict(loss=torch.tensor(1.0)))
    assert all(p.isfinite().all() for p in loop.layer.parameters())
    with pytest.raises(ValueError, match='mixed precision has skipped the last 40 updates'):
        hook.after_train_iter(loop, 0, {}, dict(loss=torch.tensor(1.0)))


@pytest.mark.parametrize('value', [float('nan'), float('inf'), -float('inf')])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16, torch.complex64])
def test_norm(value, dtype) -> None:
    good = [torch.ones(3, dtype=dtype), torch.arange(3), torch.zeros(0)]
    assert torch.isfinite(_norm(good))
    bad = torch.ones(2, 2, dtype=dtype)
    bad[1, 0] = value
    assert not torch.isfinite(_norm([*good, bad]))

"""Resuming: the config's schedule counts, another model is refused, and no code is run."""

import re
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch

COUNT = count()
EPOCHS = """
_base_ = 'toy.py'
train_cfg = dict(_delete_=True, type='EpochBasedTrainLoop', max_epochs=2, val_interval=99)
train_dataloader = dict(sampler=dict(type='DefaultSampler', shuffle=False))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=True, end=1, convert_to_iter_based=True),
    dict(type='PolyLR', power=0.9, by_epoch=True, begin=1, convert_to_iter_based=True),
]
default_hooks = dict(checkpoint=dict(_delete_=True, type='CheckpointHook', interval=1))
"""


@pytest.fixture
def train(toy, tool):
    (toy / 'epochs.py').write_text(EPOCHS)

    def run(*more: str, work: str = 'run', options: tuple[str, ...] = ()) -> None:
        name = f'experiment_name=run_{next(COUNT)}'  # else two runs of a second share a history
        tool('train.py', 'epochs.py', '--work-dir', work, *more, '--cfg-options', name, *options)

    return run


def rates(path: Path) -> list[float]:
    hub = torch.load(path, weights_only=False)['message_hub']
    return hub['log_scalars']['train/lr'].data[0].tolist()


def edit(path: Path, change: Any) -> None:
    content = torch.load(path, weights_only=False)
    change(content)
    torch.save(content, path)


def test_the_same_schedule_goes_on_in_silence(train, toy, capsys) -> None:
    train()
    (toy / 'run/epoch_2.pth').unlink()
    (toy / 'run/last_checkpoint').write_text(str(toy / 'run/epoch_1.pth'))
    whole = rates_of(train, toy, 2)
    capsys.readouterr()
    train('--resume')
    assert 'another schedule' not in capsys.readouterr().out
    assert rates(toy / 'run/epoch_2.pth') == whole


def rates_of(train, toy, epochs: int, *options: str) -> list[float]:
    """The rates of an uninterrupted training of so many epochs."""
    train(work='whole', options=(f'train_cfg.max_epochs={epochs}', *options))
    return rates(toy / f'whole/epoch_{epochs}.pth')


def test_a_longer_schedule(train, toy, capsys) -> None:
    """The added epochs train at the rates of the longer schedule, not at 0."""
    train()
    train('--resume', options=('train_cfg.max_epochs=4',))
    assert 'another schedule' in capsys.readouterr().out
    expected = rates_of(train, toy, 4)
    got = rates(toy / 'run/epoch_4.pth')
    assert got[8:] == pytest.approx(expected[8:]) and min(got[8:15]) > 0


def test_the_base_rate_of_a_longer_schedule(train, capsys) -> None:
    """The log shows it beside the rate of the weight, which is the same: the bias alone has another."""
    option = 'optim_wrapper.paramwise_cfg.bias_lr_mult=2.0'
    train(options=(option,))
    train('--resume', options=('train_cfg.max_epochs=4', option))
    shown = re.findall(r'base_lr: (\S+)\s+lr: (\S+)', capsys.readouterr().out)
    assert len(shown) == 16 and all(base == rate for base, rate in shown)


@pytest.mark.parametrize('change', ['batch_size=4', 'batch_size=1', 'dataset.images=12'])
def test_epochs_of_another_length(train, toy, capsys, change) -> None:
    """Another batch size, as another number of processes, or data set: a share of the schedule."""
    option = f'train_dataloader.{change}'
    train(options=('train_cfg.max_epochs=3',))
    (toy / 'run/epoch_3.pth').unlink()
    (toy / 'run/last_checkpoint').write_text('epoch_2.pth')
    train('--resume', options=('train_cfg.max_epochs=3', option))
    assert (
        'it had 4 (another batch size, number of processes or data set)' in capsys.readouterr().out
    )
    expected = rates_of(train, toy, 3, option)
    length = len(expected) // 3
    got = rates(toy / 'run/epoch_3.pth')[-length:]
    assert got == pytest.approx(expected[-length:]) and got[0] > 0
    assert torch.load(toy / 'run/epoch_3.pth')['meta']['iter'] == len(expected)


SIZES = {
    'batch': (
        'train_dataloader.batch_size=4',
        1,
        'a batch of all processes has 4 images, it had 2',
    ),
    'processes': ('', 2, 'a batch of all processes has 4 images, it had 2'),
    'data set': ('train_dataloader.dataset.images=12', 1, 'the data set has 12 images, it had 8'),
}


@pytest.mark.parametrize('old', [False, True], ids=['', 'of an earlier version'])
@pytest.mark.parametrize('case', SIZES)
@pytest.mark.parametrize('loop', ['epochs', 'iterations'])
def test_sizes_that_have_changed_are_said(train, toy, capsys, monkeypatch, loop, case, old) -> None:
    """In either loop; the position is changed only where it is counted in epochs."""
    option, processes, said = SIZES[case]
    if loop == 'iterations':
        schedule = "train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=8)"
        checkpoint = "type='CheckpointHook', by_epoch=False, interval=4"
        text = f"_base_ = 'toy.py'\n{schedule}\nparam_scheduler = []\n"
        text += f'default_hooks = dict(checkpoint=dict(_delete_=True, {checkpoint}))\n'
        (toy / 'epochs.py').write_text(text)
    first, last = ('epoch_1', 'epoch_2') if loop == 'epochs' else ('iter_4', 'iter_8')
    train()
    (toy / f'run/{last}.pth').unlink()
    (toy / 'run/last_checkpoint').write_text(f'{first}.pth')
    if old:
        sizes = ('train_batch', 'train_images')
        path = toy / f'run/{first}.pth'
        edit(path, lambda c: [c['message_hub']['runtime_info'].pop(key) for key in sizes])
    monkeypatch.setattr('mmlevelset.engine.resume_schedule.get_world_size', lambda: processes)
    capsys.readouterr()
    train('--resume', options=(option,) if option else ())
    text = capsys.readouterr().out
    assert (said in text) == (not old)
    assert text.count('another schedule') == (not old or (loop == 'epochs' and bool(option)))
    done = torch.load(toy / f'run/{last}.pth')['meta']['iter']
    length = {'batch': 2, 'processes': 4, 'data set': 6}[case]  # the loader is that of one process
    assert done == (2 * length if loop == 'epochs' else 8)
    train('--resume', options=(option,) if option else ())  # the new sizes are those of before now
    assert said not in capsys.readouterr().out


def test_another_rate_or_optimiser_setting_is_said(train, toy, capsys) -> None:
    train()
    options = ('optim_wrapper.optimizer.lr=0.02', 'optim_wrapper.optimizer.momentum=0.5')
    more = ('train_cfg.max_epochs=3',)
    train('--resume', options=(*options, *more))
    said = capsys.readouterr().out
    assert 'initial_lr 0.01 -> 0.02' in said and 'momentum 0 -> 0.5' in said
    assert rates(toy / 'run/epoch_3.pth')[8:] == pytest.approx(
        rates_of(train, toy, 3, *options)[8:]
    )


def test_the_end_of_the_schedule(train, toy, refuse, capsys) -> None:
    train(options=('train_cfg.max_epochs=3',))
    train('--resume', options=('train_cfg.max_epochs=3',))
    assert 'all 3 epochs are done, nothing is left to train' in capsys.readouterr().out
    text = refuse(*'train.py epochs.py --work-dir run --resume'.split())
    assert 'has 3 epochs behind it, and the config ends after 2' in text


def test_a_schedule_that_compares_epochs(train, toy, refuse, capsys) -> None:
    plateau = "dict(type='mmlevelset.LabelFreePlateauLR', monitor='loss', by_epoch=True)"
    (toy / 'epochs.py').write_text(EPOCHS + f'param_scheduler = [{plateau}]\n')
    train()
    arguments = 'train.py epochs.py --work-dir run --resume --cfg-options train_cfg.max_epochs=3'
    text = refuse(*arguments.split(), 'train_dataloader.batch_size=4')
    assert 'an epoch has 2 iterations, it had 4' in text and 'cannot go on' in text
    options = ('optim_wrapper.optimizer.momentum=0.5', 'optim_wrapper.optimizer.lr=0.02')
    train('--resume', options=('train_cfg.max_epochs=3', *options))
    said = capsys.readouterr().out
    assert 'momentum 0 -> 0.5, but the rate stays' in said
    group = torch.load(toy / 'run/epoch_3.pth')['optimizer']['param_groups'][0]
    assert group['momentum'] == 0.5 and group['lr'] == group['initial_lr'] == 0.01


@pytest.mark.parametrize('load', ['resume', 'load_from'])
def test_the_config_in_a_checkpoint_is_not_run(train, toy, load) -> None:
    """With the guard out of the user's config as well: the command line adds it."""
    train()
    path = toy / 'run/epoch_2.pth'
    code = f'import os\nos.mkdir({str(toy / "harm")!r})'
    edit(path, lambda content: content['meta'].update(config=code))
    options = ('train_cfg.max_epochs=3',)
    if load == 'resume':
        train('--resume', options=options)
    else:
        train(work='other', options=(*options, f'load_from={path}', 'resume=True'))
    assert not (toy / 'harm').exists()
    folder = 'run' if load == 'resume' else 'other'
    assert len(rates(toy / folder / 'epoch_3.pth')) == 12


def test_a_start_from_as_many_other_classes_is_said(train, toy, capsys) -> None:
    train()
    path = toy / 'run/epoch_2.pth'
    edit(path, lambda c: c['meta'].update(dataset_meta=dict(classes=('background', 'dog'))))
    classes = 'train_dataloader.dataset.classes=[background,cat]'
    capsys.readouterr()
    train(work='new', options=(f'load_from={path}', classes))
    text = capsys.readouterr().out
    assert "was trained on the classes ['background', 'dog'], and the config has" in text
    train(work='third', options=(f'load_from={path}',))  # a data set without names
    assert 'was trained on the classes' not in capsys.readouterr().out


def test_other_models_are_refused(train, toy, refuse) -> None:
    train()
    path = toy / 'run/epoch_2.pth'
    resume = 'train.py epochs.py --work-dir run --resume'.split()
    fresh = f'train.py epochs.py --work-dir new --cfg-options load_from={path}'.split()
    test = f'test.py epochs.py {path}'.split()

    edit(path, lambda c: c['state_dict'].update({'layer.weight': torch.zeros(3, 1)}))
    assert 'layer.weight is (3, 1), the model needs (1, 1)' in refuse(*resume)
    assert 'layer.weight is (3, 1), the model needs (1, 1)' in refuse(*test)
    edit(path, lambda c: c.update(state_dict=dict(other=torch.zeros(2))))
    assert 'layer.weight is missing' in refuse(*resume)
    assert 'layer.weight is missing' in refuse(*test)
    assert 'has no tensor of the model' in refuse(*fresh)
    edit(path, lambda c: [c.pop('optimizer'), c.pop('message_hub')])
    assert 'is no checkpoint of a training, it lacks message_hub, optimizer' in refuse(*resume)

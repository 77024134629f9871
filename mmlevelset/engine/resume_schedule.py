"""Bring a checkpoint to the schedule of the config that resumes it.

mmengine takes position, rates and the ends of schedules from the checkpoint. With more epochs, another
batch size, number of processes or data set, the rest would train at rate 0, or end too early.
"""

import logging
import math
import warnings
from typing import Any

from mmengine.dist import get_world_size
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from mmengine.optim.scheduler.param_scheduler import ReduceOnPlateauParamScheduler, _ParamScheduler
from mmengine.runner import EpochBasedTrainLoop, Runner

# What a training leaves in the message hub, and so in its checkpoints, and how a change of it is said.
SIZES = dict(
    train_batch='a batch of all processes has {} images, it had {}; ',
    train_images='the data set has {} images, it had {}; ',
)


def training_sizes(runner: Runner) -> dict[str, int | None]:
    """Images of one batch of all processes together, and of the data set; None where it does not say.

    Args:
        runner (Runner): Its train loop is built.
    """
    loader = runner.train_loop.dataloader
    batch = loader.batch_size  # None with a batch sampler of the user's own
    images = len(loader.dataset) if hasattr(loader.dataset, '__len__') else None
    return dict(train_batch=batch and batch * get_world_size(), train_images=images)


def fit_position(runner: Runner, checkpoint: dict, name: str) -> str:
    """Count the iterations done in epochs of today's length, and say which sizes have changed.

    A loop of iterations goes on where it was: its schedule does not depend on the sizes.

    Args:
        runner (Runner): Its train loop is built.
        checkpoint (dict): ``meta['iter']`` is changed where the length of an epoch has changed.
        name (str): Of the file.

    Returns:
        str: what has changed, or ''.

    Raises:
        ValueError: The checkpoint is past the end of the training.
    """
    loop, meta = runner.train_loop, checkpoint['meta']
    epochs = isinstance(loop, EpochBasedTrainLoop)
    done, end = (meta['epoch'], loop.max_epochs) if epochs else (meta['iter'], loop.max_iters)
    unit = 'epochs' if epochs else 'iterations'
    if done > end:
        raise ValueError(
            f'{name} has {done} {unit} behind it, and the config ends after {end}: raise '
            f'train_cfg.max_{"epochs" if epochs else "iters"}, or give another work folder'
        )
    if done == end:
        print_log(f'{name}: all {end} {unit} are done, nothing is left to train', 'current')
    info = checkpoint['message_hub'].get('runtime_info', {})
    change = ''.join(
        SIZES[key].format(size, info[key])  # a checkpoint of an earlier version has none
        for key, size in training_sizes(runner).items()
        if size and info.get(key) not in (None, size)
    )
    if not (epochs and info.get('max_iters') and info.get('max_epochs')):
        return change
    before, length = info['max_iters'] // info['max_epochs'], len(loop.dataloader)
    if before == length:
        return change
    meta['iter'] = round(meta['iter'] * length / before)
    return (
        f'an epoch has {length} iterations, it had {before} (another batch size, number of processes '
        f'or data set); {change}'
    )


def fit_schedule(runner: Runner, checkpoint: dict, name: str, change: str) -> None:
    """Let rates and other settings of the optimiser be those that the config gives at this point.

    Args:
        runner (Runner): Its optimiser and schedulers are built and have not run.
        checkpoint (dict): Its optimiser's groups and schedulers are replaced where they differ, with
            a warning; the momenta stay.
        name (str): Of the file.
        change (str): From :func:`fit_position`.

    Raises:
        ValueError: The optimiser has other groups, or a size of the training has changed and a
            schedule depends on what was measured before.
    """
    wrapper, schedulers = runner.optim_wrapper, runner.param_schedulers or []
    if not isinstance(wrapper, OptimWrapper) or isinstance(schedulers, dict):
        return  # several optimisers: nothing here has them
    measured = any(isinstance(one, ReduceOnPlateauParamScheduler) for one in schedulers)
    if measured and change:
        raise ValueError(
            f'{name}: {change}the schedule compares with what it measured and cannot go on; resume with the '
            'batch size, number of processes and data set of before'
        )
    now, stored = wrapper.optimizer.param_groups, checkpoint['optimizer'].get('param_groups', [])
    if [len(group['params']) for group in now] != [len(group['params']) for group in stored]:
        raise ValueError(
            f'{name}: its optimiser has {len(stored)} groups of parameters, that of the config '
            f'{len(now)} or of other sizes; resume with the model and optimiser of before'
        )
    if not measured:
        replay(runner, checkpoint['meta']['iter'])
    differ = {
        key: f'{key} {old[key]} -> {value}'
        for group, old in zip(now, stored, strict=True)
        for key, value in group.items()
        if key != 'params' and key in old and not same(value, old[key])
    }
    if measured:
        scheduled = {scheduler.param_name for scheduler in schedulers}
        _keep_rates(now, stored, differ, name, scheduled)
        return
    states = [scheduler.state_dict() for scheduler in schedulers]
    old_states = checkpoint.get('param_schedulers', [])
    moved = len(states) != len(old_states) or any(
        not same(value, old[key])
        for state, old in zip(states, old_states, strict=True)
        for key, value in state.items()
        if key in old and key != '_global_step'
    )
    if not (change or differ or moved):
        return
    base, old_base = wrapper.base_param_settings, checkpoint['optimizer'].get('base_param_settings')
    logged = [(base, old_base)] if base and old_base else []  # what a log calls the base rate
    for group, old in [*zip(now, stored, strict=True), *logged]:
        old.update({key: value for key, value in group.items() if key != 'params'})
    checkpoint['param_schedulers'] = states
    settings = ', '.join(differ.values()) or 'the rate is the same at this point'
    print_log(
        f'{name} was trained with another schedule or other settings: {change}{settings}. The '
        'config counts from here on.',
        'current',
        level=logging.WARNING,
    )


def _keep_rates(
    now: list[dict], stored: list[dict], differ: dict[str, str], name: str, scheduled: set[str]
) -> None:
    """Take over new settings of the optimiser, but not what is ``scheduled``: measurements cannot be replayed."""
    rates = {'params', *scheduled, *(f'initial_{key}' for key in scheduled)}
    rates |= {'betas'} if 'momentum' in scheduled else set()
    for group, old in zip(now, stored, strict=True):
        old.update({key: value for key, value in group.items() if key not in rates})
    others = ', '.join(text for key, text in differ.items() if key not in rates)
    if 'initial_lr' in differ and 'initial_lr' in rates:
        others += f'{", " if others else ""}but the rate stays, as the schedule has measured it'
    if others:
        print_log(
            f'{name} was trained with other settings: {others}. The config counts from here on.',
            'current',
            level=logging.WARNING,
        )


def replay(runner: Runner, iterations: int) -> None:
    """Step the schedulers, freshly built, through the iterations done, as ParamSchedulerHook does."""
    loop = runner.train_loop
    length = len(loop.dataloader) if isinstance(loop, EpochBasedTrainLoop) else 0
    schedulers: list[_ParamScheduler] = runner.param_schedulers or []
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of steps without the optimiser's
        for done in range(1, iterations + 1):
            for scheduler in schedulers:
                if not scheduler.by_epoch:
                    scheduler.step()
            if length and done % length == 0:
                for scheduler in schedulers:
                    if scheduler.by_epoch:
                        scheduler.step()


def same(one: Any, other: Any) -> bool:
    """Whether two settings are equal, up to the rounding of a sum in another order."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-12)
    return bool(one == other)

"""What is looked at before a long job: paths, sizes and labels that would fail late or in silence."""

import math
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import InfiniteSampler
from mmengine.model import BaseModule
from mmengine.runner import CheckpointLoader, Runner

from mmlevelset.apis.names import check_names
from mmlevelset.apis.train_labels import check_labels
from mmlevelset.datasets.prepare.own_classes import BACKGROUND
from mmlevelset.evaluation import SeedMetric
from mmlevelset.fileio.checkpoints import SAFETENSORS
from mmlevelset.levelset.limits import check_count, check_number
from mmlevelset.models.heads.maps_only import MapsOnly
from mmlevelset.models.level_set_head import LevelSetHead
from mmlevelset.models.seeds import level_set_of
from mmlevelset.models.trained import bare_model, check_tensors, other_classes, plain_tensors

# The whole numbers of a config, with the least that each may be; mmengine takes what it is given and fails later.
WHOLE = {
    'batch_size': 1, 'num_workers': 0, 'max_epochs': 1, 'max_iters': 1, 'val_interval': 1, 'val_begin': 0,
    'accumulative_counts': 1,
}  # fmt: skip
# Of optim_wrapper; a negative max_norm would turn the gradient round, in silence.
NOT_NEGATIVE = (('optimizer', 'lr'), ('optimizer', 'weight_decay'), ('clip_grad', 'max_norm'))
LARGEST_SEED = 2**32 - 1  # of NumPy's generator


def check_config(cfg: Config, task: str) -> None:
    """Refuse a config whose files or sizes would fail only when they are used.

    Args:
        cfg (Config): Of a training or a test.
        task (str): ``train`` or ``test``.

    Raises:
        FileNotFoundError: A checkpoint of it does not exist.
        ValueError: It has no data for the task, an option that nothing reads, or a wrong number.
    """
    loader = f'{task}_dataloader'
    if not cfg.get(loader):
        raise ValueError(
            f'{cfg.filename} has no {loader}: it is no config to {task} with; give one that inherits '
            'a data set of configs/_base_/datasets'
        )
    for entry in (loader, f'{task}_cfg', 'optim_wrapper'):
        for key, least in WHOLE.items():
            if (value := (cfg.get(entry) or {}).get(key)) is not None:
                check_count(f'{entry}.{key}', value, least)
    wrapper = (cfg.get('optim_wrapper') or {}) if task == 'train' else {}
    for part, key in NOT_NEGATIVE:
        settings = wrapper.get(part) or {}
        if not isinstance(settings, dict):
            raise ValueError(
                f'optim_wrapper.{part} is {settings!r}, expected a dict of its settings, such as dict({key}=1.0)'
            )
        value = settings.get(key)
        if value not in (None, math.inf):  # torch's way to look at norms and not to clip them
            check_number(f'optim_wrapper.{part}.{key}', value, 0)
    if (seed := (cfg.get('randomness') or {}).get('seed')) is not None:
        check_count('randomness.seed', seed, 0, LARGEST_SEED)
    windows = (cfg.get('model') or {}).get('test_cfg') or {}
    missing = [key for key in ('crop_size', 'stride') if key not in windows]
    if (
        windows.get('mode', 'whole') not in ('whole', 'slide')
        or windows.get('mode') == 'slide'
        and missing
    ):
        raise ValueError(
            f"model.test_cfg={dict(windows)}, expected mode='whole', or mode='slide' with crop_size=(H, W) "
            'and stride=(H, W) of the windows in pixels'
        )
    for name, path in _checkpoints(cfg.to_dict(), task):
        if isinstance(path, str) and '://' not in path and not Path(path).expanduser().is_file():
            raise FileNotFoundError(
                f'{name}: no checkpoint at {path!r}; there are {_near(path)}. A training writes '
                'epoch_N.pth or iter_N.pth into its work folder.'
            )
    check_names(cfg)


def _checkpoints(cfg: dict[str, Any], task: str) -> Iterator[tuple[str, Any]]:
    """Name and path of every checkpoint that a config loads."""
    yield 'load_from' if task == 'train' else 'checkpoint', cfg.get('load_from')
    # A test loads all weights from one file.
    found = [('model', cfg.get('model'))] if task == 'train' else []
    while found:
        name, node = found.pop()
        if isinstance(node, list | tuple):
            found += [(name, item) for item in node]
        elif isinstance(node, dict):
            if str(node.get('type')).endswith('Pretrained'):
                yield f'{name}.checkpoint', node.get('checkpoint')
            found += [(f'{name}.{key}', value) for key, value in node.items()]


def _near(path: str) -> str:
    """What is there in place of a missing checkpoint, in a few words."""
    folder = Path(path).parent
    there = [*folder.glob('*.pth'), *folder.glob(f'*{SAFETENSORS}')] if path else []
    close = get_close_matches(Path(path).name, [file.name for file in there], cutoff=0) or []
    return ', '.join(close) or 'none in that folder'


def check_weights(runner: Runner, checkpoint: str) -> None:
    """Refuse a checkpoint that leaves weights of the model random; mmengine only warns.

    Args:
        runner (Runner): Built from the config of the test.
        checkpoint (str): File or address.

    Raises:
        ValueError: Weights are missing, of another shape or not finite; names some. Or they were trained on other
            classes.
    """
    state = CheckpointLoader.load_checkpoint(checkpoint, 'cpu', logger='silent')
    check_tensors(bare_model(runner.model), state, checkpoint)
    if differ := other_classes(state, runner.test_evaluator.dataset_meta or {}):
        raise ValueError(
            f'{checkpoint} {differ}: what it predicts would get wrong names; give the data set of the test the '
            'classes of the training (metainfo=dict(classes=...)), or another checkpoint'
        )


def state_levels(runner: Runner, checkpoint: str) -> None:
    """Let ``meta.json`` of exported seeds say how the level sets were made into scores.

    That is ``truncate``, the distance of a score in pixels of the input image, and what ``'auto'`` had found:
    backgrounds, zeros and guidance.

    Args:
        runner (Runner): Built from the config of the test.
        checkpoint (str): File or address.
    """
    head = level_set_of(bare_model(runner.model))
    if head is None:
        return
    metrics = [m for m in runner.test_evaluator.metrics if isinstance(m, SeedMetric)]
    # Of the model of a test, with augmentation or without, or of what a wrapper for several processes holds.
    inner = getattr(runner.model, 'module', None)
    recipe = getattr(runner.model, 'recipe', None) or getattr(inner, 'recipe', None)
    if recipe is None or recipe.seed_source != 'cam':
        for metric in metrics:
            metric.source['truncate'] = float(head.truncate)
    state = CheckpointLoader.load_checkpoint(checkpoint, 'cpu', logger='silent')
    state = state.get('state_dict', state)
    for name, part, buffer in (
        ('backgrounds', 'auto_background', 'histogram'),
        ('zeros', 'auto_zero', 'histogram'),
        ('guidance', 'auto_guidance', 'moments'),
    ):
        levels = getattr(head, part)
        found = [v for k, v in state.items() if k.endswith(f'{part}.{buffer}')]
        if levels is None or not found:
            continue
        getattr(levels, buffer).copy_(found[0])
        values = levels().tolist()
        for metric in metrics:
            metric.source[name] = {
                n: round(value, 3) for n, value in zip(metric.classes[1:], values, strict=True)
            }


def check_training(runner: Runner) -> None:
    """Refuse a training that would see no batch, or labels from which nothing can be learned.

    Args:
        runner (Runner): Its train loop is built, with data set and loader.

    Raises:
        ValueError: Fewer images than a batch, or all labels void or of one class.
    """
    loader = runner.train_loop.dataloader
    dataset = loader.dataset
    if not len(loader) and not isinstance(loader.sampler, InfiniteSampler):
        raise ValueError(
            f'the training has {len(dataset)} images, fewer than one batch: batch_size='
            f'{loader.batch_size} in {runner.world_size} processes, and drop_last leaves out what '
            'remains. Lower train_dataloader.batch_size, or set train_dataloader.drop_last=False.'
        )
    check_labels(dataset)
    check_classes(runner.model, getattr(dataset, 'metainfo', {}).get('classes') or ())
    check_weights_of_parts(runner.model)


def check_classes(model: torch.nn.Module, classes: Sequence[str]) -> None:
    """Refuse heads whose ``num_classes`` is not what the data set has: of hosts and level sets without background.

    Args:
        model: Its ``decode_head`` and ``auxiliary_head`` are looked at, lists of them too.
        classes: Of the data set; nothing is known where the first is not the background.

    Raises:
        ValueError: Names the head.
    """
    if not classes or classes[0] != BACKGROUND:
        return
    parts = dict(bare_model(model).named_children())
    for key in {'decode_head', 'auxiliary_head'} & set(parts):
        several = isinstance(parts[key], torch.nn.ModuleList)
        for i, head in enumerate(parts[key] if several else [parts[key]]):
            foreground = isinstance(head, LevelSetHead) or hasattr(head, 'activation')
            if not foreground and (key == 'auxiliary_head' or isinstance(head, MapsOnly)):
                continue  # edges, or an affinity network, which has no classes
            expected = len(classes) - foreground
            got = getattr(head, 'num_classes', expected)
            if got != expected and (got, expected) != (1, 2):  # one channel for two classes
                raise ValueError(
                    f'model.{key}{f"[{i}]" if several else ""}.num_classes={got}, and the data set has '
                    f'{len(classes)} classes, background included, of which this head counts {expected}; set it '
                    f'to {expected}, or give the data set the classes it should have (metainfo)'
                )


def check_weights_of_parts(model: torch.nn.Module) -> None:
    """Refuse a file of ``init_cfg`` that has no tensor of its part, which would start from random numbers.

    A part that loads its weights in a way of its own knows better, and an address is looked at when it is loaded.

    Raises:
        ValueError: Names the part, the file and the prefix that its tensors have there, if they do.
    """
    for name, part in bare_model(model).named_modules():
        usual = getattr(type(part), 'init_weights', None) is BaseModule.init_weights
        init = part.init_cfg if usual else None
        for one in init if isinstance(init, list) else [init]:
            given = (
                one if isinstance(one, dict) and str(one.get('type')).endswith('Pretrained') else {}
            )
            path, prefix = str(given.get('checkpoint')), given.get('prefix') or ''
            if not Path(path).expanduser().is_file():
                continue
            state = CheckpointLoader.load_checkpoint(path, 'cpu', logger='silent')
            state = state.get('state_dict', state)
            # as mmengine does, which removes the prefix of wrapped models where no other is given
            keys = list(state) if prefix else [key for key, _ in plain_tensors(state)]
            own = set(part.state_dict())
            start = f'{prefix.rstrip(".")}.' if prefix else ''
            if any(key.removeprefix(start) in own for key in keys if key.startswith(start)):
                continue
            known = sorted({key[: -len(k)] for key in keys for k in own if key.endswith(f'.{k}')})
            cure = (
                f'its tensors begin with {known[0]!r} there: set init_cfg.prefix to it'
                if known
                else 'give a file of this part, or convert it with tools/model_converters'
            )
            raise ValueError(f'model.{name}.init_cfg: {path} has no tensor of it; {cure}')

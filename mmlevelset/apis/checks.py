"""What is looked at before a long job: paths, sizes and labels that would fail late or in silence."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmcv.transforms import LoadAnnotations, LoadImageFromFile
from mmengine.config import Config
from mmengine.dataset import InfiniteSampler
from mmengine.runner import CheckpointLoader, Runner

from mmlevelset.engine import bare_model, unfit_tensors
from mmlevelset.evaluation import SeedMetric
from mmlevelset.fileio.checkpoints import SAFETENSORS
from mmlevelset.models.seeds import level_set_of

VOID = 255  # label of pixels that train nothing


def check_config(cfg: Config, task: str) -> None:
    """Refuse a config whose files or sizes would fail only when they are used.

    Args:
        cfg (Config): Of a training or a test.
        task (str): ``train`` or ``test``.

    Raises:
        FileNotFoundError: A checkpoint of it does not exist.
        ValueError: It has no data for the task, or a wrong size of a batch.
    """
    loader = f'{task}_dataloader'
    if not cfg.get(loader):
        raise ValueError(
            f'{cfg.filename} has no {loader}: it is no config to {task} with; give one that inherits '
            'a data set of configs/_base_/datasets'
        )
    size = cfg[loader].get('batch_size')
    if size is not None and (not isinstance(size, int) or size < 1):
        raise ValueError(f'{loader}.batch_size must be a whole number of at least 1, got {size!r}')
    for name, path in _checkpoints(cfg.to_dict(), task):
        if isinstance(path, str) and '://' not in path and not Path(path).expanduser().is_file():
            raise FileNotFoundError(
                f'{name}: no checkpoint at {path!r}; there are {_near(path)}. A training writes '
                'epoch_N.pth or iter_N.pth into its work folder.'
            )


def _checkpoints(cfg: dict[str, Any], task: str) -> Iterator[tuple[str, Any]]:
    """Name and path of every checkpoint that a config loads."""
    yield 'load_from', cfg.get('load_from')
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
        ValueError: Weights are missing, of another shape or not finite; names some.
    """
    state = CheckpointLoader.load_checkpoint(checkpoint, 'cpu', logger='silent')
    check_tensors(bare_model(runner.model), state, checkpoint)


def check_tensors(model: torch.nn.Module, state: Any, checkpoint: str) -> None:
    """Refuse what a checkpoint file holds where it does not fill a model, see :func:`check_weights`.

    Args:
        model: To be filled.
        state: Content of the file.
        checkpoint: Its name, for the errors.

    Raises:
        ValueError: Weights are missing, of another shape or not finite; names some.
    """
    state = state.get('state_dict', state) if isinstance(state, dict) else {}
    unfit = unfit_tensors(model.state_dict(), state)
    if unfit:
        raise ValueError(
            f'{checkpoint} has no weights for {len(unfit)} entries of the model, e.g. '
            f'{"; ".join(unfit[:3])}; give the config it was trained with, or convert it with '
            'tools/model_converters'
        )
    tensors = {key: value for key, value in state.items() if isinstance(value, torch.Tensor)}
    broken = [key for key, value in tensors.items() if not value.isfinite().all()]
    if broken:
        raise ValueError(
            f'{checkpoint}: {len(broken)} of {len(tensors)} tensors are not finite, e.g. {broken[0]}, so '
            'its predictions mean nothing; give an older checkpoint of the training, or train again'
        )


def state_backgrounds(runner: Runner, checkpoint: str) -> None:
    """Let ``meta.json`` of exported seeds say which backgrounds ``'auto'`` had found in the training.

    Args:
        runner (Runner): Built from the config of the test.
        checkpoint (str): File or address.
    """
    head = level_set_of(bare_model(runner.model))
    state = CheckpointLoader.load_checkpoint(checkpoint, 'cpu', logger='silent')
    state = state.get('state_dict', state)
    found = [v for k, v in state.items() if k.endswith('auto_background.histogram')]
    if head is None or head.auto_background is None or not found:
        return
    head.auto_background.histogram.copy_(found[0])
    values = head.auto_background().tolist()
    for metric in runner.test_evaluator.metrics:
        if isinstance(metric, SeedMetric):
            names = metric.classes[1:]
            metric.source['backgrounds'] = {
                name: round(value, 3) for name, value in zip(names, values, strict=True)
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
    _check_labels(dataset)


def _check_labels(dataset: Any) -> None:
    """Read label maps, spread over a data set, until they show two classes."""
    steps = getattr(getattr(dataset, 'pipeline', None), 'transforms', ())
    # Nothing that draws random numbers, which would change the training.
    load = [step for step in steps if isinstance(step, LoadImageFromFile | LoadAnnotations)]
    if not any(isinstance(step, LoadAnnotations) for step in load):
        return
    classes: set[int] = set()
    # Far apart first: neighbours are often alike.
    for index in np.random.RandomState(0).permutation(len(dataset)):
        loaded = dataset.get_data_info(int(index))
        path = loaded['seg_map_path']
        for step in load:
            loaded = step(loaded)
        classes |= set(np.unique(loaded['gt_seg_map']).tolist()) - {VOID}
        if len(classes) > 1:
            return
    what = f'class {classes.pop()} alone' if classes else f'void ({VOID}) alone'
    raise ValueError(
        f'{Path(path).parent}: all {len(dataset)} label maps of the training show {what}, so there is '
        'nothing to learn. Look at how they were made: the threshold of tools/make_pseudo_labels.py or '
        'tools/refine.py, and the seeds.'
    )

"""What tools/train.py and tools/test.py do around mmengine's Runner."""

import argparse
import gc
import logging
import os
from contextlib import nullcontext
from numbers import Real
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import barrier, is_distributed, master_only
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmlevelset import compat
from mmlevelset.apis.checks import check_config, check_training
from mmlevelset.apis.label_folder import source
from mmlevelset.apis.resume import set_resume
from mmlevelset.config import add_options, read_config
from mmlevelset.fileio.atomic import write_json
from mmlevelset.fileio.conventions import CONVENTIONS
from mmlevelset.fileio.lock import folder_lock
from mmlevelset.fileio.versions import versions

# Where a launcher tells a process its number, before mmengine reads it there.
RANKS = dict(pytorch='RANK', slurm='SLURM_PROCID', mpi='OMPI_COMM_WORLD_RANK')
STATED = ('split', 'gt_dir', *CONVENTIONS)  # of the data set, beside every result


def add_arguments(parser: argparse.ArgumentParser, launcher: bool = True) -> None:
    """Add the arguments that the command lines share.

    Args:
        parser (ArgumentParser): Gets ``config``, ``--work-dir`` and ``--cfg-options``.
        launcher (bool): Add ``--launcher`` as well.
    """
    parser.add_argument('config', help='config file, or the name of one of ours')
    parser.add_argument('--work-dir', help="folder of all outputs, instead of the config's")
    add_options(parser)
    if launcher:
        choices = ['none', 'pytorch', 'slurm', 'mpi']
        parser.add_argument('--launcher', choices=choices, default='none', help='job launcher')


def load_config(
    path: str,
    work_dir: str | None = None,
    launcher: str = 'none',
    cfg_options: dict[str, Any] | None = None,
) -> Config:
    """Read a config and make it ready for :func:`build_runner` on this machine.

    Args:
        path (str): The file.
        work_dir (str, optional): Comes before the config's ``work_dir``, which comes before
            ``work_dirs/<name of the config>``.
        launcher (str): ``none``, ``pytorch``, ``slurm`` or ``mpi``.
        cfg_options (dict, optional): Dotted keys and their values, merged over the config.

    Returns:
        Config: with ``launcher`` and ``work_dir`` set.

    Raises:
        FileNotFoundError: The config does not exist.
        ValueError: The launcher cannot run on this machine.
    """
    cfg = read_config(path, cfg_options)
    cfg.launcher = launcher
    cfg.work_dir = work_dir or cfg.get('work_dir') or str(Path('work_dirs') / Path(path).stem)
    compat.setup(cfg)
    return cfg


def build_runner(cfg: Config) -> Runner:
    """Build mmengine's Runner; data sets of tests state what they are, see ``VOCImageLabelDataset``."""
    for key in ('val_dataloader', 'test_dataloader'):
        dataset = (cfg.get(key) or {}).get('dataset') or {}
        if 'ann_file' in dataset:  # not of several data sets, which have no facts in common
            dataset['test_mode'] = True
    # Of a config that does not inherit ours, too.
    always = dict(
        load_guard=dict(type='mmlevelset.LoadGuardHook'), finite=dict(type='mmlevelset.FiniteHook')
    )
    cfg.default_hooks = {**always, **cfg.get('default_hooks', {})}
    runner = Runner.from_cfg(cfg)
    runner.logger.addFilter(_learns)
    return runner


def _learns(record: logging.LogRecord) -> bool:
    """Leave out a line for each frozen parameter, which mmengine's constructor of optimisers writes."""
    return not str(record.msg).endswith('is skipped since its requires_grad=False')


def train(cfg: Config, resume: bool = False) -> None:
    """Train what a config describes, as the only training in its work folder.

    Args:
        cfg (Config): From :func:`load_config`.
        resume (bool): Go on from the last checkpoint in the work folder.

    Raises:
        FileNotFoundError: A checkpoint of the config does not exist.
        ValueError: Another training writes into the folder, or nothing can be trained.
    """
    check_config(cfg, 'train')
    # Of several processes, the first writes.
    first = os.environ.get(RANKS.get(cfg.get('launcher'), ''), '0') == '0'
    with folder_lock(cfg.work_dir) if first else nullcontext():
        wanted = resume or cfg.get('resume') and not cfg.get('load_from')
        if wanted:
            set_resume(cfg)
        old = [] if cfg.get('resume') else sorted(Path(cfg.work_dir).glob('*.pth'))
        runner = build_runner(cfg)
        if old:
            print_log(
                f'{cfg.work_dir} holds checkpoints of another training, e.g. {old[-1].name}, and this one starts '
                'at its beginning: --resume goes on with it, another --work-dir keeps the two apart',
                logger='current',
                level=logging.WARNING,
            )
        if wanted and not cfg.get('resume'):
            print_log(
                f'there is no checkpoint in {cfg.work_dir} to resume: the training starts at its beginning',
                logger='current',
                level=logging.WARNING,
            )
        check_training(runner)
        own = list(runner.model.parameters())
        frozen = sum(not parameter.requires_grad for parameter in own)
        print_log(f'{frozen} of {len(own)} tensors of the model are frozen', logger='current')
        runner.train()


def leave_processes() -> None:
    """Leave the process group of a distributed job, all processes together; nothing without one.

    An interpreter that ends with the group alive may be aborted by a thread of gloo that still
    holds tensors: a job whose results are complete then counts as failed. Call it where the
    runner is out of scope, because a wrapped model must not outlive the group.
    """
    if is_distributed():
        barrier()
        gc.collect()  # a runner and its loops refer to each other
        torch.distributed.destroy_process_group()


def set_tta(cfg: Config) -> None:
    """Test with the config's ``tta_model`` and ``tta_pipeline`` (test-time augmentation).

    Args:
        cfg (Config): Changed in place.

    Raises:
        ValueError: The config has no such two entries.
    """
    missing = [key for key in ('tta_model', 'tta_pipeline') if key not in cfg]
    if missing:
        raise ValueError(f'--tta needs {missing} in the config; inherit or define them.')
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    cfg.tta_model.module = cfg.model
    cfg.model = cfg.tta_model


def set_seed_folder(cfg: Config, folder: str) -> None:
    """Let the test evaluator's SeedMetric write seeds.

    Args:
        cfg (Config): Changed in place.
        folder (str): Where ``<id>.npz`` and ``meta.json`` go.

    Raises:
        ValueError: The test evaluator has no SeedMetric.
    """
    metrics = cfg.get('test_evaluator', [])
    metrics = metrics if isinstance(metrics, list) else [metrics]
    metrics = [m for m in metrics if str(m.get('type')).split('.')[-1] == 'SeedMetric']
    if not metrics:
        raise ValueError(
            "--out writes seeds: test_evaluator needs a dict(type='mmlevelset.SeedMetric'); "
            'for label maps of a segmentation model give --labels-only in its place'
        )
    for metric in metrics:
        metric.update(out_dir=folder, source=source(cfg))


def set_show_folder(cfg: Config, folder: str) -> None:
    """Draw the predictions of the test images.

    Args:
        cfg (Config): Changed in place.
        folder (str): Where the pictures go.

    Raises:
        ValueError: The config has no visualiser.
    """
    if 'visualizer' not in cfg:
        raise ValueError(
            '--show-dir needs a visualizer in the config; inherit configs/_base_/default_runtime.py, which has one.'
        )
    hooks = dict(cfg.get('default_hooks') or {})
    hooks['visualization'] = dict(
        hooks.get('visualization') or dict(type='SegVisualizationHook'), draw=True
    )
    cfg.default_hooks = hooks
    cfg.visualizer.save_dir = folder


@master_only
def write_metrics(
    path: Path,
    metrics: dict[str, Any],
    config: str,
    checkpoint: str,
    metainfo: dict[str, Any] | None = None,
) -> None:
    """Write the numbers of a test run, and what they were measured with, as one flat JSON object.

    Of several processes, the first writes.

    Args:
        path (Path): The file.
        metrics (dict): As ``Runner.test`` returns them; entries that are no numbers are left out.
        config (str): Path of the config.
        checkpoint (str): Path of the checkpoint.
        metainfo (dict, optional): Of the test data set: its split, folder of masks and conventions
            of the masks are stated.
    """
    numbers = {key: float(value) for key, value in metrics.items() if isinstance(value, Real)}
    metainfo = metainfo or {}
    stated = {key: metainfo[key] for key in STATED if key in metainfo}
    facts = {'config': config, 'checkpoint': checkpoint, **stated, 'versions': versions()}
    write_json(path, {**numbers, **facts})
    text = ', '.join(f'{key} {value}' for key, value in stated.items())
    print_log(f'{path}: {text or "nothing stated of the data"}', logger='current')

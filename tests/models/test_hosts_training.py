"""Every seed config trains: three iterations on a few small images in VOC's layout, without weights.

New leaves under configs/seed are found by themselves. A second process joins for one baseline and
one level-set leaf of every folder.
"""

import json
import math
import os
import socket
import traceback
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import multiprocessing

from mmlevelset.apis import build_runner, load_config
from mmlevelset.fileio.labels import write_label

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SEED = ROOT / 'configs/seed'
# These read other CAMs from trained hosts and train nothing of their own; the level set of CLIP-ES trains
# in test_clip_es.py, since its baseline cannot.
ONLY_READ = ('advcam', 'lpcam', 'clip_es')
LEAVES = sorted(
    str(path.relative_to(SEED)) for path in SEED.glob('*/*.py') if path.parent.name not in ONLY_READ
)
# One of each folder; a baseline of the same name stands beside it.
PAIRS = {
    leaf.split('/')[0]: leaf for leaf in LEAVES if '_levelset_' in leaf and '_paper' not in leaf
}
IMAGES = ('a', 'b', 'c', 'd')
SIDE = 64  # of the crops, in pixels
SIZES = (
    'crop_size',
    'img_size',
    'min_size',
    'scale',
    'scales',
    'size',
)  # keys of lengths in pixels
ITERATIONS = 3
THIN = 8  # ResNet38 has 124 million parameters; its widths are divided by this


def shrink(value: Any, factor: float) -> Any:
    """Lengths divided by ``factor``, however deep they lie in lists."""
    if isinstance(value, list | tuple):
        return type(value)(shrink(item, factor) for item in value)
    return max(1, round(value / factor))


def shrink_all(cfg: Any, factor: float) -> None:
    """Divide all lengths of a config and drop its weights, in place."""
    if isinstance(cfg, dict):
        for key in SIZES:
            if isinstance(cfg.get(key), int | list | tuple):
                cfg[key] = shrink(cfg[key], factor)
        if (cfg.get('init_cfg') or {}).get('type') == 'Pretrained':
            cfg['init_cfg'] = None
    for item in cfg.values() if isinstance(cfg, dict) else cfg:
        if isinstance(item, dict | list | tuple):
            shrink_all(item, factor)


def shrink_host(model: Config) -> None:
    """What differs between the hosts: width, cache and schedule."""
    backbone, head = model.backbone, model.decode_head
    if 'frozen_cache' in backbone:
        backbone.frozen_cache = None
    if backbone.type == 'mmlevelset.ResNet38':
        backbone.base_channels = 64 // THIN
        for part in filter(None, (head, model.get('auxiliary_head'))):
            part.in_channels = shrink(part.get('in_channels', (512, 1024, 4096)), THIN)
    if head.type == 'mmlevelset.MuSCLeHead':
        head.update(imc_begin=0, pixpro_begin=1 / ITERATIONS, emd_begin=2 / ITERATIONS)


def small(
    leaf: str, images: Path, work_dir: Path, launcher: str = 'none', split: str = 'two'
) -> Config:
    """A leaf for a few crops of 64 pixels; every epoch is one iteration."""
    cfg = load_config(str(SEED / leaf), str(work_dir), launcher)
    factor = (cfg.get('crop_size') or cfg.img_scale)[0] / SIDE
    shrink_all(cfg.model, factor)
    shrink_host(cfg.model)
    classes = ['background', *(f'{c}' for c in range(cfg.model.decode_head.num_classes))]
    for loader in filter(None, (cfg.train_dataloader, cfg.get('val_dataloader'))):
        masks = 'seg_map_path' in loader.dataset.get('data_prefix', {})
        shrink_all(loader.dataset.pipeline, factor)
        loader.dataset = dict(
            type='mmlevelset.VOCImageLabelDataset',
            data_root=str(images),
            ann_file=f'{split}.txt',
            image_labels='labels.json',
            data_prefix=dict(seg_map_path='SegmentationClass') if masks else None,
            metainfo=dict(classes=classes),
            pipeline=loader.dataset.pipeline,
        )
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
    length = 'max_iters' if cfg.train_cfg.type == 'IterBasedTrainLoop' else 'max_epochs'
    cfg.train_cfg[length] = ITERATIONS
    # A schedule that would begin after the last iteration cannot be built.
    cfg.param_scheduler = [
        schedule for schedule in cfg.param_scheduler if schedule.get('begin', 0) < ITERATIONS
    ]
    cfg.default_hooks.checkpoint = None
    # mmengine's name is the time in seconds: two short runs would share one log.
    cfg.experiment_name = f'{leaf} {launcher}'
    for key in ('test_dataloader', 'test_evaluator', 'test_cfg'):
        cfg.pop(key)
    # The formatter of the dumped config takes longer than the training.
    return Config(cfg.to_dict(), format_python_code=False)


def write_images(root: Path) -> Path:
    """Four images of a disc each, their labels and masks."""
    (root / 'JPEGImages').mkdir()
    y, x = np.mgrid[:72, :96]
    for number, name in enumerate(IMAGES):
        disc = np.hypot(y - 36, x - 30 - 10 * number) < 20
        picture = np.where(disc[..., None], (60, 120, 220), (90, 90, 90)).astype(np.uint8)
        cv2.imwrite(str(root / f'JPEGImages/{name}.jpg'), picture)
        write_label(root / f'SegmentationClass/{name}.png', disc.astype(np.uint8))
    (root / 'two.txt').write_text('\n'.join(IMAGES[:2]))
    (root / 'four.txt').write_text('\n'.join(IMAGES))
    (root / 'labels.json').write_text(json.dumps(dict(a=[1], b=[1, 3], c=[2], d=[1])))
    return root


@pytest.fixture(scope='module')
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp('voc'))


def losses_of(runner: Runner) -> dict[str, list[float]]:
    """What the training logged, per iteration."""
    scalars = runner.message_hub.log_scalars
    return {key: buffer.data[0].tolist() for key, buffer in scalars.items() if 'loss' in key}


def check_losses(losses: dict[str, list[float]], with_level_set: bool) -> None:
    assert len(losses['train/loss']) == ITERATIONS
    assert all(math.isfinite(value) for values in losses.values() for value in values)
    assert any('aux.loss_sdf' in key for key in losses) == with_level_set


@pytest.mark.parametrize('leaf', LEAVES)
def test_trains(leaf: str, images: Path, tmp_path: Path) -> None:
    """Losses are finite, and both the host and the level set move."""
    cfg = small(leaf, images, tmp_path)
    runner = build_runner(cfg)
    before = {key: p.detach().clone() for key, p in runner.model.named_parameters()}
    runner.train()
    with_level_set = 'auxiliary_head' in cfg.model
    check_losses(losses_of(runner), with_level_set)
    after = dict(runner.model.named_parameters())
    moved = {key.split('.')[0] for key, p in before.items() if not torch.equal(p, after[key])}
    rates = cfg.optim_wrapper.get('paramwise_cfg', {}).get('custom_keys', {})
    still = {part for part, rate in rates.items() if rate.get('lr_mult') == 0}
    assert moved >= {'backbone', *(['auxiliary_head'] if with_level_set else [])} - still
    assert all(p.isfinite().all() for p in after.values())


def train_rank(rank: int, leaves: list[str], images: Path, out: Path, port: int) -> None:
    """One of two processes: train all leaves, one after the other, and note how each ended."""
    torch.set_num_threads(1)
    group = dict(
        RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=2, MASTER_ADDR='127.0.0.1', MASTER_PORT=port
    )
    os.environ.update({key: str(value) for key, value in group.items()}, CUDA_VISIBLE_DEVICES='')
    for number, leaf in enumerate(leaves):
        try:
            cfg = small(leaf, images, out / str(number), 'pytorch', 'four')
            runner = build_runner(cfg)
            runner.train()
            weights = [p.double().sum().item() for p in runner.model.parameters()]
            note = dict(losses=losses_of(runner), weights=weights)
        except Exception:
            note = dict(error=traceback.format_exc())
        (out / f'{number}_{rank}.json').write_text(json.dumps(note))


@pytest.fixture(scope='module')
def notes(tmp_path_factory: pytest.TempPathFactory, images: Path) -> dict[str, list[dict]]:
    """Per leaf, what the two processes noted."""
    out = tmp_path_factory.mktemp('two')
    leaves = [name for leaf in PAIRS.values() for name in (leaf.replace('_levelset', ''), leaf)]
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        port = sock.getsockname()[1]
    multiprocessing.spawn(train_rank, (leaves, images, out, port), nprocs=2)
    return {
        leaf: [json.loads((out / f'{number}_{rank}.json').read_text()) for rank in (0, 1)]
        for number, leaf in enumerate(leaves)
    }


@pytest.mark.parametrize('host', PAIRS)
def test_two_processes(host: str, notes: dict[str, list[dict]]) -> None:
    """No parameter is left without gradient, and both processes hold the same weights."""
    for leaf in (PAIRS[host].replace('_levelset', ''), PAIRS[host]):
        first, second = notes[leaf]
        assert 'error' not in first, first['error']
        assert 'error' not in second, second['error']
        check_losses(first['losses'], '_levelset_' in leaf)
        assert first['losses'] != second['losses']  # other images
        assert first['weights'] == second['weights']

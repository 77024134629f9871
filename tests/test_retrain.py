"""Retraining on a handful of small images: training, inference with everything on, the archive."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from PIL import Image

from mmlevelset.apis import build_runner, load_config, set_label_folder, set_tta
from mmlevelset.evaluation.submission import check_voc_archive, write_voc_archive
from mmlevelset.fileio.labels import write_label
from mmlevelset.fileio.output import finished_ids

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
IDS = [f'2007_00000{i}' for i in range(4)]
CROP = (65, 65)
LARGE_FOV = dict(
    backbone=dict(base_channels=4, init_cfg=None),
    decode_head=dict(in_channels=256, channels=8),
)
DEEPLAB = dict(
    backbone=dict(depth=50, base_channels=4, stem_channels=4, init_cfg=None),
    decode_head=dict(in_channels=128),
)


@HOOKS.register_module()
class RecordHook(Hook):
    """Losses and whether the parameters moved, of every iteration."""

    def __init__(self) -> None:
        self.losses, self.moved, self.last = [], [], None

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        now = torch.cat([p.detach().flatten() for p in runner.model.decode_head.parameters()])
        self.losses.append(float(outputs['loss']))
        self.moved.append(self.last is not None and not torch.equal(now, self.last))
        self.last = now


@pytest.fixture(scope='module')
def data(tmp_path_factory) -> Path:
    """Photographs smaller and larger than the crop; pseudo-labels of two classes and 255."""
    root, rng = tmp_path_factory.mktemp('voc'), np.random.RandomState(0)
    (root / 'images').mkdir()
    for number, name in enumerate(IDS):
        height, width = 50 + 15 * number, 70
        coarse = rng.randint(0, 255, (height // 10, width // 10, 3)).astype(np.uint8)
        Image.fromarray(coarse).resize((width, height)).save(root / f'images/{name}.jpg')
        label = np.zeros((height, width), np.uint8)
        label[10:30, 10:40], label[30:34] = number + 1, 255
        write_label(root / f'labels/{name}.png', label)
    (root / 'ids.txt').write_text('\n'.join(IDS))
    return root


def shrunk(name: str, data: Path, work_dir: Path, model: dict):
    """The config at a fraction of its width, on the data, for four iterations."""
    cfg = load_config(str(ROOT / f'configs/retrain/{name}.py'), str(work_dir))
    cfg.merge_from_dict(dict(model=dict(model, data_preprocessor=dict(size=CROP))))
    for step in cfg.train_dataloader.dataset.pipeline:
        if step.type == 'RandomCrop':
            step.crop_size = CROP
    for split in ('train', 'test'):
        loader = cfg[f'{split}_dataloader']
        loader.update(num_workers=0, persistent_workers=False, batch_size=1 + (split == 'train'))
        prefix = dict(img_path=str(data / 'images'), seg_map_path=str(data / 'labels'))
        loader.dataset.update(data_root='', ann_file=str(data / 'ids.txt'), data_prefix=prefix)
    cfg.train_cfg.max_iters = 4
    cfg.tta_model.crf.iterations = 1
    cfg.custom_hooks = [dict(type='RecordHook')]
    return cfg


@pytest.mark.parametrize(
    ('name', 'model', 'every'),
    [
        ('largefov_resnet38_mctformer_voc12', LARGE_FOV, 1),
        ('largefov_resnet38_seam_voc12', LARGE_FOV, 1),
        ('deeplabv2_r101_voc12', DEEPLAB, 2),
    ],
)
def test_training(name: str, model: dict, every: int, data, tmp_path) -> None:
    """Finite losses; DeepLab-V2 moves with every second batch only."""
    runner = build_runner(shrunk(name, data, tmp_path, model))
    runner.train()
    (hook,) = (hook for hook in runner.hooks if isinstance(hook, RecordHook))
    assert np.isfinite(hook.losses).all() and len(hook.losses) == 4
    assert hook.moved[1:] == [step % every == every - 1 for step in range(1, 4)]
    assert (tmp_path / 'iter_4.pth').is_file()


def test_inference_and_archive(data, tmp_path) -> None:
    """All scales and the CRF; without ground truth the label maps go into the archive."""
    cfg = shrunk('largefov_resnet38_mctformer_voc12', data, tmp_path / 'scored', LARGE_FOV)
    set_tta(cfg)
    scores = build_runner(cfg).test()
    assert 0 <= scores['mIoU'] <= 100 and 0 <= scores['boundary_f/mF'] <= 100
    assert cfg.model['merge'] == 'max' and len(cfg.img_ratios) == 5

    cfg = shrunk('largefov_resnet38_mctformer_voc12', data, tmp_path / 'labels', LARGE_FOV)
    set_tta(cfg)
    set_label_folder(cfg, str(tmp_path / 'out'))
    build_runner(cfg).test()
    assert finished_ids(tmp_path / 'out', '.png') == sorted(IDS)
    write_voc_archive(tmp_path / 'out', tmp_path / 'a.tgz', IDS, data / 'images')
    check_voc_archive(tmp_path / 'a.tgz', IDS, data / 'images')

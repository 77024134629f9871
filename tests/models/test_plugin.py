"""The unchanged LevelSetHead on stock models of mmsegmentation, by config."""

from pathlib import Path

import pytest
import torch
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmlevelset.config import read_config
from mmlevelset.models import LevelSetHead

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted((ROOT / 'configs/plugin').glob('*.py'))
SIZE = (64, 64)


def build(path: Path) -> torch.nn.Module:
    """The config's model at 64 x 64 on one process; UPerNet and FCN have needlessly wide heads."""
    cfg = read_config(str(path))
    cfg.model.data_preprocessor.size = SIZE
    if isinstance(cfg.model.decode_head, dict):
        cfg.model.decode_head.channels = 64
    init_default_scope(cfg.default_scope)
    return revert_sync_batchnorm(MODELS.build(cfg.model))


def batch() -> dict:
    """Two noisy images: a square of class 3, and squares of classes 1 and 20."""
    inputs, samples = [], []
    for classes in ((3,), (1, 20)):
        mask, label = torch.zeros(1, *SIZE, dtype=torch.int64), torch.zeros(20)
        for i, c in enumerate(classes):
            mask[:, 10 + 25 * i : 30 + 25 * i, 10:40] = c
            label[c - 1] = 1
        inputs.append((torch.rand(3, *SIZE) * 60 + mask * 9).to(torch.uint8))
        samples.append(
            SegDataSample(
                metainfo=dict(img_label=label.numpy(), img_shape=SIZE, ori_shape=SIZE),
                gt_sem_seg=PixelData(data=mask),
            )
        )
    return dict(inputs=inputs, data_samples=samples)


def test_seven_models():
    assert len(CONFIGS) == 7


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_one_step(path):
    """Host losses do not notice the head; one step moves the host, f_LSI, f_LSE and the CAM."""
    model = build(path)
    model.train()
    head = model.auxiliary_head[-1]
    assert type(head) is LevelSetHead
    data = model.data_preprocessor(batch(), training=True)

    torch.manual_seed(1)  # dropout and drop path
    losses = model.loss(**data)
    torch.manual_seed(1)
    with_head = model.auxiliary_head
    model.auxiliary_head = with_head[:-1]
    alone = model.loss(data['inputs'], data['data_samples'])
    model.auxiliary_head = with_head
    assert 'decode.loss_ce' in alone or 'decode_1.loss_ce' in alone
    for name, value in alone.items():
        torch.testing.assert_close(losses.pop(name), value, rtol=0, atol=0)
    prefix = f'aux_{len(with_head) - 1}.'
    assert all(name.startswith(prefix) for name in losses)
    assert {f'{prefix}loss_cls', f'{prefix}loss_sdf', f'{prefix}loss_energy_edge'} <= losses.keys()

    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.01))
    logs = model.train_step(batch(), wrapper)
    assert all(torch.isfinite(value).all() for value in logs.values())
    assert logs[f'{prefix}loss_sdf'] > 0 and logs[f'{prefix}loss_energy_edge'] > 0
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    ours = f'auxiliary_head.{len(with_head) - 1}'
    for part in (
        f'{ours}.initialiser.laterals.0.weight',
        f'{ours}.initialiser.fuse.0.weight',
        f'{ours}.conv_seg.weight',
        f'{ours}.evolution.project.weight',
        f'{ours}.cam_head.conv_seg.weight',
    ):
        assert part in moved
    assert any(name.startswith('backbone') for name in moved)


def test_gradient_reaches_the_backbone():
    """phi^0 hangs on the stock backbone: the SDF loss alone moves its first layer."""
    model = build(ROOT / 'configs/plugin/segformer_mit-b0_levelset_voc12.py')
    losses = model.loss(**model.data_preprocessor(batch(), training=True))
    losses['aux_0.loss_sdf'].backward()
    assert model.backbone.layers[0][0].projection.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in model.decode_head.parameters())
    assert all(p.grad is None for p in model.auxiliary_head[0].cam_head.parameters())

"""LargeFOVHead against the official networks of MCTformer's and SEAM's re-training.

tests/data/large_fov.npz was recorded from xulianuwa/MCTformer (commit 0acc27a, seg/network) and
YudeWang/semantic-segmentation-codebase (13b92f0, deeplabv1 on one convolution as backbone), with
dropout off, filled and fed with the deterministic numbers of ``tests/models/official.py``.
"""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS, init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmlevelset.apis import convert_state_dict
from mmlevelset.config import read_config
from mmlevelset.models import LargeFOVHead
from tests import numerics
from tests.models.official import filled, image, label_map

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = np.load(ROOT / 'tests/data/large_fov.npz')
rename = runpy.run_path(str(ROOT / 'tools/model_converters/largefov_resnet38.py'))['rename']


def official_state(variant: str) -> dict[str, Tensor]:
    rows = (row.split(' ') for row in GOLDEN[f'{variant}_keys'])
    shapes = {k: () if s == 'scalar' else tuple(map(int, s.split('x'))) for k, s in rows}
    return {key: filled(key, shape) for key, shape in shapes.items()}


NARROW = dict(
    backbone=dict(base_channels=2, init_cfg=None), decode_head=dict(in_channels=128, channels=4)
)


def config(variant: str, **model):
    cfg = read_config(str(ROOT / f'configs/retrain/largefov_resnet38_{variant}_voc12.py'))
    init_default_scope('mmseg')
    cfg.merge_from_dict(dict(model=dict(backbone=dict(init_cfg=None)) | model))
    return cfg


def samples(labels: Tensor) -> list[SegDataSample]:
    return [SegDataSample(gt_sem_seg=PixelData(data=label[None])) for label in labels]


def assert_gradients(net: nn.Module, variant: str, frozen: str | None = None) -> None:
    """Norms of all gradients; batch norms that no official optimiser holds are frozen here."""
    ours, recorded = dict(net.named_parameters()), {}
    expected = zip(GOLDEN[f'{variant}_grad_keys'], GOLDEN[f'{variant}_grad_norms'], strict=True)
    for key, norm in expected:
        name = rename(str(key))
        if frozen and frozen in str(key):
            assert not ours[name].requires_grad
            continue
        recorded[name] = norm
    norms = {k: p.grad.double().norm() for k, p in ours.items() if p.grad is not None}
    numerics.assert_gradients(norms, recorded)


@pytest.mark.slow
def test_mctformer_network_equals_the_official_one() -> None:
    """Logits, loss and every gradient on ResNet38 of full width."""
    net = MODELS.build(config('mctformer').model)
    net.load_state_dict(convert_state_dict(official_state('mctformer'), rename, net.state_dict()))
    net.eval()
    with torch.no_grad():
        logits = net.decode_head(net.extract_feat(image('largefov/eval', 1, 73, 57)))
    numerics.assert_recorded(logits, GOLDEN['mctformer_logits'])
    assert 124.03e6 < sum(p.numel() for p in net.parameters()) < 124.06e6

    x, y = image('largefov/train', 1, 65, 81), label_map('largefov/label', 1, 65, 81)
    loss = net.loss(x, samples(y))['decode.loss_ce']  # eval mode: no dropout; all else is the same
    numerics.assert_recorded(loss, GOLDEN['mctformer_losses'].item(), numerics.SUMS)
    loss.backward()
    assert_gradients(net, 'mctformer')


def test_seam_head_equals_the_official_one() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = nn.ModuleDict(dict(conv=nn.Conv2d(3, 6, 8, stride=8, bias=False)))
            self.decode_head = LargeFOVHead(num_classes=21, in_channels=6, variant='seam')

    net = Net()
    net.load_state_dict(convert_state_dict(official_state('seam'), rename, net.state_dict()))
    net.eval()
    meta = dict(img_shape=(73, 57), pad_shape=(73, 57))
    with torch.no_grad():
        features = [net.backbone['conv'](image('largefov/eval', 1, 73, 57))]
        logits = net.decode_head.predict(features, [meta], {})[..., ::3, ::3]
    numerics.assert_recorded(logits, GOLDEN['seam_logits'])

    net.train()
    net.decode_head.dropout.eval()
    x, y = image('largefov/train', 2, 65, 81), label_map('largefov/label', 2, 65, 81)
    loss = net.decode_head.loss([net.backbone['conv'](x)], samples(y), {})['loss_ce']
    numerics.assert_recorded(loss, GOLDEN['seam_losses'].item(), numerics.SUMS)
    loss.backward()
    assert_gradients(net, 'seam', frozen='bn_')
    for index, key in ((1, 'mean'), (4, 'var')):  # the momentum of 3e-4
        ours = getattr(net.decode_head.convs[index], f'running_{key}')
        numerics.assert_recorded(ours, GOLDEN[f'seam_{key}'], numerics.SUMS)


def test_dropout() -> None:
    """MCTformer has none; SEAM drops half of all values, and not by channels."""
    assert LargeFOVHead(num_classes=3, in_channels=4, channels=8).dropout is None
    head = LargeFOVHead(num_classes=3, in_channels=4, channels=8, variant='seam').train()
    kept = head.dropout(torch.ones(2, 8, 20, 20)) > 0
    share = kept.float().mean((2, 3))
    assert 0.3 < share.min() and share.max() < 0.7


@pytest.mark.parametrize('variant', ['mctformer', 'seam'])
def test_initialisation(variant: str) -> None:
    head = LargeFOVHead(num_classes=21, in_channels=64, channels=64, variant=variant)
    head.init_weights()
    weight, fan_in, fan_out = head.convs[0].weight, 64 * 9, 64 * 9
    std = (2 / (fan_in + fan_out)) ** 0.5 if variant == 'mctformer' else (2 / fan_out) ** 0.5
    assert weight.std().item() == pytest.approx(std, rel=0.02)
    uniform = variant == 'mctformer'
    assert (weight.abs().max().item() <= 3**0.5 * std * 1.0001) == uniform


@pytest.mark.parametrize('variant', ['mctformer', 'seam'])
def test_mctformer_resizes_logits_once(variant: str) -> None:
    """From the map to the image (seg/infer_seg.py); SEAM's network resizes them to the view before."""
    net = MODELS.build(config(variant, **NARROW).model).eval()
    view = image('largefov/view', 1, 48, 64)
    meta = dict(ori_shape=(37, 50), img_shape=(48, 64), pad_shape=(48, 64))
    with torch.no_grad():
        found = net.predict(view, [SegDataSample(metainfo=meta)])[0].seg_logits.data
        logits = net.decode_head(net.extract_feat(view))
        whole = net.predict(view)[0].seg_logits.data  # without samples: the size of the view
        padded = SegDataSample(metainfo=meta | dict(padding_size=[0, 4, 0, 0], img_shape=(48, 60)))
        cut = net.predict(view, [padded])[0].seg_logits.data
    corners = dict(mode='bilinear', align_corners=variant == 'seam')
    view_sized = nn.functional.interpolate(logits, (48, 64), **corners)
    start = logits if variant == 'mctformer' else view_sized
    torch.testing.assert_close(found, nn.functional.interpolate(start, (37, 50), **corners)[0])
    torch.testing.assert_close(whole, view_sized[0])
    expected = nn.functional.interpolate(view_sized[..., :60], (37, 50), **corners)[0]
    torch.testing.assert_close(cut, expected)


def test_unknown_variant() -> None:
    with pytest.raises(ValueError, match="variant='caffe' is unknown; choose one of"):
        LargeFOVHead(num_classes=3, variant='caffe')


@pytest.mark.parametrize(
    ('variant', 'groups'),
    [
        ('mctformer', {(7e-4, 0.0), (7e-3, 0.0)}),
        ('seam', {(1e-3, 5e-4), (1e-2, 5e-4), (2e-2, 0.0)}),
    ],
)
def test_parameter_groups_and_rates(variant: str, groups: set) -> None:
    cfg = config(variant, **NARROW)
    net = MODELS.build(cfg.model)
    optim = build_optim_wrapper(net, cfg.optim_wrapper).optimizer
    found = {
        (round(g['lr'], 9), g['weight_decay'])
        for g in optim.param_groups
        if any(p.requires_grad for p in g['params'])
    }
    assert found == groups
    assert optim.param_groups[0]['momentum'] == (1e-5 if variant == 'mctformer' else 0.9)

    end = cfg.train_cfg.max_iters
    total = end + (variant == 'seam')  # (1 - t / T)^0.9, (1 - t / (T + 1))^0.9
    given = dict(optimizer=optim, begin=0, end=end)  # as the runner fills it in
    schedule = PARAM_SCHEDULERS.build(dict(cfg.param_scheduler[0], **given))
    base = optim.param_groups[0]['initial_lr']
    for step in range(1, 4):
        optim.step()
        schedule.step()
        rate = base * (1 - step / total) ** 0.9
        assert optim.param_groups[0]['lr'] == pytest.approx(rate, rel=1e-9)

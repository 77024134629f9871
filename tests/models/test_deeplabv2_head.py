"""DeepLab-V2 with its multi-scale losses against deeplab-pytorch.

tests/data/deeplabv2.npz was recorded from kazuto1011/deeplab-pytorch (commit 4219467): MSC around
DeepLabV2(21, [3, 4, 23, 3], [6, 12, 18, 24]), batch norms in eval mode, with the deterministic
numbers of ``tests/models/official.py``.
"""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from PIL import Image
from torch import nn

from mmlevelset.apis import convert_state_dict
from mmlevelset.config import read_config
from mmlevelset.models import DeepLabV2Head
from mmlevelset.models.msc import _shrunk
from tests.models.official import filled, image, label_map
from tests.numerics import EPS, MAPS, SUMS, assert_gradients, assert_recorded

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = np.load(ROOT / 'tests/data/deeplabv2.npz')
CONFIG = ROOT / 'configs/retrain/deeplabv2_r101_voc12.py'
rename = runpy.run_path(str(ROOT / 'tools/model_converters/deeplabv2_r101.py'))['rename']


def official_state() -> dict[str, torch.Tensor]:
    rows = (row.split(' ') for row in GOLDEN['keys'])
    return {k: filled(k, () if s == 'scalar' else tuple(map(int, s.split('x')))) for k, s in rows}


def build(**model) -> nn.Module:
    cfg = read_config(str(CONFIG))
    init_default_scope('mmseg')
    cfg.merge_from_dict(dict(model=dict(backbone=dict(init_cfg=None)) | model))
    return MODELS.build(cfg.model)


def samples(labels: torch.Tensor) -> list[SegDataSample]:
    return [SegDataSample(gt_sem_seg=PixelData(data=label[None])) for label in labels]


@pytest.fixture(scope='module')
def net() -> nn.Module:
    model = build()
    model.load_state_dict(convert_state_dict(official_state(), rename, model.state_dict()))
    return model


def test_prediction_equals_the_official_one(net) -> None:
    """The maximum over the scales at the size of the largest logits."""
    x = image('deeplabv2/eval', 1, 73, 97)
    with torch.no_grad():
        logits = net.eval().pyramid(x, net.extract_feat(x))[-1]
        meta = dict(img_shape=(73, 97), pad_shape=(73, 97))
        whole = net.encode_decode(x, [meta])
    golden = GOLDEN['logits']
    assert_recorded(logits, golden)
    assert whole.shape == (1, 21, 73, 97)
    resized = nn.functional.interpolate(torch.tensor(golden), (73, 97), mode='bilinear')
    torch.testing.assert_close(whole, resized, rtol=0, atol=MAPS * EPS * np.abs(golden).max())


def test_losses_and_gradients_equal_the_official_ones(net) -> None:
    net.train()
    x, y = image('deeplabv2/train', 2, 89, 65), label_map('deeplabv2/label', 2, 89, 65)
    losses = net.loss(x, samples(y))
    names = [f'decode.{name}.loss_ce' for name in ('x1', 'x0.5', 'x0.75', 'max')]
    assert_recorded(torch.stack([losses[name] for name in names]), GOLDEN['losses'], SUMS)
    total, _ = net.parse_losses(losses)
    assert_recorded(total, GOLDEN['losses'].sum(), SUMS)  # a sum, no mean
    total.backward()

    parameters, recorded = dict(net.named_parameters()), {}
    for key, norm in zip(GOLDEN['grad_keys'], GOLDEN['grad_norms'], strict=True):
        name = rename(str(key))
        if '.bn.' in key:  # frozen; deeplab-pytorch leaves them out of its optimiser
            assert not parameters[name].requires_grad
        else:
            recorded[name] = norm
    ours = {k: p.grad.double().norm() for k, p in parameters.items() if p.grad is not None}
    assert_gradients(ours, recorded)
    net.zero_grad()


def test_parameter_groups(net) -> None:
    """1, 10 and 20 times the rate; only biases of the head are spared the decay."""
    cfg = read_config(str(CONFIG))
    wrapper = build_optim_wrapper(net, cfg.optim_wrapper)
    names = {id(p): name for name, p in net.named_parameters()}
    for group in wrapper.optimizer.param_groups:
        for p in group['params']:
            name = names[id(p)]
            if p.requires_grad:
                head, bias = 'decode_head' in name, name.endswith('bias')
                times = (20 if bias else 10) if head else 1
                assert group['lr'] == pytest.approx(2.5e-4 * times), name
                assert group['weight_decay'] == (0.0 if head and bias else 5e-4), name
    assert wrapper._accumulative_counts == 2
    assert cfg.train_cfg.max_iters == 2 * 20000


def test_initialisation_is_that_of_the_prototxt() -> None:
    head = DeepLabV2Head(num_classes=21, in_channels=64)
    head.init_weights()
    for conv in head.convs:
        assert conv.weight.std().item() == pytest.approx(0.01, rel=0.03)
        assert not conv.bias.any()
    assert not hasattr(head, 'conv_seg')


@pytest.mark.parametrize('size', [(13, 9), (24, 17), (41, 41)])
def test_labels_shrink_like_pillow(size) -> None:
    y = label_map('shrink', 1, 97, 65)
    ours = _shrunk(samples(y), torch.zeros(1, 2, *size))[0].gt_sem_seg.data[0]
    theirs = Image.fromarray(y[0].numpy().astype(np.uint8)).resize(size[::-1], Image.NEAREST)
    np.testing.assert_array_equal(ours, np.asarray(theirs))


def test_names_of_the_initialisation() -> None:
    """With ``--backbone``: no prefix, no classifier, whatever it was wrapped in."""
    assert rename('layer1.conv1.conv.weight', True) == 'conv1.weight'
    assert (
        rename('module.base.layer5.block3.shortcut.bn.bias', True) == 'layer4.2.downsample.1.bias'
    )
    assert rename('aspp.c1.bias', True) is None and rename('fc.weight', True) is None
    assert rename('aspp.c3.bias') == 'decode_head.convs.3.bias'
    assert rename('fc.weight') == 'fc.weight'  # reported as unknown


def test_command_line_writes_an_initialisation(tmp_path, monkeypatch) -> None:
    """The backbone alone, for ``init_cfg``: without aspp, and with DeepLab-V1's classifier dropped."""
    state = {k.removeprefix('base.'): v for k, v in official_state().items() if 'aspp' not in k}
    torch.save({**state, 'fc.weight': torch.zeros(21, 2048, 1, 1)}, tmp_path / 'init.pth')
    arguments = ['deeplabv2_r101.py', tmp_path / 'init.pth', tmp_path / 'ours.pth', '--backbone']
    monkeypatch.setattr(sys, 'argv', [str(a) for a in arguments])
    runpy.run_path(str(ROOT / 'tools/model_converters/deeplabv2_r101.py'), run_name='__main__')
    init = dict(type='Pretrained', checkpoint=str(tmp_path / 'ours.pth'))
    backbone = build(backbone=dict(init_cfg=init)).backbone
    backbone.init_weights()
    ours = backbone.state_dict()
    assert set(ours) == {rename(key, True) for key in state}
    assert all(torch.equal(ours[rename(key, True)], value) for key, value in state.items())

"""The ResNet-50 CAM host against outputs and gradients of IRN's own network.

tests/data/irn_cam.npz was recorded from jiwoon-ahn/irn (commit a2ece00), filled and fed with the
deterministic numbers of ``tests/models/official.py``.
"""

import math
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmlevelset.apis import convert_checkpoint, convert_state_dict
from mmlevelset.config import read_config
from tests.models.official import filled, image
from tests.numerics import SUMS, assert_gradients, assert_recorded

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs/seed/cam/resnet50_voc12.py'
GOLDEN = np.load(ROOT / 'tests/data/irn_cam.npz')
rename = runpy.run_path(str(ROOT / 'tools/model_converters/irn_cam.py'))['rename']


def official_name(key: str) -> str:
    """IRN's name of our tensor ``key``."""
    if key == 'decode_head.conv_seg.weight':
        return 'classifier.weight'
    return key.replace('backbone.', 'resnet50.')


def official_state(model: torch.nn.Module) -> dict[str, Tensor]:
    """IRN's state_dict, with some of its aliases."""
    names = {official_name(key): value.shape for key, value in model.state_dict().items()}
    state = {name: filled(name, tuple(shape)) for name, shape in names.items()}
    state['newly_added.0.weight'] = state['classifier.weight']
    state['stage1.0.weight'] = state['backbone.0.0.weight'] = state['resnet50.conv1.weight']
    return state


def build() -> torch.nn.Module:
    cfg = read_config(str(CONFIG))
    init_default_scope('mmseg')
    return MODELS.build(cfg.model)


@pytest.fixture(scope='module')
def model() -> torch.nn.Module:
    net = build()
    expected = net.state_dict()
    net.load_state_dict(convert_state_dict(official_state(net), rename, expected))
    return net


@pytest.mark.parametrize(('name', 'shape'), [('square', (2, 224, 224)), ('rect', (1, 141, 190))])
def test_cam_of_irn(model, name, shape):
    """Same class logits and CAM; the odd size has a grid of 9 x 12, so stride 16 rounds up."""
    model.eval()
    with torch.no_grad():
        feats = model.extract_feat(image(f'irn/{name}', *shape))
        logits = model.decode_head(feats).mean((2, 3))
        cam = model.decode_head.activation(feats)
    assert_recorded(logits, GOLDEN[f'{name}_logits'])
    assert_recorded(cam, GOLDEN[f'{name}_cam'])


def test_flip_of_irn(model):
    """IRN's two-view CAM is the sum of the CAM and of the flipped CAM of the flipped image."""
    model.eval()
    x = image('irn/rect', 1, 141, 190)
    with torch.no_grad():
        cam, flipped = (
            model.decode_head.activation(model.extract_feat(view)) for view in (x, x.flip(3))
        )
    assert_recorded(cam + flipped.flip(3), GOLDEN['rect_cam_flip_summed'])


def test_gradients_of_irn(model):
    """Same loss and gradient of every parameter: nothing below layer3, BN affine above it."""
    model.train()
    model.zero_grad()
    samples = [SegDataSample(metainfo=dict(img_label=y)) for y in GOLDEN['train_labels']]
    losses = model.loss(image('irn/train', 2, 128, 128), samples)
    losses['decode.loss_cls'].backward()
    assert_recorded(losses['decode.loss_cls'], GOLDEN['train_loss'], SUMS)
    norms = {
        official_name(key): math.nan if p.grad is None else p.grad.double().norm().item()
        for key, p in model.named_parameters()
    }
    assert set(norms) == set(GOLDEN['train_grad_names'])
    recorded = zip(GOLDEN['train_grad_names'], GOLDEN['train_grad_norms'], strict=True)
    assert_gradients(norms, dict(recorded))
    assert not any(m.training for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d))


def test_converter_lists_every_problem(model):
    """Unknown, missing and mis-shaped tensors come in one error."""
    state = official_state(model)
    del state['resnet50.layer3.0.bn1.bias']
    state['resnet50.fc.weight'] = torch.zeros(1000, 2048)
    state['classifier.weight'] = torch.zeros(80, 2048, 1, 1)
    with pytest.raises(ValueError) as error:
        convert_state_dict(state, rename, model.state_dict())
    for part in (
        'missing: backbone.layer3.0.bn1.bias',
        'unknown: resnet50.fc.weight',
        'classifier.weight is (80, 2048, 1, 1), expected (20, 2048, 1, 1)',
    ):
        assert part in str(error.value)
    assert str(error.value).count('layer') == 1


def test_converted_file(model, tmp_path):
    """What the tool writes loads into the config's model."""
    torch.save(official_state(model), tmp_path / 'irn.pth')
    convert_checkpoint(tmp_path / 'irn.pth', tmp_path / 'ours.pth', CONFIG, rename)
    file = torch.load(tmp_path / 'ours.pth', weights_only=True)
    converted, names = file['state_dict'], file['meta']['dataset_meta']['classes']
    # mmsegmentation would guess the names from their number, 20: those of another data set.
    assert len(names) == 21 and names[:2] == ['background', 'aeroplane']
    build().load_state_dict(converted)  # strict
    assert torch.equal(converted['backbone.conv1.weight'], model.backbone.conv1.weight)
    with pytest.raises(FileNotFoundError, match='download'):
        convert_checkpoint(tmp_path / 'none.pth', tmp_path / 'ours.pth', CONFIG, rename)


def test_optimiser_follows_irn(model):
    """lr 0.1, classifier 1.0, weight decay everywhere, and the frozen stages get no update."""
    from mmengine.optim import build_optim_wrapper

    groups = build_optim_wrapper(model, read_config(str(CONFIG)).optim_wrapper).param_groups
    rates = {id(p): (g['lr'], g['weight_decay']) for g in groups for p in g['params']}
    for key, p in model.named_parameters():
        if p.requires_grad:
            assert rates[id(p)] == (1.0 if 'decode_head' in key else 0.1, 1e-4), key
        else:
            assert id(p) not in rates or p.grad is None, key


def test_level_set_on_irn():
    """The level set leaves the host's loss alone and trains through layer3 and layer4 only."""
    cfg = read_config(str(CONFIG.with_name('resnet50_levelset_voc12.py')))
    init_default_scope('mmseg')
    net = MODELS.build(cfg.model)
    net.train()
    inputs = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    samples = [SegDataSample(metainfo=dict(img_label=y)) for y in GOLDEN['train_labels']]
    net.data_preprocessor.size = (64, 64)
    data = net.data_preprocessor(dict(inputs=list(inputs), data_samples=samples), training=True)
    losses = net.loss(**data)
    feats = net.extract_feat(data['inputs'])
    assert (
        losses['decode.loss_cls'] == net.decode_head.loss(feats, data['data_samples'])['loss_cls']
    )
    sum(value for name, value in losses.items() if 'aux.loss' in name).backward()
    for key, p in net.backbone.named_parameters():
        assert (p.grad is not None) == key.startswith(('layer3', 'layer4')), key
    assert net.decode_head.conv_seg.weight.grad is None

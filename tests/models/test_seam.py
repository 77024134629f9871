"""SEAM, and PSA's classifier, against outputs, losses and gradients of the official networks.

tests/data/seam.npz was recorded from YudeWang/SEAM (commit 3212261) and jiwoon-ahn/psa (9493e59),
filled and fed with the deterministic numbers of ``tests/models/official.py``.
"""

import math
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmlevelset.apis import convert_state_dict
from mmlevelset.config import read_config
from mmlevelset.models.heads import seam_head
from mmlevelset.models.heads.pcm import propagate
from tests.models.official import filled, image
from tests.numerics import SUMS, assert_gradients, assert_recorded

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / 'configs/seed/seam'
GOLDEN = np.load(ROOT / 'tests/data/seam.npz')
rename = runpy.run_path(str(ROOT / 'tools/model_converters/seam.py'))['rename']


def official_shapes(host: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors of a published checkpoint."""
    rows = (row.split(' ') for row in GOLDEN[f'{host}_keys'])
    return {key: tuple(map(int, s.split('x'))) if s != 'scalar' else () for key, s in rows}


def official_state(host: str) -> dict[str, Tensor]:
    return {key: filled(key, shape) for key, shape in official_shapes(host).items()}


def build(config: str, **model) -> nn.Module:
    cfg = read_config(str(ROOT / 'configs/seed' / config))
    init_default_scope('mmseg')
    cfg.merge_from_dict(dict(model=model))
    return MODELS.build(cfg.model)


def tiny(config: str = 'seam/resnet38_voc12.py', **model) -> nn.Module:
    """The host at a sixteenth of its width."""
    head = dict(in_channels=(32, 64, 256))
    if 'levelset' in config:
        model['auxiliary_head'] = dict(in_channels=(32, 64, 256))
    model = dict(backbone=dict(base_channels=4, init_cfg=None), decode_head=head, **model)
    return build(config, **model)


@pytest.fixture(scope='module')
def model() -> nn.Module:
    net = build('seam/resnet38_voc12.py')
    state = convert_state_dict(official_state('seam'), rename, net.state_dict())
    net.load_state_dict(state)
    return net


@pytest.fixture(scope='module')
def rect(model) -> list[Tensor]:
    """conv3 to conv6 and the image, of 125 x 171 pixels."""
    conv3 = []
    handle = model.backbone.b4.register_forward_hook(lambda *args: conv3.append(args[-1][1]))
    with torch.no_grad():
        features = model.eval().extract_feat(image('seam/rect', 1, 125, 171))
    handle.remove()
    return [*conv3, *features]


def check_maps(head: nn.Module, features: list[Tensor], name: str, step: int, every: int) -> None:
    with torch.no_grad():
        scores, revised = head.maps(features)
        cam, activation = seam_head.upsample(scores, features), head.activation(features)
    assert_recorded(scores[0, :, ::step, ::step], GOLDEN[f'{name}_fc8'])
    assert_recorded(cam.mean((2, 3))[0], GOLDEN[f'{name}_logits'])
    torch.testing.assert_close(head.classify(features)[0], cam.mean((2, 3))[0, 1:])
    assert_recorded(cam[0, :, ::every, ::every], GOLDEN[f'{name}_cam'])
    revised = seam_head.upsample(revised, features)
    assert_recorded(revised[0, :, ::every, ::every], GOLDEN[f'{name}_rv'])
    assert torch.equal(activation, revised[:, 1:])


def test_maps_of_seam(model, rect):
    """Odd sizes: features, class logits, CAM and revised CAM at the size of the view."""
    for features, (mean, std, low, high) in zip(rect, GOLDEN['rect_stats'], strict=False):
        values = features.double()
        ours = [values.mean(), values.std(unbiased=False), values.min(), values.max()]
        assert_recorded(torch.stack(ours), np.array([mean, std, low, high]))
    check_maps(model.decode_head, rect[1:], 'rect', 1, 7)


def test_square_maps_of_seam(model):
    with torch.no_grad():
        features = model.eval().extract_feat(image('seam/square', 2, 224, 224)[:1])
    check_maps(model.decode_head, features, 'square', 2, 14)


def test_cam_of_psa(model, rect):
    """PSA's classifier has SEAM's features; its converted file makes our CAM host."""
    with torch.device('meta'):
        host = build('cam/resnet38_voc12.py')
    shapes = {k: torch.empty(s, device='meta') for k, s in official_shapes('psa_cls').items()}
    assert convert_state_dict(shapes, rename, host.state_dict()).keys() == host.state_dict().keys()
    head = host.decode_head.to_empty(device='cpu').eval()
    head.load_state_dict({'conv_seg.weight': filled('fc8.weight', (20, 4096, 1, 1))})
    with torch.no_grad():
        scores, cam = head(rect[1:4]), head.activation(rect[1:4])
    assert_recorded(scores.mean((2, 3))[0], GOLDEN['psa_logits'])
    assert_recorded(cam[0], GOLDEN['psa_cam'])


@pytest.mark.slow
def test_losses_and_gradients_of_seam(model):
    """One training step, dropout aside: every loss, and the gradient of every parameter."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.Dropout2d):
            module.eval()
    model.zero_grad()
    samples = [SegDataSample(metainfo=dict(img_label=y)) for y in GOLDEN['labels']]
    losses = model.loss(image('seam/train', 2, 160, 160), samples)
    names = ('loss_cls', 'loss_rvmin', 'loss_er', 'loss_ecr')
    ours = [losses[f'decode.{name}'] for name in names]
    total = sum(value for key, value in losses.items() if 'loss' in key)
    assert_recorded(torch.stack([*ours, total]), GOLDEN['losses'], SUMS)
    total.backward()
    expected = dict(zip(GOLDEN['grad_names'], GOLDEN['grad_norms'], strict=True))
    norms = {
        key: math.nan if p.grad is None else p.grad.double().norm().item()
        for key, p in model.named_parameters()
    }
    assert_gradients(norms, {rename(key): norm for key, norm in expected.items()})
    assert_recorded(model.decode_head.conv_seg.weight.grad.flatten(1)[:, ::16], GOLDEN['grad_fc8'])
    assert_recorded(model.decode_head.f9.weight.grad.flatten(1)[::4, ::4], GOLDEN['grad_f9'])
    assert not any(m.training for m in model.modules() if isinstance(m, nn.BatchNorm2d))


def test_converter_round_trip(model):
    """Our tensors are the published ones, all of them and in their shapes."""
    ours = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    assert ours == {rename(key): shape for key, shape in official_shapes('seam').items()}
    # Files of PyTorch before 0.4.1 lack the counters of batch norms.
    shapes = official_shapes('seam')
    old = {k: torch.empty(s) for k, s in shapes.items() if not k.endswith('num_batches_tracked')}
    assert len(convert_state_dict(old, rename, model.state_dict())) == len(ours)
    del old['f9.weight']
    old['f8_5.weight'] = torch.zeros(1)
    with pytest.raises(
        ValueError, match='(?s)unknown: f8_5.weight.*missing: decode_head.f9.weight'
    ):
        convert_state_dict(old, rename, model.state_dict())


def test_optimiser_of_seam():
    """lr 0.01 (0.1 for the head), weight decay 5e-4, and no momentum to speak of."""
    net = tiny()
    cfg = read_config(str(CONFIGS / 'resnet38_voc12.py'))
    groups = build_optim_wrapper(net, cfg.optim_wrapper).param_groups
    rates = {id(p): group for group in groups for p in group['params']}
    trained = {key: rates[id(p)] for key, p in net.named_parameters() if p.requires_grad}
    assert len(trained) == 39  # the official parameter groups: 35 of the backbone, 4 new
    for key, group in trained.items():
        lr = 0.1 if key.startswith('decode_head') else 0.01
        assert (group['lr'], group['momentum'], group['weight_decay']) == (lr, 5e-4, 5e-4), key
    fixed = read_config(str(CONFIGS / 'resnet38_voc12_fixed.py')).optim_wrapper.optimizer
    assert fixed.lr / (1 - fixed.momentum) == pytest.approx(0.01) and fixed.weight_decay == 5e-4


def test_initialisation_of_seam():
    head = tiny().decode_head.requires_grad_(False)
    head.init_weights()
    bound = math.sqrt(6 / (256 + 21))  # Xavier, uniform
    assert bound * 0.99 < head.conv_seg.weight.abs().max() <= bound
    for layer, fan_in in ((head.f8_3, 32), (head.f8_4, 64)):  # Kaiming, normal
        assert layer.weight.std() == pytest.approx(math.sqrt(2 / fan_in), rel=0.1)
    bound = 4 * math.sqrt(6 / (195 + 192))
    assert bound * 0.99 < head.f9.weight.abs().max() <= bound


def train_step(net: nn.Module, side: int = 48) -> tuple[dict[str, Tensor], list[SegDataSample]]:
    net.train()
    net.data_preprocessor.size = (side, side)
    inputs = list(torch.randint(0, 256, (2, 3, side, side), dtype=torch.uint8))
    samples = [SegDataSample(metainfo=dict(img_label=y)) for y in GOLDEN['labels']]
    data = net.data_preprocessor(dict(inputs=inputs, data_samples=samples), training=True)
    return net.loss(**data), data['data_samples']


def test_paths():
    """The revised CAM trains the correlation module only, the CAM all the rest."""
    net = tiny()
    net.init_weights()
    net.train()
    module = {'decode_head.f8_3.weight', 'decode_head.f8_4.weight', 'decode_head.f9.weight'}
    trained = {key for key, p in net.named_parameters() if p.requires_grad}
    for i, expected in enumerate((trained - module, module)):
        net.zero_grad()
        net.decode_head.maps(net.extract_feat(torch.randn(2, 3, 40, 40)))[
            i
        ].square().sum().backward()
        assert {key for key, p in net.named_parameters() if p.grad is not None} == expected


def test_level_set_on_seam():
    """It adds its losses to SEAM's, sees the CAM at stride 8, and trains through the backbone."""
    net = tiny('seam/resnet38_levelset_voc12.py')
    net.init_weights()
    losses, samples = train_step(net)
    host = {f'decode.loss_{name}' for name in ('cls', 'rvmin', 'er', 'ecr')}
    assert {key for key in losses if 'decode.loss' in key} == host
    assert all(torch.isfinite(value).all() for value in losses.values())
    assert [sample.cam.shape for sample in samples] == [(20, 6, 6)] * 2
    assert all(sample.cam.min() >= 0 and sample.cam.requires_grad for sample in samples)
    sum(value for key, value in losses.items() if 'aux.loss' in key).backward(retain_graph=True)
    assert net.backbone.b3.conv_branch2a.weight.grad.norm() > 0
    assert all(p.grad is None for p in net.decode_head.parameters())
    sum(losses[key] for key in host).backward()
    assert not [k for k, p in net.named_parameters() if p.requires_grad and p.grad is None]


@pytest.mark.parametrize('guide', ['pcm', 'cam'])
def test_guide_of_the_level_set(guide):
    """Of the full view, before any upsampling: the revised CAM, or ReLU of the class scores."""
    net = tiny()
    net.init_weights()
    assert net.decode_head.guide == 'pcm'
    net.decode_head.guide = guide
    net.decode_head.dropout.p = net.backbone.b6.dropout.p = net.backbone.b7.dropout.p = 0
    _, samples = train_step(net)
    inputs = torch.stack([sample.input_image for sample in samples])
    scores, revised = net.decode_head.maps(net.extract_feat(inputs))
    cams = torch.stack([sample.cam for sample in samples])
    assert scores[:, 1:].min() < 0
    expected = revised if guide == 'pcm' else scores.clamp_min(0)
    torch.testing.assert_close(cams, expected[:, 1:])


def test_maps_are_counted_from_the_first():
    with pytest.raises(ValueError, match=r'in_index=\(0, 1, -1\), expected numbers from 0'):
        seam_head.SEAMHead(3, in_index=(0, 1, -1))


def test_unknown_guide():
    with pytest.raises(ValueError, match="guide='sgc' is unknown; choose 'cam' or 'pcm'"):
        seam_head.SEAMHead(20, guide='sgc')


def dense(cam: Tensor, features: Tensor) -> Tensor:
    """The pixel correlation module with the whole matrix."""
    f = features.flatten(2)
    f = f / (f.norm(dim=1, keepdim=True) + 1e-5)
    similarity = torch.einsum('nki,nkj->nij', f, f).relu()
    similarity = similarity / (similarity.sum(1, keepdim=True) + 1e-5)
    return torch.einsum('nci,nij->ncj', cam.flatten(2), similarity).view_as(cam)


@pytest.mark.parametrize('max_elements', [1, 100, 2**25])
def test_propagation(max_elements):
    """The result and its gradient do not depend on how many columns are computed at a time."""
    cam = torch.rand(2, 4, 5, 7, dtype=torch.double, requires_grad=True)
    features = torch.randn(2, 3, 5, 7, dtype=torch.double, requires_grad=True)
    ours, expected = propagate(cam, features, max_elements), dense(cam, features)
    torch.testing.assert_close(ours, expected)
    weight = torch.randn_like(ours)
    for a, b in zip(
        torch.autograd.grad((ours * weight).sum(), (cam, features)),
        torch.autograd.grad((expected * weight).sum(), (cam, features)),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_propagation_of_a_zero_vector_and_of_other_grids():
    cam, features = torch.rand(1, 2, 3, 3), torch.randn(1, 4, 3, 3)
    features[..., 0, 0] = 0  # looks like no pixel, itself included
    assert (propagate(cam, features)[..., 0, 0] == 0).all()
    with pytest.raises(ValueError, match='expected equal N, h and w'):
        propagate(cam, torch.randn(1, 4, 6, 6))


def test_competing_cam():
    """Per channel to its maximum, background 1 - max, and only the best class of a pixel; ties stay."""
    scores = torch.zeros(1, 3, 1, 4)
    scores[0, 0] = 9  # the background channel of the classifier does not count
    scores[0, 1] = torch.tensor([4.0, 1.0, -1.0, 4.0])
    scores[0, 2] = torch.tensor([1.0, 4.0, -1.0, 4.0])
    before = scores.clone()
    cam = seam_head.competing(scores)
    expected = torch.tensor([[[0, 0, 1, 0], [1, 0, 0, 1], [0, 1, 0, 1.0]]])[:, :, None]
    torch.testing.assert_close(cam, expected, atol=2e-5, rtol=0)
    assert torch.equal(scores, before)


def test_pooled_losses():
    """Against a sort: the weakest quarter of the pixels, the largest fifth of the values."""
    maps = torch.randn(2, 3, 5, 6)
    weakest = [sorted(m.amax(0).flatten().tolist())[:7] for m in maps]
    expected = np.maximum(weakest, 0).sum() / (7 * 2)
    assert seam_head.min_pool(maps).item() == pytest.approx(expected, abs=1e-6)
    largest = [sorted(m.abs().flatten().tolist())[-18:] for m in maps]
    assert seam_head.largest(maps, 0.2).item() == pytest.approx(np.mean(largest), rel=1e-5)
    assert seam_head.min_pool(maps[..., :1, :1]).item() == pytest.approx(
        maps[..., 0, 0].amax(1).relu().mean().item()
    )
    assert seam_head.largest(maps[:, :1, :1, :1], 0.2).item() == pytest.approx(
        maps[:, 0, 0, 0].abs().mean().item()
    )

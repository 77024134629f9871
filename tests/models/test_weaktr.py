"""WeakTr against the official network, its losses and its seeds; tests.models.record_weaktr made the data."""

import math
import runpy
from functools import cache

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmlevelset.apis import convert_checkpoint, convert_state_dict
from mmlevelset.config import read_config
from mmlevelset.models.heads.weaktr_head import AttentionFusion
from tests.models.official import filled, image
from tests.models.record_weaktr import KINDS, PRESENT, SHAPES, VIEWS
from tests.models.small_mctformer import CONFIGS, ROOT, SEED, batch, small
from tests.numerics import SUMS, assert_gradients, assert_recorded

GOLDEN = np.load(ROOT / 'tests/data/weaktr.npz')
CONFIG = SEED / 'weaktr/deit-s_voc12.py'
LEVEL_SET = SEED / 'weaktr/deit-s_levelset_voc12.py'
COCO = SEED / 'weaktr/deit-s_90-tokens_coco14.py'
tool = runpy.run_path(str(ROOT / 'tools/model_converters/weaktr.py'))
rename = tool['rename']


def official_state() -> dict[str, Tensor]:
    lines = (line.decode().split() for line in GOLDEN['keys'])
    return {key: filled(key, tuple(map(int, shape.split('x')))) for key, shape in lines}


@cache
def official() -> nn.Module:
    """The config's test-time augmentation with the recorded weights, stochastic depth off."""
    init_default_scope('mmseg')
    cfg = read_config(str(CONFIG))
    cfg.model.backbone.update(drop_path_rate=0, init_cfg=None)
    tta = MODELS.build(dict(cfg.tta_model, module=cfg.model))
    state = convert_state_dict(official_state(), rename, tta.module.state_dict())
    tta.module.load_state_dict(state)
    return tta


@torch.no_grad()
@pytest.mark.parametrize('name', SHAPES)
def test_official_outputs(name: str) -> None:
    """Weights of the heads, logits, and every kind of CAM; grids of 14 x 14, 10 x 13, 10 x 15."""
    model = official().module.eval()
    head = model.decode_head
    feats = model.extract_feat(image(f'weaktr/{name}', *SHAPES[name]))
    golden = {key.split('/')[1]: GOLDEN[key] for key in GOLDEN if key.startswith(f'{name}/')}

    assert_recorded(head.fusion(feats[3], heads=6), golden.pop('heads'))
    logits, scores = head(feats)
    assert_recorded(logits, golden.pop('logits_cls'))
    assert_recorded(head.pool(scores), golden.pop('logits_patch'))
    fused = head.fuse(feats)
    assert_recorded(fused[3][:, ::17, ::3], golden.pop('affinity'))
    for kind in KINDS:
        head.cam_type = kind
        assert_recorded(head.fused_cam(fused)[..., ::3, ::3], golden.pop(f'cam_{kind}'))
        refined = head.activation(feats)[..., ::3, ::3]
        assert_recorded(refined, golden.pop(f'cam_{kind}_refined'))
    head.cam_type = 'fused'
    assert_recorded(head.pool(head.activation(feats)), golden.pop('logits_fine'))
    assert not golden


@torch.no_grad()
def test_official_seeds() -> None:
    """Of an image and of its enlargement, both with their mirror images, as ``--tta`` makes them."""
    tta = official().eval()
    processor = tta.module.data_preprocessor
    label = np.zeros(20, np.float32)
    label[list(PRESENT)] = 1
    data = dict(inputs=[], data_samples=[])
    for i, size in enumerate(VIEWS):
        x = (image(f'weaktr/view{i}', 1, *size)[0] * processor.std + processor.mean).flip(0)  # BGR
        for flip in (False, True):
            meta = dict(img_label=label, ori_shape=VIEWS[0], img_shape=size, flip=flip)
            sample = SegDataSample(metainfo=dict(meta, flip_direction='horizontal'))
            data['inputs'].append([x.flip(2) if flip else x])
            data['data_samples'].append([sample])
    (result,) = tta.test_step(data)
    seeds = result.seg_logits.data[1:]
    assert_recorded(seeds[list(PRESENT), ::5, ::5], GOLDEN['seeds'])
    assert not seeds[label == 0].any()


@pytest.mark.slow
def test_official_training_step() -> None:
    """Losses and the norms of all gradients."""
    model = official().module.train()
    model.zero_grad()
    samples = [SegDataSample(metainfo=dict(img_label=y)) for y in GOLDEN['train/labels']]
    losses = model.loss(image('weaktr/square', *SHAPES['square']), samples)
    losses = [losses[f'decode.loss_{name}'] for name in ('cls', 'patch', 'fine')]
    sum(losses).backward()
    assert_recorded(torch.stack(losses), GOLDEN['train/losses'], SUMS)
    balance = model.decode_head.fusion.balance[2].weight.grad
    assert_recorded(balance, GOLDEN['train/grad_heads'])

    keys = [line.decode().split()[0] for line in GOLDEN['keys']]
    recorded = dict(zip(keys, GOLDEN['train/grad_norms'], strict=True))
    assert all(rename(key) is None for key, norm in recorded.items() if math.isnan(norm))
    recorded = {rename(key): norm for key, norm in recorded.items() if not math.isnan(norm)}
    ours = {key: p.grad.double().norm().item() for key, p in model.named_parameters()}
    assert_gradients(ours, recorded)


def test_converted_file(tmp_path) -> None:
    torch.save({'model': official_state(), 'epoch': 59}, tmp_path / 'official.pth')
    convert_checkpoint(tmp_path / 'official.pth', tmp_path / 'ours.pth', CONFIG, rename)
    converted = torch.load(tmp_path / 'ours.pth', weights_only=True)['state_dict']
    ours = official().module.state_dict()
    assert converted.keys() == ours.keys() and all(torch.equal(converted[k], ours[k]) for k in ours)
    # MCTformer-V2 has the same transformer and no fusion.
    state = {k: v for k, v in official_state().items() if 'fusion' not in k}
    with pytest.raises(ValueError) as error:
        convert_state_dict(state, rename, ours)
    assert str(error.value).count('missing: decode_head.fusion') == 6


@torch.no_grad()
def test_the_90_tokens_of_coco() -> None:
    """Converted for 80 classes, a network of 90 gives the same scores and CAMs, those of unused ids left out.

    The network of 90 is the one that the recorded numbers hold for, with other sizes.
    """
    official_names = {rename(key): key for key in official_state() if rename(key)}
    plain = small(CONFIG, classes=90).eval()
    # Fresh tokens are nearly alike: a wrong order must show.
    for key in ('cls_token', 'pos_embed'):
        torch.nn.init.normal_(getattr(plain.backbone, key))
    state = {
        official_names[key]: value
        for key, value in plain.state_dict().items()
        if key in official_names
    }
    ours = small(COCO, classes=80, spare_tokens=10).eval()
    ours.load_state_dict(convert_state_dict(tool['by_class'](state), rename, ours.state_dict()))

    unused = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
    channels = [id_ - 1 for id_ in range(1, 91) if id_ not in unused]
    images = torch.randn(2, 3, 64, 96)
    feats, all_feats = ours.extract_feat(images), plain.extract_feat(images)
    head, all_heads = ours.decode_head, plain.decode_head
    assert_recorded(head.classify(feats), all_heads.classify(all_feats)[:, channels].numpy())
    assert_recorded(head.activation(feats), all_heads.activation(all_feats)[:, channels].numpy())


@torch.no_grad()
def test_spare_tokens_without_heads() -> None:
    """MCTformer-V2 and +, too: they see what tokens of classes would, and are not given away."""
    for name in ('v2', 'plus'):
        plain = small(CONFIGS[name], classes=6).backbone.eval()
        spare = small(CONFIGS[name], classes=4, spare_tokens=2).backbone.eval()
        spare.load_state_dict(plain.state_dict())
        images = torch.randn(1, 3, 64, 64)
        patches, tokens, attention, affinity = plain(images)
        expected = patches, tokens[:, :, :4], attention[:, :, :4], affinity
        for found, value in zip(spare(images), expected, strict=True):
            assert_recorded(found, value.numpy())


def test_the_published_config_of_coco_has_90_tokens() -> None:
    backbone = read_config(str(COCO)).model.backbone
    assert (backbone.num_classes, backbone.spare_tokens) == (80, 10)
    with pytest.raises(ValueError, match='cls_token is .1, 90, 384., expected .1, 20, 384.'):
        state = {'cls_token': torch.zeros(1, 90, 384)}
        convert_state_dict(tool['by_class'](state), rename, official().module.state_dict())


def test_the_loss_of_the_fine_map_trains_the_fusion_alone() -> None:
    model = small_host().train()
    data = model.data_preprocessor(batch(), training=True)
    model.loss(**data)['decode.loss_fine'].backward()
    for name, p in model.named_parameters():
        assert (p.grad is not None) == name.startswith('decode_head.fusion'), name


@pytest.mark.parametrize('guide', ['fused', 'cam'])
def test_the_guide_of_a_level_set(guide: str) -> None:
    """It is the map of the seeds, with the gradient of S and of the fusion; ``'cam'`` is ReLU(S)."""
    model = small_host(LEVEL_SET).train()
    head = model.decode_head
    head.guide = guide
    data = model.data_preprocessor(batch(), training=True)
    losses = model.loss(**data)
    found = torch.stack([sample.cam for sample in data['data_samples']])
    model.zero_grad()
    found.square().sum().backward(retain_graph=True)
    assert head.conv_seg.weight.grad.any() and model.backbone.cls_token.grad.any()
    assert (head.fusion.balance[0].weight.grad is not None) == (guide == 'fused')
    # the level set moves the transformer, and leaves the classifier and the fusion alone
    model.zero_grad()
    sum(value for key, value in losses.items() if 'aux.loss' in key).backward()
    assert model.backbone.blocks[1].attn.qkv.weight.grad.any()
    assert all(p.grad is None for p in [*head.fusion.parameters(), head.conv_seg.weight])

    feats = model.eval().extract_feat(data['inputs'])
    expected = head.activation(feats) if guide == 'fused' else head(feats)[1].relu()
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ('backbone', 'found'),
    [
        (dict(per_head=False), 'no such attention'),
        (dict(num_heads=4), '4 heads of 2 blocks'),
        (dict(depth=3), '3 heads of 3 blocks'),
    ],
)
def test_a_backbone_that_does_not_fit(backbone: dict, found: str) -> None:
    model, other = small_host(), small(CONFIG, **backbone).backbone
    for feats in (other(torch.zeros(1, 3, 64, 64)), other.eval()(torch.zeros(1, 3, 64, 64))):
        with pytest.raises(ValueError, match=f'3 heads of 2 blocks, got {found}: .*per_head=True'):
            model.decode_head.activation(feats)


def small_host(path=CONFIG) -> nn.Module:
    """Two blocks of three heads, without stochastic depth."""
    return small(path, drop_path_rate=0)


def test_widths_of_the_bottlenecks_are_those_of_aaf():
    """int(width / 8) of AAF.py, which is not 5 for 36 maps; one at least."""
    fusion = AttentionFusion(36, 60)
    assert fusion.judge[0].out_features == 7 and fusion.balance[0].out_features == 4
    assert AttentionFusion(4, 4).balance[0].out_features == 1

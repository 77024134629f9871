"""MCTformer V1, V2 and + against the official networks, and their published weights.

tests/data/mctformer.npz was recorded from xulianuwa/MCTformer (commits 9606597 and 0acc27a), filled
and fed with the deterministic numbers of ``tests/models/official.py``; maps keep every third row
and column, attention rows every 17th query and every third key.
"""

import math
import runpy
from functools import cache

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmlevelset.apis import convert_checkpoint, convert_state_dict
from mmlevelset.config import read_config
from mmlevelset.models.heads.mctformer_head import class_token_contrast
from tests.models.official import filled, image
from tests.models.small_mctformer import CONFIGS, ROOT, small
from tests.numerics import MAPS, ROOTS, SUMS, assert_gradients, assert_recorded

GOLDEN = np.load(ROOT / 'tests/data/mctformer.npz')
SHAPES = dict(square=(2, 224, 224), rect=(1, 160, 208), odd=(1, 171, 250))
CAM_TYPES = dict(fused='fused', mct='attention', patchcam='patch')
tool = runpy.run_path(str(ROOT / 'tools/model_converters/mctformer.py'))


def official_state(variant: str) -> dict[str, Tensor]:
    """The filled official state_dict, unused tensors included."""
    lines = (line.decode().split() for line in GOLDEN[f'{variant}/keys'])
    return {key: filled(key, tuple(map(int, shape.split('x')))) for key, shape in lines}


@cache
def official_model(variant: str) -> nn.Module:
    cfg = read_config(str(CONFIGS[variant])).model
    cfg.backbone.drop_path_rate = 0
    with torch.device('meta'):
        net = MODELS.build(cfg)
    renaming = tool['renaming'](variant)
    state = convert_state_dict(official_state(variant), renaming, net.state_dict())
    net.load_state_dict(state, assign=True)
    return net


@pytest.mark.parametrize('name', SHAPES)
@pytest.mark.parametrize('variant', CONFIGS)
def test_official_outputs(variant, name):
    """Logits, every kind of CAM, the refined CAM and the affinities; grids of 14 x 14, 10 x 13, 10 x 15."""
    model = official_model(variant).eval()
    head, weights = model.decode_head, []
    hooks = [
        block.attn.register_forward_hook(lambda module, args, out: weights.append(out[1].mean(1)))
        for block in model.backbone.blocks
    ]
    with torch.no_grad():
        feats = model.extract_feat(image(f'mct/{name}', *SHAPES[name]))
        logits, scores = head(feats)
    for hook in hooks:
        hook.remove()

    golden = {key.split('/')[2]: GOLDEN[key] for key in GOLDEN if f'{variant}/{name}' in key}
    assert_recorded(logits, golden.pop('cls_logits'))
    for key in [key for key in golden if key.startswith('cam_')]:
        _, kind, layers, *refined = key.split('_')
        head.cam_type, head.num_layers = CAM_TYPES[kind], int(layers)
        cam = (head.activation if refined else head.fused_cam)(feats).detach()
        steps = ROOTS if variant == 'plus' and kind == 'fused' else MAPS  # sqrt(M * S)
        assert_recorded(cam[..., ::3, ::3], golden.pop(key), steps)
    if variant != 'v1':
        patch_logits = head.pool(scores)
        assert_recorded(patch_logits, golden.pop('patch_logits'))
        assert_recorded(feats[3][:, ::17, ::3], golden.pop('patch_attn_rows'))
    if variant == 'plus':
        assert_recorded((logits + patch_logits) / 2, golden.pop('mean_logits'))
        assert_recorded(feats[1].mean(3).transpose(0, 1), golden.pop('all_cls_mean'))
        patches = torch.stack(weights)[:, :, 20:, 20:]
        stats = patches.mean(), patches.std(unbiased=False), patches.min(), patches.max()
        recorded = golden.pop('attn_stats')
        for ours, value in zip(stats, recorded, strict=True):
            assert_recorded(ours, value)
    assert not golden


@pytest.mark.slow
@pytest.mark.parametrize('variant', CONFIGS)
def test_official_training_step(variant):
    """Losses and the norms of all gradients; the training pass computes no attention maps."""
    model = official_model(variant).train()
    model.zero_grad()
    inputs = (
        image('mct/train', 2, 448, 448) if variant == 'plus' else image('mct/square', 2, 224, 224)
    )
    samples = [SegDataSample(metainfo=dict(img_label=y)) for y in GOLDEN['train/labels']]
    losses = model.loss(inputs, samples)
    losses = [
        losses[f'decode.loss_{k}'] for k in ('cls', 'patch', 'cct') if f'decode.loss_{k}' in losses
    ]
    sum(losses).backward()
    expected = GOLDEN[f'{variant}/train/losses']
    if variant == 'plus':
        assert_recorded(
            model.backbone.cls_token.grad[0, :, ::8], GOLDEN['plus/train/grad_cls_token']
        )
    assert_recorded(torch.stack(losses), expected, SUMS)

    rename = tool['renaming'](variant)
    ours = {key: p.grad.double().norm().item() for key, p in model.named_parameters()}
    keys = [line.decode().split()[0] for line in GOLDEN[f'{variant}/keys']]
    recorded = dict(zip(keys, GOLDEN[f'{variant}/train/grad_norms'], strict=True))
    assert all(rename(key) is None for key, norm in recorded.items() if math.isnan(norm))
    recorded = {rename(key): norm for key, norm in recorded.items() if not math.isnan(norm)}
    assert_gradients(ours, recorded)


def test_norms_have_the_eps_of_deit():
    """The parity data cannot tell 1e-6 from PyTorch's 1e-5."""
    norms = [m for m in official_model('plus').modules() if isinstance(m, nn.LayerNorm)]
    assert len(norms) == 24 and all(norm.eps == 1e-6 for norm in norms)


def test_converter_refuses_another_variant():
    with pytest.raises(ValueError) as error:
        expected = official_model('plus').state_dict()
        convert_state_dict(official_state('v2'), tool['renaming']('plus'), expected)
    assert str(error.value).count('missing') == 2 and 'missing: backbone.pos_embed_pat' in str(
        error.value
    )
    with pytest.raises(ValueError, match=r'unknown: pos_embed_cls\n  unknown: pos_embed_pat'):
        expected = official_model('v2').state_dict()
        convert_state_dict(official_state('plus'), tool['renaming']('v2'), expected)


def test_converted_file(tmp_path):
    torch.save({'model': official_state('v2'), 'epoch': 59}, tmp_path / 'official.pth')
    paths = tmp_path / 'official.pth', tmp_path / 'ours.pth', CONFIGS['v2']
    convert_checkpoint(*paths, tool['renaming']('v2'))
    converted = torch.load(tmp_path / 'ours.pth', weights_only=True)['state_dict']
    ours = official_model('v2').state_dict()
    assert converted.keys() == ours.keys() and all(torch.equal(converted[k], ours[k]) for k in ours)


def deit(dims: int = 24) -> dict[str, Tensor]:
    """What DeiT publishes, shrunk to the small host."""
    state = small(CONFIGS['v2'], classes=1).backbone.state_dict()
    state = {key: torch.randn_like(value) for key, value in state.items()}
    state['pos_embed'] = torch.randn(1, 1 + 4 * 4, dims)
    return {**state, 'norm.weight': torch.ones(dims), 'head.weight': torch.ones(1000, dims)}


def test_deit_weights_of_plus():
    """All class tokens are DeiT's, and every cell of the grid of positions becomes 2 x 2."""
    published = deit()
    state = tool['from_deit'](published, 4, separate=True)
    backbone = small(CONFIGS['plus'], img_size=128).backbone
    backbone.load_state_dict(state)  # strict
    for i in range(4):
        assert torch.equal(state['cls_token'][:, i], published['cls_token'][:, 0])
        assert torch.equal(state['pos_embed_cls'][:, i], published['pos_embed'][:, 0])
    grid = published['pos_embed'][0, 1:].view(4, 4, -1)
    doubled = state['pos_embed_pat'][0].view(8, 8, -1)
    for y in range(8):
        for x in range(8):
            assert torch.equal(doubled[y, x], grid[y // 2, x // 2])
    tokens = backbone.eval()(torch.randn(1, 3, 128, 128))[1]
    assert class_token_contrast(tokens, torch.ones(1, 4)).item() == pytest.approx(math.log(4), 1e-4)


def test_deit_weights_of_v2():
    published = deit()
    state = tool['from_deit'](published, 4, separate=False)
    small(CONFIGS['v2']).backbone.load_state_dict(state)  # strict
    assert torch.equal(state['pos_embed'][:, :4], published['pos_embed'][:, :1].expand(1, 4, 24))
    assert torch.equal(state['pos_embed'][:, 4:], published['pos_embed'][:, 1:])

"""MCTformer V1, V2 and + against the official networks, and what our host adds to them.

tests/data/mctformer.npz was recorded from xulianuwa/MCTformer (commits 9606597 and 0acc27a), filled
and fed with the deterministic numbers of ``tests/models/official.py``; maps keep every third row
and column, attention rows every 17th query and every third key.
"""

import math
import runpy
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS, init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmlevelset.apis import convert_checkpoint, convert_state_dict, read_config
from mmlevelset.models.heads.mctformer_head import class_token_contrast, weighted_ranking_pool
from tests.models.official import filled, image

ROOT = Path(__file__).resolve().parents[2]
SEED = ROOT / 'configs/seed'
CONFIGS = dict(
    plus=SEED / 'mctformer_plus/deit-s_voc12.py',
    v2=SEED / 'mctformer/deit-s_v2_voc12.py',
    v1=SEED / 'mctformer/deit-s_v1_voc12.py',
)
LEVEL_SET = SEED / 'mctformer_plus/deit-s_levelset_voc12.py'
GOLDEN = np.load(ROOT / 'tests/data/mctformer.npz')
SHAPES = dict(square=(2, 224, 224), rect=(1, 160, 208), odd=(1, 171, 250))
CAM_TYPES = dict(fused='fused', mct='attention', patchcam='patch')
tool = runpy.run_path(str(ROOT / 'tools/model_converters/mctformer.py'))
init_default_scope('mmseg')


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


def small(path: Path, classes: int = 4, **backbone) -> nn.Module:
    """A host of 2 blocks, 24 channels, for images of 64 x 64."""
    cfg = read_config(str(path)).model
    cfg.data_preprocessor.size = (64, 64)
    sizes = dict(num_classes=classes, img_size=64, embed_dims=24, depth=2, num_heads=3)
    cfg.backbone.update(init_cfg=None, **{**sizes, **backbone})
    cfg.decode_head.update(num_classes=classes, in_channels=24)
    if 'auxiliary_head' in cfg:
        cfg.auxiliary_head.update(num_classes=classes, in_channels=(24,))
    return MODELS.build(cfg)


def batch(labels: list[list[int]] = ((1, 0, 1, 0), (0, 1, 0, 0)), side: int = 64) -> dict:
    inputs = torch.randint(0, 256, (len(labels), 3, side, side), dtype=torch.uint8)
    metas = [dict(img_label=np.array(y, np.float32), ori_shape=(side, side)) for y in labels]
    metas = [dict(meta, img_shape=(side, side)) for meta in metas]
    return dict(inputs=list(inputs), data_samples=[SegDataSample(metainfo=m) for m in metas])


def assert_close(ours: Tensor, golden: np.ndarray, tolerance: float = 1e-4) -> None:
    """Within ``tolerance`` of the largest golden number; sqrt(M * S) at S = 0 has no relative error."""
    assert tuple(ours.shape) == golden.shape
    np.testing.assert_allclose(ours, golden, rtol=0, atol=tolerance * np.abs(golden).max())


@pytest.mark.parametrize('name', SHAPES)
@pytest.mark.parametrize('variant', CONFIGS)
def test_official_outputs(variant, name):
    """Logits, every kind of CAM, the refined CAM and the affinities; grids of 14 x 14, 10 x 13, 10 x 15."""
    model = official_model(variant).eval()
    head, weights = model.decode_head, []
    hooks = [
        block.attn.register_forward_hook(lambda module, args, out: weights.append(out[1]))
        for block in model.backbone.blocks
    ]
    with torch.no_grad():
        feats = model.extract_feat(image(f'mct/{name}', *SHAPES[name]))
        logits, scores = head(feats)
    for hook in hooks:
        hook.remove()

    golden = {key.split('/')[2]: GOLDEN[key] for key in GOLDEN if f'{variant}/{name}' in key}
    assert_close(logits, golden.pop('cls_logits'))
    for key in [key for key in golden if key.startswith('cam_')]:
        _, kind, layers, *refined = key.split('_')
        head.cam_type, head.num_layers = CAM_TYPES[kind], int(layers)
        cam = (head.activation if refined else head.fused_cam)(feats).detach()
        assert_close(cam[..., ::3, ::3], golden.pop(key))
    if variant != 'v1':
        patch_logits = head.pool(scores)
        assert_close(patch_logits, golden.pop('patch_logits'))
        assert_close(feats[3][:, ::17, ::3], golden.pop('patch_attn_rows'))
    if variant == 'plus':
        assert_close((logits + patch_logits) / 2, golden.pop('mean_logits'))
        assert_close(feats[1].mean(3).transpose(0, 1), golden.pop('all_cls_mean'))
        patches = torch.stack(weights)[:, :, 20:, 20:]
        stats = patches.mean(), patches.std(unbiased=False), patches.min(), patches.max()
        np.testing.assert_allclose(torch.stack(stats), golden.pop('attn_stats'), rtol=1e-4)
    assert not golden


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
        assert_close(model.backbone.cls_token.grad[0, :, ::8], GOLDEN['plus/train/grad_cls_token'])
    np.testing.assert_allclose(torch.stack(losses).detach(), expected, rtol=1e-5)

    rename = tool['renaming'](variant)
    ours = {key: p.grad.double().norm().item() for key, p in model.named_parameters()}
    keys = [line.decode().split()[0] for line in GOLDEN[f'{variant}/keys']]
    for key, norm in zip(keys, GOLDEN[f'{variant}/train/grad_norms'], strict=True):
        if math.isnan(norm):
            assert rename(key) is None
        else:
            assert ours.pop(rename(key)) == pytest.approx(norm, rel=1e-4), key
    assert not ours


def test_norms_have_the_eps_of_deit():
    """The parity data cannot tell 1e-6 from PyTorch's 1e-5."""
    norms = [m for m in official_model('plus').modules() if isinstance(m, nn.LayerNorm)]
    assert len(norms) == 24 and all(norm.eps == 1e-6 for norm in norms)


def test_drop_path_grows_linearly():
    model = small(CONFIGS['plus'], depth=3)
    assert [b.drop_path.drop_prob for b in model.backbone.blocks] == pytest.approx([0, 0.05, 0.1])


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


def test_weighted_ranking_pool():
    """Against the sum over ranks, and its two limits."""
    scores = torch.randn(2, 3, 4, 5)
    for n in range(2):
        for c in range(3):
            ranked = sorted(scores[n, c].flatten().tolist(), reverse=True)
            weights = [0.996**j for j in range(20)]
            mean = sum(w * s for w, s in zip(weights, ranked, strict=True)) / sum(weights)
            assert weighted_ranking_pool(scores)[n, c].item() == pytest.approx(mean, abs=1e-6)
    torch.testing.assert_close(weighted_ranking_pool(scores, 1.0), scores.mean((2, 3)))
    torch.testing.assert_close(weighted_ranking_pool(scores, 0.0), scores.amax((2, 3)))


def test_class_token_contrast():
    """Against a cross-entropy per image, layer and present class; an image without label is left out."""
    tokens, labels = torch.randn(3, 2, 4, 6), torch.tensor([[1.0, 0, 1, 1], [0, 1, 0, 0], [0] * 4])
    expected = torch.zeros(3)
    for n in range(2):
        for layer in range(2):
            unit = nn.functional.normalize(tokens[n, layer])
            entropy = nn.functional.cross_entropy(unit @ unit.T, torch.arange(4), reduction='none')
            expected[n] += (entropy * labels[n]).sum() / labels[n].sum() / 2
    torch.testing.assert_close(class_token_contrast(tokens, labels), expected.mean())


def test_refinement_sums_over_the_keys():
    """The refined CAM of patch i is the sum over j of its attention to j times the CAM of j."""
    head = small(CONFIGS['v1']).decode_head
    attention, affinity = torch.rand(1, 2, 4, 2, 3), torch.rand(1, 6, 6)
    feats = torch.randn(1, 24, 2, 3), torch.randn(1, 2, 4, 24), attention, affinity
    cam = attention.sum(1).flatten(2)
    expected = torch.einsum('nij,ncj->nci', affinity, cam).view(1, 4, 2, 3)
    torch.testing.assert_close(head.activation(feats), expected)


@pytest.mark.parametrize(
    ('path', 'losses'),
    [
        (CONFIGS['plus'], {'cls', 'patch', 'cct'}),
        (CONFIGS['v2'], {'cls', 'patch'}),
        (CONFIGS['v1'], {'cls'}),
    ],
    ids=['plus', 'v2', 'v1'],
)
def test_losses_and_prediction(path, losses):
    model = small(path)
    data = model.data_preprocessor(batch(), training=True)
    found = model.loss(**data)
    assert {k for k in found if 'loss' in k} == {f'decode.loss_{name}' for name in losses}
    if 'patch' in losses:
        cam = data['data_samples'][0].cam
        assert cam.shape == (4, 4, 4) and cam.min() >= 0 and cam.requires_grad
    model.eval()
    with torch.no_grad():
        seeds = model.test_step(batch())[0].seg_logits.data
    assert seeds.shape == (4, 64, 64)
    np.testing.assert_allclose(seeds[[0, 2]].amax((1, 2)), 1, atol=1e-3)
    assert not seeds[[1, 3]].any() and not seeds[[0, 2]].amin((1, 2)).any()


def test_seeds_of_two_views_are_the_official_ones():
    """Refine per view, resize, un-flip, add, and stretch every present class from 0 to 1."""
    model = small(CONFIGS['plus']).eval()
    tta = MODELS.build(dict(read_config(str(CONFIGS['plus'])).tta_model, module=model))
    assert (tta.normalise, tta.eps, tta.margin) == ('minmax', 1e-8, 0)
    data = batch([[1, 0, 1, 0]], 72)
    flipped = data['data_samples'][0].clone()
    flipped.set_metainfo(dict(flip=True, flip_direction='horizontal'))
    samples = [data['data_samples'], [flipped]]
    (view,) = data['inputs']
    with torch.no_grad():
        seeds = tta.test_step(dict(inputs=[[view], [view.flip(2)]], data_samples=samples))
        x = (view.flip(0)[None] - model.data_preprocessor.mean) / model.data_preprocessor.std
        cams = [model.decode_head.activation(model.extract_feat(v)) for v in (x, x.flip(3))]
    cams = [nn.functional.interpolate(cam, (72, 72), mode='bilinear')[0] for cam in cams]
    total, seeds = cams[0] + cams[1].flip(2), seeds[0].seg_logits.data
    for c in (0, 2):
        low, high = total[c].min(), total[c].max()
        # an untrained CAM hardly varies, which blows rounding errors up
        expected = (total[c] - low) / (high - low + 1e-8)
        torch.testing.assert_close(seeds[c], expected, rtol=0, atol=1e-3)
    assert not seeds[[1, 3]].any()


def test_user_errors():
    model = small(CONFIGS['plus']).train()
    with pytest.raises(ValueError, match=r'64 x 64 pixels, got \(64, 80\)'):
        model.extract_feat(torch.zeros(1, 3, 64, 80))
    with pytest.raises(ValueError, match='eval mode'):
        model.decode_head.activation(model.extract_feat(torch.zeros(1, 3, 64, 64)))
    for options, message in (
        (dict(variant='v3'), "variant='v3' is unknown"),
        (dict(cam_type='cam'), "cam_type='cam' is unknown"),
        (dict(variant='v1', cam_type='patch'), 'no patch scores'),
    ):
        with pytest.raises(ValueError, match=message):
            MODELS.build(dict(type='mmlevelset.MCTformerHead', num_classes=4, **options))


def rates(path: Path) -> list[float]:
    """Learning rate of every epoch."""
    cfg = read_config(str(path))
    parameter = nn.Parameter(torch.zeros(1))
    epochs, lr = cfg.train_cfg.max_epochs, cfg.optim_wrapper.optimizer.lr
    optimiser = OptimWrapper(torch.optim.SGD([parameter], lr=lr))
    (schedule,) = cfg.param_scheduler
    schedule = PARAM_SCHEDULERS.build(schedule, default_args=dict(optimizer=optimiser, end=epochs))
    found = []
    for _ in range(epochs):
        found.append(optimiser.param_groups[0]['lr'])
        optimiser.step()
        schedule.step()
    return found


def test_learning_rate_of_plus():
    """Two epochs of 1e-6, the largest rate in the seventh, 1.010e-5 in the last."""
    found = rates(CONFIGS['plus'])
    head = [1e-6, 1e-6, 7.05e-6, 1.31e-5, 1.915e-5, 2.52e-5, 3.061e-5]
    np.testing.assert_allclose(found[:7], head, rtol=2e-4)
    assert max(found) == found[6] and found[-1] == pytest.approx(1.010e-5, abs=1e-8)
    assert rates(CONFIGS['v2'])[5] == pytest.approx(1e-6 + 4 / 5 * (6.25e-5 - 1e-6))


def test_weight_decay():
    """Vectors and class tokens have none; the positions have none in V2, but 0.05 in +."""
    for variant, decayed in (('plus', True), ('v2', False)):
        model = small(CONFIGS[variant])
        wrapper = build_optim_wrapper(model, read_config(str(CONFIGS[variant])).optim_wrapper)
        decay = {id(p): g['weight_decay'] for g in wrapper.param_groups for p in g['params']}
        for key, p in model.named_parameters():
            spared = p.ndim == 1 or 'cls_token' in key or 'pos_embed' in key and not decayed
            assert decay[id(p)] == (0 if spared else 0.05), key
        assert wrapper.optimizer.defaults['betas'] == (0.9, 0.999)


def test_level_set_leaves_the_losses_of_the_host_alone():
    """It reads the map of patch tokens, and its gradient reaches all but the patch classifier."""
    model = small(LEVEL_SET, drop_path_rate=0).train()
    data = model.data_preprocessor(batch(), training=True)
    losses = model.loss(**data)
    alone = model.decode_head.loss(model.extract_feat(data['inputs']), data['data_samples'])
    for name in ('loss_cls', 'loss_patch', 'loss_cct'):
        assert losses[f'decode.{name}'] == alone[name]
    sum(value for key, value in losses.items() if 'aux.loss' in key).backward()
    assert model.decode_head.conv_seg.weight.grad is None
    assert all(p.grad is not None for p in model.backbone.parameters())


def _train_rank(rank: int, store: str) -> None:
    """Two steps each; DistributedDataParallel finds parameters without gradient at the second."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group('gloo', f'file://{store}', rank=rank, world_size=2)
    for path in (*CONFIGS.values(), LEVEL_SET):
        torch.manual_seed(0)
        model = MMDistributedDataParallel(small(path))
        optimiser = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.01))
        torch.manual_seed(rank)
        for _ in range(2):
            model.train_step(batch(), optimiser)
        total = torch.stack([p.detach().double().sum() for p in model.parameters()])
        both = [torch.zeros_like(total) for _ in range(2)]
        torch.distributed.all_gather(both, total)
        assert torch.equal(*both) and total.isfinite().all(), path
    torch.distributed.barrier()
    # The reducer must not outlive the process group, whose destructor holds the GIL while it waits
    # for a thread that may want the GIL.
    del model, optimiser
    torch.distributed.destroy_process_group()


def test_two_processes(tmp_path):
    mp.spawn(_train_rank, (str(tmp_path / 'store'),), nprocs=2)

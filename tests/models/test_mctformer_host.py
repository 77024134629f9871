"""What the MCTformer hosts add to the official networks: losses, seeds, schedules, level set, DDP."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS
from mmseg.registry import MODELS
from torch import nn

from mmlevelset.config import read_config
from mmlevelset.models.heads.mctformer_head import (
    class_token_contrast,
    spread,
    weighted_ranking_pool,
)
from tests.models.small_mctformer import CONFIGS, LEVEL_SET, batch, small


def test_drop_path_grows_linearly():
    model = small(CONFIGS['plus'], depth=3)
    assert [b.drop_path.drop_prob for b in model.backbone.blocks] == pytest.approx([0, 0.05, 0.1])


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
    assert not any('cam' in sample for sample in data['data_samples'])  # nobody would read it
    model.eval()
    with torch.no_grad():
        seeds = model.test_step(batch())[0].seg_logits.data[1:]
    assert seeds.shape == (4, 64, 64)
    np.testing.assert_allclose(seeds[[0, 2]].amax((1, 2)), 1, atol=1e-3)
    assert not seeds[[1, 3]].any() and not seeds[[0, 2]].amin((1, 2)).any()


def test_seeds_of_two_views_are_the_official_ones():
    """Refine per view, resize, un-flip, add, and stretch every present class from 0 to 1."""
    model = small(CONFIGS['plus']).eval()
    tta = MODELS.build(dict(read_config(str(CONFIGS['plus'])).tta_model, module=model))
    recipe = tta.recipe
    assert (recipe.normalise, recipe.eps, recipe.margin) == ('minmax', 1e-8, 0)
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
    total, seeds = cams[0] + cams[1].flip(2), seeds[0].seg_logits.data[1:]
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
        (dict(guide='pcm'), "guide='pcm' is unknown; choose one of ('fused', 'cam')"),
        (dict(variant='v1', cam_type='patch'), 'no patch scores'),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
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


def test_maps_keep_single_precision_under_autocast():
    """Tiny products of attentions would underflow in half precision, and ranks weigh by 0.996^j."""
    cam = torch.full((1, 2, 3, 4), 1e-8)
    affinity = torch.full((1, 12, 12), 1e-3)
    with torch.autocast('cpu', torch.float16):
        moved, pooled = spread(cam, affinity), weighted_ranking_pool(cam)
    assert moved.dtype == pooled.dtype == torch.float32
    torch.testing.assert_close(moved, spread(cam, affinity))
    assert (moved > 0).all()
    torch.testing.assert_close(pooled, weighted_ranking_pool(cam))


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


WEAKTR = LEVEL_SET.parents[1] / 'weaktr/deit-s_levelset_voc12.py'
LEVEL_SETS = [LEVEL_SET, LEVEL_SET.parents[1] / 'mctformer/deit-s_v2_levelset_voc12.py']


@pytest.mark.parametrize('path', LEVEL_SETS, ids=['plus', 'v2'])
def test_guide_is_the_map_that_seeds_are_made_from(path):
    """Of one view, without stochastic depth: the maps of training and of the export are equal."""
    model = small(path, drop_path_rate=0).train()
    data = model.data_preprocessor(batch(), training=True)
    model.loss(**data)
    guide = torch.stack([sample.cam for sample in data['data_samples']])
    recipe, labels = model.eval().recipe, torch.tensor([[1.0, 0, 1, 0], [0, 1, 0, 0]])
    recipe = dataclasses.replace(recipe, seed_source='cam')
    with torch.no_grad():
        _, (seeds,) = recipe.maps(model, data['inputs'], [s.metainfo for s in data['data_samples']])
    assert guide.shape == (2, 4, 4, 4) and seeds.amax((2, 3)).gt(0).sum() == 3
    torch.testing.assert_close(guide.detach() * labels[:, :, None, None], seeds)
    # the plain CAM is another map
    model.train().decode_head.guide = 'cam'
    model.loss(**data)
    plain = torch.stack([sample.cam for sample in data['data_samples']])
    scores = model.decode_head(model.extract_feat(data['inputs']))[1]
    torch.testing.assert_close(plain, scores.relu())
    assert (plain / plain.amax() - guide / guide.amax()).abs().max() > 0.1


@pytest.mark.parametrize('path', LEVEL_SETS, ids=['plus', 'v2'])
def test_guide_has_a_graph(path):
    """Through S to the whole backbone, and finite where ReLU(S) is 0."""
    model = small(path, drop_path_rate=0).train()
    data = model.data_preprocessor(batch(), training=True)
    model.loss(**data)
    cams = torch.stack([sample.cam for sample in data['data_samples']])
    assert (model.decode_head(model.extract_feat(data['inputs']))[1] < 0).any()
    cams.square().sum().backward()
    grads = [p.grad for p in [*model.backbone.parameters(), model.decode_head.conv_seg.weight]]
    assert all(grad is not None and grad.isfinite().all() for grad in grads)
    assert sum(grad.norm() for grad in grads) > 0


def test_attentions_in_training_change_nothing_else():
    """They are asked for by a level set alone, have no graph, and leave the tokens as they are."""
    model = small(LEVEL_SET, drop_path_rate=0).train()
    backbone, x = model.backbone, torch.randn(2, 3, 64, 64)
    assert backbone.train_attentions and not small(CONFIGS['plus']).backbone.train_attentions
    patches, tokens, attention, affinity = backbone(x)
    assert not attention.requires_grad and not affinity.requires_grad
    backbone.train_attentions = False
    for found, expected in zip(backbone(x), (patches, tokens), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
    expected = backbone.eval()(x)
    torch.testing.assert_close((attention, affinity), tuple(e.detach() for e in expected[2:]))


def test_root_at_zero():
    """The fused CAM of + is the root itself, but for the gradient where there is nothing."""
    head = small(CONFIGS['plus']).decode_head
    patches = torch.randn(1, 24, 2, 3, requires_grad=True)
    feats = patches, torch.randn(1, 2, 4, 24), torch.rand(1, 2, 4, 2, 3), torch.rand(1, 6, 6)
    expected = (feats[2].mean(1) * head(feats)[1].relu()).sqrt()
    cam = head.fused_cam(feats)
    assert (cam == 0).any() and torch.equal(cam, expected)
    cam.sum().backward()
    assert patches.grad.isfinite().all() and patches.grad.any()
    bad = feats[2].clone().fill_(float('nan'))
    assert head.fused_cam((*feats[:2], bad, feats[3])).isnan().any()  # not hidden


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
    for path in (*CONFIGS.values(), LEVEL_SET, WEAKTR):
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


@pytest.mark.slow
def test_two_processes(tmp_path):
    mp.spawn(_train_rank, (str(tmp_path / 'store'),), nprocs=2)

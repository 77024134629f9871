"""The same object on maps of stride 4, 8 and 16: the same targets, scores and confident labels."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmlevelset.levelset import edge_map, seed_scores
from mmlevelset.models import LevelSetEnergyLoss, LevelSetHead
from mmlevelset.refine.base import with_background

SIDE, STRIDES = 288, (4, 8, 16)
# One level set per image and class, on a ground of texture: an egg, and a rod that is much smaller.
Y, X = torch.meshgrid(torch.arange(SIDE) + 0.5, torch.arange(SIDE) + 0.5, indexing='ij')
EGG = ((X - 130) / 80) ** 2 + ((Y - 150) / 60) ** 2 < 1
ROD = ((X - 200).abs() < 24) & ((Y - 120).abs() < 90)


def run(stride: int, shape: torch.Tensor) -> tuple[LevelSetHead, object, torch.Tensor]:
    """Head, trace and seeds (SIDE, SIDE) of a host whose CAM is the object, learnt perfectly."""
    head = LevelSetHead([4], [0], 8, num_classes=1, loss_energy=None, background=0.5)
    cam = F.interpolate(shape[None, None].float(), scale_factor=1 / stride, mode='area')
    image = (0.2 + 0.6 * shape).expand(1, 3, -1, -1).clone()
    feats, labels = [torch.randn(1, 4, SIDE // stride, SIDE // stride)], torch.ones(1, 1)
    sdf = head.eval().trace(feats, image, cam, labels).sdf
    head.train()
    head.forward = lambda _: (sdf * stride / head.truncate).clamp(-1, 1)
    trace = head.trace(feats, image, cam, labels)
    seeds = head.seeds(feats, image, labels)
    return head, trace, F.interpolate(seeds, (SIDE, SIDE), mode='bilinear')[0]


def confident(scores: np.ndarray) -> dict[str, float]:
    """Shares of the image that PSA's and IRN's labels from level sets are sure of (configs/refine)."""
    low, high = (with_background(scores, alpha=a).argmax(0) for a in (1, 12))
    sure, rest = (with_background(scores, score=s).argmax(0) for s in (0.6, 0.4))
    return dict(
        psa_foreground=(low > 0).mean(),
        psa_background=((low == 0) & (high == 0)).mean(),
        irn_foreground=(sure > 0).mean(),
        irn_background=((sure == 0) & (rest == 0)).mean(),
    )


@pytest.mark.parametrize('shape', [EGG, ROD], ids=['egg', 'rod'])
def test_confident_labels(shape):
    """Within 3 % of the image, although one pixel of stride 16 is a sixth of the rod's width."""
    shares = {stride: confident(run(stride, shape)[2].numpy()) for stride in STRIDES}
    truth = shape.float().mean().item()
    for stride in STRIDES:
        assert abs(shares[stride]['psa_foreground'] - truth) < 0.02, stride
        assert shares[stride]['psa_background'] > 0.4, stride
        for name, share in shares[4].items():
            assert abs(shares[stride][name] - share) < 0.03, (stride, name)


@pytest.mark.parametrize('stride', STRIDES)
def test_scores_span_the_same(stride):
    """From sigmoid(-5) to nearly as much inside, wherever the cut is a distance in the image."""
    head, trace, seeds = run(stride, EGG)
    assert trace.stride == stride
    assert seeds.min() == pytest.approx(seed_scores(torch.tensor(-1.0), 1.0).item(), abs=1e-6)
    # The middle of the egg is 60 pixels from its rim.
    assert seeds.max() == pytest.approx(seed_scores(torch.tensor(60.0), 80.0).item(), abs=0.02)


@pytest.mark.parametrize('shift', [0.0, 8.0, -8.0])
def test_losses(shift):
    """Losses of a level set that is ``shift`` pixels of the image too large, on every stride."""
    found = {}
    for stride in STRIDES:
        head, trace, _ = run(stride, EGG)
        cut = head.truncate / stride
        phi = trace.sdf.clamp(-cut, cut) + shift / stride
        energy = LevelSetEnergyLoss(feature_weight=0.0, edge_weight=1.0, image_weight=1.0)
        data = torch.zeros_like(phi)
        terms = energy(phi, trace.image, data, trace.cam, trace.stride)
        found[stride] = {k: v.item() for k, v in terms.items()}
        found[stride]['sdf'] = head.loss_sdf(phi, trace.sdf, trace.stride).item()
    for stride in (8, 16):
        assert found[stride]['sdf'] == pytest.approx(found[4]['sdf'], abs=2e-4)
        # Areas differ by the pixels of the rim alone.
        assert found[stride]['loss_energy_image'] == pytest.approx(
            found[4]['loss_energy_image'], abs=0.01
        )


def test_edge_share_does_not_grow_with_the_stride():
    """As much of a texture counts as edge at stride 16 as at 4: g is made at 4 px, then averaged."""
    torch.manual_seed(0)
    texture = F.interpolate(torch.rand(1, 3, 36, 36), (SIDE, SIDE), mode='bicubic').clamp(0, 1)
    means = []
    for stride in STRIDES:
        head = LevelSetHead([4], [0], 8, num_classes=1, loss_energy=None)
        phi = torch.zeros(1, 1, SIDE // stride, SIDE // stride)
        pair = torch.zeros(1, dtype=torch.long)
        image, *_ = head.evolve_pairs([torch.randn(1, 4, 18, 18)], texture, phi, (pair, pair))
        means.append(edge_map(image, phi.shape[2:]).mean().item())
    assert means == pytest.approx([means[0]] * 3, abs=1e-6)
    assert 0.1 < means[0] < 0.9

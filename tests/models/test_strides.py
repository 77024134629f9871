"""The same object on maps of stride 4, 8 and 16: the same targets, scores and confident labels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmlevelset.config import read_config
from mmlevelset.fileio.seeds import Seed
from mmlevelset.levelset import edge_map, seed_scores, signed_distance
from mmlevelset.models import LevelSetEnergyLoss, LevelSetHead
from mmlevelset.registry import REFINERS

REFINE = Path(__file__).resolve().parents[2] / 'configs/refine'
SIDE, STRIDES = 288, (4, 8, 16)
# One level set per image and class, on a ground of texture: an egg, and a rod that is much smaller.
Y, X = torch.meshgrid(torch.arange(SIDE) + 0.5, torch.arange(SIDE) + 0.5, indexing='ij')
EGG = ((X - 130) / 80) ** 2 + ((Y - 150) / 60) ** 2 < 1
ROD = ((X - 200).abs() < 24) & ((Y - 120).abs() < 90)
# An evolution has to bring back what level sets are too small by.
EVOLVED = dict(loss_energy=dict(type='mmlevelset.LevelSetEnergyLoss'), zero=0.0)
CLASSICAL = dict(type='mmlevelset.ClassicalEvolution')


def run(
    stride: int, shape: torch.Tensor, missing: float = 0.0, **options: object
) -> tuple[LevelSetHead, object, torch.Tensor]:
    """Head, trace and seeds (SIDE, SIDE) of a host whose CAM is the object, learnt but for ``missing`` pixels."""
    options = dict(dict(loss_energy=None, background=0.5), **options)
    head = LevelSetHead([4], [0], 8, num_classes=1, **options)
    cam = F.interpolate(shape[None, None].float(), scale_factor=1 / stride, mode='area')
    image = (0.2 + 0.6 * shape).expand(1, 3, -1, -1).clone()
    feats, labels = [cam.repeat(1, 4, 1, 1)], torch.ones(1, 1)
    sdf = head.eval().trace(feats, image, cam, labels).sdf
    head.train()
    head.forward = lambda _: ((sdf * stride - missing) / head.truncate).clamp(-1, 1)
    trace = head.trace(feats, image, cam, labels)
    seeds = head.seeds(feats, image, labels).detach()
    return head, trace, F.interpolate(seeds, (SIDE, SIDE), mode='bilinear')[0]


def confident(scores: np.ndarray) -> dict[str, np.ndarray]:
    """Where PSA's and IRN's labels from level sets are sure, by the configs, (SIDE, SIDE) bool.

    No step of their CRF is done, which would find the edges of a made image whatever the scores are.
    """
    psa = read_config(str(REFINE / 'psa-scores_levelset.py')).to_dict()['refiners']
    irn = read_config(str(REFINE / 'irn-labels_levelset.py')).to_dict()['refiner']
    irn['crf']['iterations'] = 0
    image, seed = np.zeros((SIDE, SIDE, 3), np.uint8), Seed(np.array([0]), scores, (SIDE, SIDE))
    low, high = (
        REFINERS.build(psa[name] | dict(iterations=0))(image, seed).argmax(0)
        for name in ('low', 'high')
    )
    label = REFINERS.build(irn)(image, seed)
    return dict(
        psa_foreground=low > 0,
        psa_background=(low == 0) & (high == 0),
        irn_foreground=label[1] > 0,
        irn_background=label[0] > 0,
    )


@pytest.mark.parametrize('shape', [EGG, ROD], ids=['egg', 'rod'])
def test_confident_labels(shape):
    """Sure of what lies as far from the contour as the configs say, to 3 % of the image.

    One pixel of stride 16 is a third of the rod's width.
    """
    distance = signed_distance(shape[None, None], subpixel=True)[0, 0].numpy()
    expected = dict(
        psa_foreground=distance > 0,
        psa_background=distance < -28.1,  # (1 - s)^12 = s at s = 0.147
        irn_foreground=distance > 6.5,
        irn_background=distance < -6.5,
    )
    for stride in STRIDES:
        found = confident(run(stride, shape)[2].numpy())
        for name, where in expected.items():
            assert (found[name] != where).mean() < 0.03, (stride, name)


@pytest.mark.parametrize('shape', [EGG, ROD], ids=['egg', 'rod'])
@pytest.mark.parametrize(
    ('evolution', 'within'),
    [(dict(steps=2), 0.02), (dict(method='drlse', alpha=-1.5), 0.04)],
    ids=['chan_vese', 'drlse'],
)
def test_confident_labels_of_what_evolved(evolution, within, shape):
    """The same labels at every stride, of level sets that were 12 pixels of the image too small.

    More steps of Chan and Vese's would end at the contour of the object, however long they are.
    """
    options = dict(EVOLVED, missing=12.0, evolution=dict(CLASSICAL, **evolution))
    labels = {stride: confident(run(stride, shape, **options)[2].numpy()) for stride in STRIDES}
    still = confident(run(4, shape, missing=12.0, zero=0.0)[2].numpy())
    assert labels[4]['psa_foreground'].sum() > 1.2 * still['psa_foreground'].sum()
    for stride in STRIDES:
        for name, where in labels[4].items():
            assert (labels[stride][name] != where).mean() < within, (stride, name)


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

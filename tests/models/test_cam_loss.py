"""The loss that teaches a CAM what its level sets have found."""

import pytest
import torch
from torch.nn import functional as F

from mmlevelset.levelset import normalise_cam, seed_scores
from mmlevelset.models import CAMLoss
from tests.models.small_hosts import build_host, pictures
from tests.models.test_level_set_head import LABELS, make_feats, make_head

FIRST = (torch.tensor([0]), torch.tensor([0]))


def two_halves(left: float, right: float) -> torch.Tensor:
    """(1, 1, 2, 2), one value in each column."""
    return torch.tensor([left, right]).expand(1, 1, 2, 2).clone()


@pytest.mark.parametrize('scale', [0.1, 1.0, 30.0])
def test_by_hand(scale):
    """The CAM counts by its shape: (1, 1/4) against the seeds (sigma(5), 1/2)."""
    inside = torch.tensor(5.0).sigmoid().item()
    cam = scale * two_halves(4.0, 1.0).requires_grad_()
    loss = CAMLoss(loss_weight=3.0)(cam, FIRST, two_halves(20.0, 0.0), 20.0)
    assert loss.item() == pytest.approx(3 * ((1 - inside) ** 2 + 0.25**2) / 2, rel=1e-5)


def test_descent_makes_the_cam_the_seed():
    """Of any start, on a coarser map, without a gradient for the level set."""
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing='ij')
    phi = (5 - torch.hypot(rows - 6, columns - 9))[None, None].requires_grad_()
    scores = torch.rand(1, 1, 8, 8, requires_grad=True)
    optimiser = torch.optim.Adam([scores], lr=0.05)
    before = None
    for _ in range(200):
        optimiser.zero_grad()
        loss = CAMLoss()(scores.relu(), FIRST, phi, 5.0)
        before = loss.item() if before is None else before
        loss.backward()
        optimiser.step()
    assert phi.grad is None
    assert loss.item() < 0.02 * before
    cam = normalise_cam(F.interpolate(scores.relu(), (16, 16), mode='bilinear'))
    found, wanted = cam > 0.5, phi > 0
    assert (found & wanted).sum() > 0.85 * (found | wanted).sum()


def test_no_level_set():
    """A batch without a pair: zero, and in the graph."""
    nothing = torch.zeros(0, dtype=torch.long)
    cam = torch.rand(2, 3, 4, 4, requires_grad=True)
    loss = CAMLoss()(cam, (nothing, nothing), torch.zeros(0, 1, 8, 8), 20.0)
    loss.backward()
    assert loss.item() == 0 and not cam.grad.any()


@pytest.mark.parametrize('phi', [-10.0, 10.0])
def test_a_level_set_without_a_contour_teaches_nothing(phi):
    """It would make the CAM a point, or fill it."""
    cam = torch.rand(1, 1, 4, 4, requires_grad=True)
    pairs = (torch.tensor([0, 0]), torch.tensor([0, 0]))
    alone = CAMLoss()(cam, FIRST, two_halves(20.0, -5.0), 20.0)
    both = CAMLoss()(cam, pairs, torch.cat([two_halves(phi, phi), two_halves(20.0, -5.0)]), 20.0)
    torch.testing.assert_close(both, alone)
    CAMLoss()(cam, FIRST, two_halves(phi, phi), 20.0).backward()
    assert not cam.grad.any()


def test_a_cam_that_cannot_learn():
    cam, phi = torch.rand(1, 1, 2, 2), two_halves(1.0, -1.0)
    with pytest.raises(ValueError, match='guide_dir.*Leave loss_cam out'):
        CAMLoss()(cam, FIRST, phi, 20.0)
    assert CAMLoss().eval()(cam, FIRST, phi, 20.0) > 0
    with torch.no_grad():
        assert CAMLoss()(cam, FIRST, phi, 20.0) > 0
    with pytest.raises(ValueError, match='loss_weight'):
        CAMLoss(loss_weight=-1.0)


def test_in_the_head(make_samples, make_blobs):
    """It alone reaches the CAM, follows the warm-up of the energy, and compares what is predicted."""
    head, feats = make_head(loss_cam=dict(type='mmlevelset.CAMLoss')), make_feats()
    cam = make_blobs(2, 3).requires_grad_()
    samples = make_samples(LABELS, cam)
    head.warmup.update(energy=0.0)
    assert head.loss(feats, samples)['loss_cam'] == 0
    head.warmup.update(energy=0.5)
    losses = head.loss(feats, samples)
    others = [v for k, v in losses.items() if k.startswith('loss') and k != 'loss_cam']
    sum(others).backward(retain_graph=True)
    assert cam.grad is None
    losses['loss_cam'].backward()
    assert cam.grad[0, 0].any() and not cam.grad[0, 1].any()  # of present classes alone
    trace = head.trace(feats, torch.rand(2, 3, 32, 32), cam, torch.tensor(LABELS))
    n, c = trace.images, trace.classes
    own = normalise_cam(F.interpolate(cam, (16, 16), mode='bilinear'))[n, c][:, None]
    seeds = seed_scores(trace.settled, 40.0)
    torch.testing.assert_close(
        losses['loss_cam'], 0.5 * F.mse_loss(own, seeds).detach(), check_dtype=True
    )


@pytest.mark.parametrize('host', ['cam', 'seam', 'mctformer', 'mctformer_plus', 'weaktr'])
def test_what_learns(host):
    """What makes the guide: the backbone, or of SEAM, whose PCM reads detached maps, PCM alone."""
    model = build_host(host, level_set=True)
    model.auxiliary_head.loss_cam = CAMLoss()
    data = model.data_preprocessor(pictures([(64, 64)] * 2, [[1, 0, 1], [0, 1, 0]]), True)
    losses = model.train().loss(data['inputs'], data['data_samples'])
    losses['aux.loss_cam'].backward()
    learning = {
        part: any(p.grad is not None and p.grad.any() for p in getattr(model, part).parameters())
        for part in ('backbone', 'decode_head', 'auxiliary_head')
    }
    own = host != 'seam'
    assert learning == dict(backbone=own, decode_head=True, auxiliary_head=False)

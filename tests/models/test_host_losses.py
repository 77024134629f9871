"""MuSCLe's loss terms against their definitions, written as loops."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from mmlevelset.models.host_losses import (
    emd_loss,
    equivariant_loss,
    focal_loss,
    image_contrast_loss,
    image_level_decisions,
    max_norm,
    overlap,
    pairwise_ranking_loss,
    pixel_consistency_loss,
    present_channels,
    softmax_norm,
)
from mmlevelset.models.host_losses.emd import grid_patches, quadrants, transport_score

LABELS = torch.tensor([[1, 0, 0], [0, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]).float()


def test_decisions():
    """What is absent counts for the accuracy alone; a batch without a class misses none."""
    logits = torch.tensor([[1.0, -1, -1], [1, 1, -1]])
    assert image_level_decisions(logits, LABELS[:2]) == dict(
        acc_cls=pytest.approx(400 / 6), recall_cls=pytest.approx(200 / 3)
    )
    assert image_level_decisions(logits, torch.zeros(2, 3))['recall_cls'] == 100


def test_classification():
    p = torch.rand(2, 3)
    y = LABELS[:2]
    focal = ranking = 0
    for n in range(2):
        for c in range(3):
            q = p[n, c] if y[n, c] else 1 - p[n, c]
            focal -= 0.5 * (1 - q) ** 2 * math.log(q)
        pairs = [(a - b).exp() for a in p[n] * (1 - y[n]) for b in p[n] * y[n]]
        ranking += torch.log(1 + sum(pairs) / 9)
    torch.testing.assert_close(focal_loss(p, y), focal / 2)
    torch.testing.assert_close(pairwise_ranking_loss(p, y), ranking / 2)


def test_contrast_is_written_out():
    e = torch.randn(5, 4)
    cosine = F.cosine_similarity(e[:, None], e[None], dim=2)
    # Anchor 0 has one positive (2) and three negatives; 1 has none of its kind; 2 has no positive.
    positive = math.exp(10 * cosine[0, 2])
    negative = sum(math.exp(10 * cosine[0, j]) for j in (1, 3, 4))
    expected = -math.log(positive / (positive + negative)) / 5
    # exp(10 cos) multiplies a rounding by ten
    assert image_contrast_loss(e, LABELS).item() == pytest.approx(expected, rel=1e-4)


def test_contrast_without_pairs():
    """Zero, with a gradient of zeros, where no anchor has both kinds of partners."""
    e = torch.randn(3, 4, requires_grad=True)
    loss = image_contrast_loss(e, LABELS[[0, 1, 3]])
    loss.backward()
    assert loss == 0 and not e.grad.any()


def dense_er(cam: Tensor, sgc: Tensor, labels: Tensor) -> Tensor:
    """The equivariant loss over all channels, as it is defined."""
    present = present_channels(labels)[:, :, None, None]
    gap = (softmax_norm(cam) * present - softmax_norm(sgc) * present).abs().flatten(1)
    count = min(int(0.2 * labels.sum() * cam[0, 0].numel()), gap.shape[1])
    return gap.topk(count).values.mean()


@pytest.mark.parametrize('rows', [[0], [0, 1], [0, 1, 2, 3, 4], [1] * 30])
def test_equivariant_loss(rows):
    """Few labels ask for some of the present values, many for all, or for more than there are."""
    labels = LABELS[rows]
    cam, sgc = (3 * torch.rand(2, len(rows), 4, 5, 6)).unbind()
    torch.testing.assert_close(equivariant_loss(cam, sgc, labels), dense_er(cam, sgc, labels))
    cam.requires_grad_()
    assert not equivariant_loss(cam, sgc, labels).requires_grad


def test_equivariant_loss_of_images_without_a_class():
    cam = torch.rand(2, 4, 5, 6)
    assert equivariant_loss(cam, cam, torch.zeros(2, 3)) == 0


def test_normalisations():
    cam = torch.randn(2, 4, 5, 6)
    scores = softmax_norm(cam)
    torch.testing.assert_close(scores[:, 1:].sum(1), torch.ones(2, 5, 6))
    torch.testing.assert_close(scores[:, 0], 1 - scores[:, 1:].amax(1))
    scaled = max_norm(cam)
    assert scaled.min() == 0 and scaled.amax((2, 3)).min() > 0.999


def test_pixpro():
    """Absent channels, which are zero, may be left out; only the first view gets a gradient."""
    maps = torch.rand(2, 4, 9, 9, requires_grad=True)
    other = torch.rand(2, 4, 9, 9, requires_grad=True)
    boxes = [torch.tensor([[0, 2, 5, 6], [1, 1, 3, 3]]), torch.tensor([[4, 0, 5, 6], [0, 0, 3, 3]])]
    present = present_channels(LABELS[:2])
    mask = present[:, :, None, None]
    some = [overlap(maps, boxes[0], present), overlap(other, boxes[1], present)]
    everything = [overlap(maps * mask, boxes[0]), overlap(other * mask, boxes[1])]
    assert [m.shape for m in some[0]] == [(2, 5, 6), (3, 3, 3)]
    loss = pixel_consistency_loss(*some)
    torch.testing.assert_close(loss, pixel_consistency_loss(*everything))
    torch.testing.assert_close(
        pixel_consistency_loss(some[0], [m.detach() for m in some[0]]), torch.tensor(0.0)
    )
    loss.backward()
    assert maps.grad.any() and other.grad is None


def test_transport_in_logarithms():
    """The products of exponentials equal ten simultaneous updates of the dual variables."""
    a, b = (F.normalize(torch.rand(4, n, dtype=torch.float64), dim=0) for n in (12, 7))
    cost, eps = 1 - a.T @ b, 0.1
    mu, nu = a.T @ b.mean(1), b.T @ a.mean(1)
    u, v = torch.zeros(12).double(), torch.zeros(7).double()
    for _ in range(10):
        m = (-cost + u[:, None] + v) / eps
        u = eps * (torch.log(mu + 1e-6) - m.logsumexp(1)) + u
        v = eps * (torch.log(nu + 1e-6) - m.logsumexp(0)) + v
    plan = ((-cost + u[:, None] + v) / eps).exp()
    torch.testing.assert_close(transport_score(a[None], b[None])[0], (plan * cost).mean())


def test_patches():
    """Sizes of random grids; the second view is cut into quadrants of averages."""
    sizes = set()
    for side in (15, 40, 112):
        for _ in range(20):
            maps = torch.rand(3, side, side)
            patches = grid_patches(maps)
            assert all(p.shape == patches[0].shape for p in patches)
            sizes |= {p.shape[1] for p in patches}
            assert patches or side < 112
            assert all(0 <= p.min() and p.max() <= 1 for p in patches)
    assert max(sizes) <= 28 and len(sizes) > 5
    maps = torch.rand(2, 17, 16)
    assert [q.shape for q in quadrants(maps)] == [(2, 2, 2)] * 4
    torch.testing.assert_close(quadrants(maps)[3][:, 0, 0], maps[:, 8:12, 8:12].mean((1, 2)))


def test_emd_leaves_small_overlaps_out():
    first = [torch.rand(3, 14, 40, requires_grad=True), torch.rand(3, 15, 90, requires_grad=True)]
    second = [torch.rand(3, 14, 40), torch.rand(3, 15, 90)]
    loss = emd_loss(first, second)
    loss.backward()
    assert loss == 0 and all(not m.grad.any() for m in first)
    maps = F.normalize(torch.rand(3, 60, 60), dim=0).requires_grad_()
    assert emd_loss([*first, maps], [*second, maps.detach()]) > 0

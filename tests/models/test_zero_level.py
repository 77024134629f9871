"""zero='auto': midway from 0 to the level at which a class's level sets overlap most with its CAM's masks."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmlevelset.levelset import seed_scores
from mmlevelset.models import LevelSetHead
from mmlevelset.models.trained import check_tensors
from mmlevelset.models.zero_level import LEAST, LEVELS, SHARE, ZeroLevel

STEP = 2 / LEVELS


def disc(radius: float, n: int = 4, side: int = 32) -> Tensor:
    """Distances to the rim of a disc, (n, 1, side, side), in shares of half the side."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    phi = torch.from_numpy((radius - np.hypot(x, y)) / (side / 2)).float()
    return phi.expand(n, 1, -1, -1)


@pytest.mark.parametrize('shift', [-0.5, -0.25, 0.0, 0.3])
def test_finds_how_far_a_class_was_moved(shift):
    """Level sets that are right but for a constant get half of it back, to half a level."""
    zero, truth = ZeroLevel(2), disc(9.0)
    zero.update(torch.ones(4, dtype=torch.long), truth + shift, truth > 0)
    first, second = (zero() / SHARE).tolist()
    assert first == 0  # never seen
    # Between the rim's own pixels every level is as good; the nearest to zero is taken.
    inside, outside = truth[truth > 0].min().item(), truth[truth <= 0].max().item()
    assert outside + shift - STEP <= second <= inside + shift + STEP


def iou(phi: Tensor, level: float, mask: Tensor) -> float:
    """Intersection over union of what lies at a level or above it, and a mask."""
    inside = phi >= level
    return ((inside & mask).sum() / (inside | mask).sum()).item()


def test_overlaps_as_much_as_any_level():
    """On noisy maps the level found has the largest overlap of all, counted pixel by pixel."""
    zero = ZeroLevel(1)
    sdf = disc(10.0)
    phi = 0.4 * sdf - 0.3 + 0.15 * torch.randn(sdf.shape)
    zero.update(torch.zeros(4, dtype=torch.long), phi, sdf > 0)
    overlaps = [iou(phi, t, sdf > 0) for t in torch.linspace(-1, 1, LEVELS + 1).tolist()]
    found = iou(phi, zero().item() / SHARE, sdf > 0)
    assert found == pytest.approx(max(overlaps)) and found > iou(phi, 0, sdf > 0)


@pytest.mark.parametrize('noise', [0.01, 0.05, 0.1])
@pytest.mark.parametrize('contrast', [0.0, 0.02, 0.2])
def test_a_class_that_knows_little_does_not_vanish(contrast, noise):
    """Faint level sets on a third of the map: the contour is lowered until something lies inside."""
    zero = ZeroLevel(1)
    mask = torch.rand(8, 1, 32, 32) < 1 / 3
    phi = -0.4 + contrast * mask + noise * torch.randn(mask.shape)
    zero.update(torch.zeros(8, dtype=torch.long), phi, mask)
    level = zero().item()
    assert level < 0 and (phi >= level).sum() >= LEAST * mask.sum()


def test_perfect_level_sets_stay_where_they_are():
    """Of the levels between inside and outside the nearest to zero: here zero itself."""
    zero, truth = ZeroLevel(1), disc(8.0)
    zero.update(torch.zeros(4, dtype=torch.long), 20 * truth, truth > 0)
    assert zero().item() == pytest.approx(0, abs=1e-7)


def test_classes_do_not_mix_and_follow_the_training():
    zero, truth = ZeroLevel(2), disc(9.0)
    classes = torch.tensor([0, 0, 1, 1])
    shifts = torch.tensor([-0.5, -0.5, 0.25, 0.25])[:, None, None, None]
    for _ in range(300):
        zero.update(classes, truth + 0.8, truth > 0)
    for _ in range(300):
        zero.update(classes, truth + shifts, truth > 0)
    assert (zero() / SHARE).tolist() == pytest.approx([-0.5, 0.25], abs=0.05)


def test_broken_and_missing_maps():
    """Level sets with NaN are left out; a batch without one changes nothing."""
    zero, truth = ZeroLevel(1), disc(9.0)
    expected = ZeroLevel(1)
    classes = torch.zeros(4, dtype=torch.long)
    expected.update(classes[1:], truth[1:], truth[1:] > 0)
    broken = truth.clone()
    broken[0, 0, 0, 0] = float('nan')
    zero.update(classes, broken, truth > 0)
    zero.update(classes[:0], truth[:0], truth[:0] > 0)
    assert torch.equal(zero.histogram, expected.histogram)


def make_head(**options) -> LevelSetHead:
    return LevelSetHead([4], [0], 8, num_classes=2, loss_energy=None, background=0.5, **options)


def inputs() -> tuple[list[Tensor], Tensor, Tensor, Tensor]:
    cam = torch.zeros(4, 2, 16, 16)
    cam[:, 0, 4:10, 4:10] = cam[:, 1, 11:15, 2:8] = 1
    return [torch.randn(4, 4, 16, 16)], torch.rand(4, 3, 64, 64), cam, torch.ones(4, 2)


def test_head_predicts_from_the_zero_and_trains_without_it():
    """Training counts and keeps phi^T; level sets, seeds and pictures are moved; tests count nothing."""
    head = make_head()
    feats, image, cam, labels = inputs()
    trace = head.trace(feats, image, cam, labels)
    assert head.auto_zero.histogram.sum() == pytest.approx(8)  # 4 images of 2 classes
    assert torch.equal(trace.phi, trace.phi0)  # no energy, no evolution
    head.eval()
    counted = head.auto_zero.histogram.clone()
    zeros = head.zeros()
    assert zeros.shape == (2,) and zeros.abs().max() <= SHARE
    head.auto_zero.histogram.zero_()
    head.auto_zero.histogram[:, LEVELS // 4] = 1.0  # outside the mask below the middle of -1 .. 0
    head.auto_zero.histogram[:, LEVELS + LEVELS // 4 + 1] = 1.0  # inside from there on,
    head.auto_zero.histogram[:, -1] = 1.0  # half of it far above
    assert head.zeros().tolist() == pytest.approx([SHARE * (-0.5 + STEP)] * 2)
    unit = 80.0 / 4  # pixels of the map
    moved = head.level_sets(feats, image, labels)[1]
    trace = head.trace(feats, image, cam, labels)
    expected = unit * head(feats) + unit * SHARE * (0.5 - STEP)
    torch.testing.assert_close(moved, expected)
    torch.testing.assert_close(trace.settled[:, 0], expected[trace.images, trace.classes])
    torch.testing.assert_close(head.seeds(feats, image, labels), seed_scores(expected, unit))
    assert not torch.equal(head.auto_zero.histogram, counted)  # as it was set, not counted again


def test_is_saved_and_a_number_is_the_paper():
    head = make_head()
    feats, image, cam, labels = inputs()
    head.trace(feats, image, cam, labels)
    again = make_head()
    again.load_state_dict(head.state_dict())
    assert torch.equal(again.zeros(), head.zeros())
    closer = make_head(zero_share=0.25)  # of a trained head, too
    closer.load_state_dict(head.state_dict())
    torch.testing.assert_close(closer.zeros(), head.zeros() * 0.25 / SHARE)
    with pytest.raises(ValueError, match='zero_share'):
        make_head(zero_share=1.5)
    plain = make_head(zero=0.0)
    assert plain.zeros().tolist() == [0, 0] and 'auto_zero.histogram' not in plain.state_dict()
    again.load_state_dict(plain.state_dict(), strict=True)  # of before: its contour is at zero
    assert again.zeros().tolist() == [0, 0]
    assert make_head(zero=0.25).zeros().tolist() == [0.25, 0.25]
    with pytest.raises(ValueError, match="zero is 'otsu', expected a number .*; 'auto' finds it"):
        make_head(zero='otsu')


@pytest.mark.parametrize(
    ('option', 'asked', 'given', 'text'),
    [
        ('zero', 'auto', 0.0, 'the checkpoint has found nothing: contours lie at 0'),
        (
            'zero',
            0.0,
            'auto',
            "trained with zero='auto', and the config says a number, which holds",
        ),
        ('guidance', 'auto', 0.0, 'has found nothing: no CAM is added to level sets'),
        ('guidance', 0.5, 'auto', "trained with guidance='auto', and the config says a number"),
        ('zero', 'auto', 'auto', None),
        ('guidance', 0.0, 0.0, None),
    ],
)
def test_a_config_and_a_checkpoint_that_disagree(option, asked, given, text, monkeypatch):
    said = []
    monkeypatch.setattr('mmlevelset.models.trained.print_log', lambda line, **_: said.append(line))
    own, other = (make_head(**{option: value}) for value in (asked, given))
    check_tensors(own, other.state_dict(), 'x.pth')
    check_tensors(
        nn.Linear(1, 1), {**nn.Linear(1, 1).state_dict(), **make_head().state_dict()}, 'y'
    )
    assert len(said) == (text is not None)
    assert not said or (said[0].startswith('x.pth: ') and text in said[0])

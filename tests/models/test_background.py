"""background='auto': one threshold per class, found in that class's own maps, kept with the model."""

import pytest
import torch

from mmlevelset.levelset import cam_masks
from mmlevelset.models import LevelSetHead
from mmlevelset.models.background import FALLBACK, AutoBackground


def two_levels(low: float, high: float, n: int = 4) -> torch.Tensor:
    """A map whose objects stand at 1 and ``high``, on a ground of ``low``, (n, 1, 16, 16)."""
    cam = torch.full((n, 1, 16, 16), low)
    cam[:, :, 4:10, 4:10] = high
    cam[:, :, 6, 6] = 1.0
    return cam


def test_every_class_has_its_own():
    """Between ground and object of its maps, whatever those of the other class; scale is nothing."""
    auto = AutoBackground(3)
    cam = torch.cat([two_levels(0.1, 0.4), 7 * two_levels(0.5, 0.9), two_levels(0.0, 0.0)], 1)
    labels = torch.tensor([[1.0, 1.0, 0.0]]).expand(4, -1)
    auto.update(cam, labels)
    first, second, unseen = auto().tolist()
    assert 0.1 < first < 0.4 and 0.5 < second < 0.9
    assert 0 < unseen < 1  # that of all classes together
    masks = cam_masks(cam, labels * torch.tensor([1.0, 0.0, 0.0]), auto())
    assert masks[:, 0].float().mean() == pytest.approx(36 / 256)
    masks = cam_masks(cam, labels * torch.tensor([0.0, 1.0, 0.0]), auto())
    assert masks[:, 1].float().mean() == pytest.approx(36 / 256)


def test_absent_classes_are_not_counted():
    auto = AutoBackground(2)
    cam = torch.cat([two_levels(0.1, 0.4), two_levels(0.5, 0.9)], 1)
    auto.update(cam, torch.tensor([[1.0, 0.0]]).expand(4, -1))
    assert auto.histogram[0].sum() == pytest.approx(4) and auto.histogram[1].sum() == 0


def test_follows_the_host():
    """Maps of long ago are forgotten; without any map the usual constant serves."""
    auto = AutoBackground(1)
    assert auto().tolist() == pytest.approx([FALLBACK])
    auto.update(two_levels(0.1, 0.3), torch.ones(4, 1))
    before = auto().item()
    for _ in range(300):
        auto.update(two_levels(0.5, 0.9), torch.ones(4, 1))
    assert before < 0.3 and 0.5 < auto().item() < 0.9


def test_no_present_class_changes_nothing():
    auto = AutoBackground(2)
    auto.update(two_levels(0.1, 0.4).expand(-1, 2, -1, -1), torch.zeros(4, 2))
    assert not auto.histogram.any()


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_broken_maps_are_left_out(value):
    """The loss says what is wrong, with the names of the images; counting NaN would fail before."""
    auto, expected = AutoBackground(1), AutoBackground(1)
    cam = two_levels(0.1, 0.4)
    expected.update(cam[1:], torch.ones(3, 1))
    cam[0, 0, 3, 3] = value
    auto.update(cam, torch.ones(4, 1))
    torch.testing.assert_close(auto.histogram, expected.histogram)


def make_head(**options) -> LevelSetHead:
    return LevelSetHead([4], [0], 8, num_classes=2, loss_energy=None, **options)


def test_is_learnt_in_training_and_saved_with_the_head():
    """Training finds it; a test does not change it; the state dict carries it."""
    head = make_head()
    assert head.background == 'auto'
    cam = torch.cat([two_levels(0.1, 0.4), two_levels(0.5, 0.9)], 1)
    labels, feats, image = torch.ones(4, 2), [torch.randn(4, 4, 16, 16)], torch.rand(4, 3, 64, 64)
    head.trace(feats, image, cam, labels)
    found = head.backgrounds()
    assert 0.1 < found[0] < 0.4 and 0.5 < found[1] < 0.9
    head.eval()
    head.trace(feats, image, two_levels(0.7, 0.8).expand(-1, 2, -1, -1), labels)
    assert torch.equal(head.backgrounds(), found)
    again = make_head()
    again.load_state_dict(head.state_dict())
    assert torch.equal(again.backgrounds(), found)
    assert make_head(background=0.3).backgrounds().tolist() == pytest.approx([0.3, 0.3])


def test_an_unknown_word_is_refused():
    with pytest.raises(
        ValueError, match="background is 'otsu', expected a number .*; 'auto' finds it"
    ):
        make_head(background='otsu')


def test_one_for_all_classes_is_the_constant():
    """Equal backgrounds per class make the masks of the one number."""
    cam, labels = torch.rand(3, 4, 9, 9), torch.tensor([[1.0, 1, 0, 1], [0, 1, 0, 0], [1, 1, 1, 1]])
    for value in (0.0, 0.3, 0.6):
        expected = cam_masks(cam, labels, value)
        assert torch.equal(cam_masks(cam, labels, torch.full((4,), value)), expected)
    with pytest.raises(ValueError, match=r'background has shape \(3,\), expected \(4,\)'):
        cam_masks(cam, labels, torch.full((3,), 0.3))


def test_weights_of_a_constant_background_are_taken():
    """Strictly, as refiners and pictures load them: nothing in them depends on the histogram."""
    head = make_head()
    head.auto_background.histogram.fill_(3)
    head.load_state_dict(make_head(background=0.35).state_dict(), strict=True)
    assert head.auto_background.histogram.eq(0).all()  # counts of other weights go
    other = make_head()
    other.auto_background.histogram.fill_(2)
    head.load_state_dict(other.state_dict(), strict=True)
    assert head.auto_background.histogram.eq(2).all()

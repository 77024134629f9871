"""Guidance: what level sets have not learnt of their targets is added where they are predicted."""

import pytest
import torch

from mmlevelset.levelset import cam_masks, signed_distance
from mmlevelset.models import LevelSetHead
from mmlevelset.models.guidance import MEMORY, Guidance, moments_of, slopes

LABELS = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])


def make_head(**options) -> LevelSetHead:
    options = dict(background=0.35, zero=0.0, guidance='auto') | options
    return LevelSetHead([4], [0], 8, num_classes=3, loss_energy=None, **options)


def maps(slope: float, number: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """Targets, and level sets that have learnt a part of them."""
    sdf = torch.randn(number, 1, 12, 12).clamp(-1, 1)
    return sdf, slope * sdf - 0.3


@pytest.mark.parametrize(
    ('slope', 'share'), [(-0.8, 1.0), (0.0, 0.5), (0.1, 0.4), (0.4, 0.1), (0.5, 0.0), (1.0, 0.0)]
)
def test_the_share_is_what_half_of_the_target_lacks(slope, share):
    guidance = Guidance(3)
    assert guidance().tolist() == [0, 0, 0]  # before the first map
    guidance.update(torch.tensor([1, 1, 1, 1]), *maps(slope))
    torch.testing.assert_close(guidance(), torch.tensor([0.0, share, 0.0]), atol=1e-5, rtol=0)


def test_guided_level_sets_follow_with_a_slope_of_one_half():
    sdf, phi = maps(0.2, 64)
    guidance = Guidance(1)
    guidance.update(torch.zeros(64, dtype=torch.long), sdf, phi)
    guided = phi + guidance()[0] * sdf
    torch.testing.assert_close(
        slopes(moments_of(sdf, guided).sum(0)[None]).item(), 0.5, atol=1e-4, rtol=0
    )


def test_old_batches_fade_and_broken_ones_do_not_count():
    guidance = Guidance(1)
    first, second = maps(0.0), maps(0.4)
    guidance.update(torch.zeros(4, dtype=torch.long), *first)
    guidance.update(torch.zeros(4, dtype=torch.long), *second)
    total = MEMORY * moments_of(*first).sum(0) + moments_of(*second).sum(0)
    torch.testing.assert_close(guidance(), 0.5 - slopes(total[None]).float())
    before = guidance().clone()
    guidance.update(torch.zeros(4, dtype=torch.long), first[0], first[1] * torch.nan)
    guidance.update(torch.zeros(0, dtype=torch.long), *maps(0.0, 0))
    assert torch.equal(guidance(), before)


def test_predicted_level_sets_are_those_of_a_trace(make_blobs):
    """phi^T from its zero, and D of the image's CAM by the share of the class; in eval mode nothing is counted."""
    head = make_head(zero=0.1).eval()
    head.auto_guidance.moments[:] = torch.tensor([1.0, 0.0, 1.0, 0.0, 0.2])  # slopes of 0.2
    head.auto_guidance.moments[2, 4] = 0.9
    feats, image, cam = [torch.randn(2, 4, 16, 16)], torch.rand(2, 3, 32, 32), make_blobs(2, 3)
    unit = head.truncate / 2
    alone, guided = (head.level_sets(feats, image, LABELS, cam=c)[1] for c in (None, cam))
    sdf = signed_distance(cam_masks(cam, LABELS, 0.35), subpixel=True).clamp(-unit, unit)
    share = torch.tensor([0.3, 0.3, 0.0])[:, None, None] * LABELS[..., None, None]
    torch.testing.assert_close(guided, alone + share * sdf)
    trace = head.trace(feats, image, cam, LABELS)
    torch.testing.assert_close(trace.settled[:, 0], guided[trace.images, trace.classes])
    assert head.auto_guidance().tolist() == pytest.approx([0.3, 0.3, 0.0])


def test_a_mask_without_contour_gives_nothing():
    head = make_head(guidance=1.0).eval()
    feats, image = [torch.randn(2, 4, 16, 16)], torch.rand(2, 3, 32, 32)
    empty = torch.zeros(2, 3, 16, 16)
    alone, guided = (head.level_sets(feats, image, LABELS, cam=c)[1] for c in (None, empty))
    assert torch.equal(alone, guided)


def test_it_learns_in_training_but_not_of_guides_from_a_folder(make_samples, make_blobs):
    """At prediction there is no such guide, and the host's CAM is another map: what was found before goes, too."""
    head = make_head()
    for guided in (True, False, True):
        samples = make_samples(LABELS.tolist(), make_blobs(2, 3))
        for sample in samples if guided else ():
            sample.set_data(dict(guide=torch.rand(3, *sample.input_image.shape[-2:])))
        head.loss([torch.randn(2, 4, 16, 16)], samples)
        assert bool(head.auto_guidance.moments.any()) != guided
    samples = make_samples(LABELS.tolist(), make_blobs(2, 3))
    head.loss([torch.randn(2, 4, 16, 16)], samples)
    before = head.auto_guidance.moments.clone()
    head.eval().loss([torch.randn(2, 4, 16, 16)], samples)  # a validation's
    assert before.any() and torch.equal(head.auto_guidance.moments, before)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float64])
def test_a_model_of_another_precision(make_samples, make_blobs, dtype):
    head, samples = make_head().to(dtype), make_samples(LABELS.tolist(), make_blobs(2, 3))
    head.loss([torch.randn(2, 4, 16, 16, dtype=dtype)], samples)
    assert head.auto_guidance.moments.any() and head.shares().isfinite().all()


def test_options_and_old_checkpoints():
    assert make_head(guidance=0.25).shares().tolist() == [0.25] * 3
    head, plain = make_head(), make_head(guidance=0.0)
    head.auto_guidance.moments.fill_(1)
    head.load_state_dict(plain.state_dict(), strict=True)
    assert head.shares().tolist() == [0, 0, 0]
    assert not any('guidance' in key for key in plain.state_dict())
    for wrong in (1.5, -0.1, 'cam'):
        with pytest.raises(ValueError, match="guidance is .*'auto' finds it"):
            make_head(guidance=wrong)

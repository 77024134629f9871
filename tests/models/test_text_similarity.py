"""Text similarities in the level-set head: the energy's term, the evolution's channel, the host's map."""

import pytest
import torch

from mmlevelset.levelset import FNOEvolution, region_energy, standardise
from mmlevelset.models import LevelSetHead
from mmlevelset.structures.fields import unit_images
from tests.models.test_level_set_head import (
    ENERGY,
    LABELS,
    OPERATOR,
    make_feats,
    make_head,
    move_operator,
)

WITH_TEXT = dict(OPERATOR, text=True)


def text_head(**options) -> LevelSetHead:
    energy = dict(ENERGY, text_weight=0.5)
    head = make_head(**dict(evolution=WITH_TEXT, loss_energy=energy) | options)
    move_operator(head)
    return head


@pytest.mark.parametrize('shared', [True, False])
def test_every_pair_sees_its_own_text(make_blobs, shared: bool) -> None:
    """The text of a class moves its level set, and, of operators that stay apart, no other."""
    head, feats = text_head(evolution=dict(WITH_TEXT, shared=shared)), make_feats()
    cam, labels, image = make_blobs(2, 3), torch.tensor(LABELS), torch.rand(2, 3, 32, 32)
    text = torch.randn(2, 3, 8, 8)
    trace = head.trace(feats, image, cam, labels, text)
    n, c = trace.images, trace.classes
    big = torch.nn.functional.interpolate(text, (16, 16), mode='bilinear')
    torch.testing.assert_close(trace.text, standardise(big)[n, c][:, None])
    scaled = head.trace(feats, image, cam, labels, 7 * text - 2)  # in any unit
    torch.testing.assert_close(scaled.phi, trace.phi, rtol=1e-3, atol=1e-3)

    other = text.clone()
    other[0, 2] = torch.randn(8, 8)  # the second of the pairs (0, 0), (0, 2), (1, 1)
    moved = (head.trace(feats, image, cam, labels, other).phi - trace.phi).abs().amax((1, 2, 3))
    assert moved[1] > 1e-3 and moved[2] == 0
    if shared:
        assert moved[0] == 0


def test_an_energy_of_ones_own_gets_no_text(make_blobs) -> None:
    """One that knows nothing of texts keeps its four arguments where the host has one."""
    head = text_head()
    cam, image = make_blobs(2, 3), torch.rand(2, 3, 32, 32)
    trace = head.trace(make_feats(), image, cam, torch.tensor(LABELS), torch.randn(2, 3, 8, 8))
    assert len(trace.seen(torch.nn.Identity())) == 4
    assert len(trace.seen(head.loss_energy)) == 5


@pytest.mark.parametrize('text', [True, False])
def test_an_operator_alone_says_what_it_wants(text: bool) -> None:
    """Beside no head, whose check comes before."""
    maps = torch.rand(1, 1, 16, 16), torch.rand(1, 3, 16, 16), torch.rand(1, 2, 16, 16)
    given = () if text else (torch.rand(1, 1, 16, 16),)
    with pytest.raises(ValueError, match=f'text={text} got'):
        FNOEvolution(text=text)(*maps, *given)


def test_losses(make_samples, make_blobs) -> None:
    """The term is that of the samples' maps; without text weight they change nothing."""
    feats, cam = make_feats(), make_blobs(2, 3)
    head = text_head()
    samples = make_samples(LABELS, cam)
    with pytest.raises(ValueError, match='text=True'):
        head.loss(feats, samples)
    text = torch.randn(2, 3, 8, 8)
    for sample, own in zip(samples, text, strict=True):
        sample.set_data(dict(text_similarity=own))
    losses = head.loss(feats, samples)
    trace = head.trace(feats, unit_images(samples), cam, torch.tensor(LABELS), text)
    expected = region_energy(trace.phi, trace.text, None, head.loss_energy.eps / trace.stride)
    torch.testing.assert_close(losses['loss_energy_text'], 0.5 * expected.mean())
    head.evolution.zero_grad()
    sum(value for key, value in losses.items() if key.startswith('loss')).backward()
    assert head.evolution.lift.weight.grad[:, -1].abs().max() > 0  # of the text's channel

    plain = make_head()
    move_operator(plain)
    with_text = plain.loss(feats, samples)
    without = plain.loss(
        feats, make_samples(LABELS, cam, torch.stack([s.input_image for s in samples]))
    )
    assert with_text.keys() == without.keys()
    for name, value in without.items():
        torch.testing.assert_close(with_text[name], value, msg=name)


def test_a_text_finds_what_the_image_does_not_show() -> None:
    """On an even image, with even features, the energy's text term alone fits the region."""
    y, x = torch.meshgrid(*2 * [torch.arange(32.0)], indexing='ij')
    region = (y - 14).hypot(x - 17) < 9
    text = standardise(region.float()[None, None] + 0.2 * torch.randn(1, 1, 32, 32))
    phi = (6 - (y - 12).hypot(x - 20))[None, None].clone().requires_grad_()
    loss = make_head(
        loss_energy=dict(ENERGY, feature_weight=0.0, edge_weight=0.0, text_weight=1.0)
    ).loss_energy
    optimiser = torch.optim.Adam([phi], lr=0.5)
    for _ in range(60):
        maps = torch.full((1, 3, 32, 32), 0.5), torch.zeros(1, 1, 32, 32), None, 4.0, text
        energy = loss.energies(phi, *maps)['text'].sum()
        optimiser.zero_grad()
        energy.backward()
        optimiser.step()
    found = phi[0, 0] > 0
    assert (found & region).sum() / (found | region).sum() > 0.9

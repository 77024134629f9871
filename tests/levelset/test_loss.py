"""LevelSetLoss: what it is equal to, its gradient, and that descent moves a contour to the edge."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmlevelset.levelset import (
    LevelSetEnergyLoss,
    LevelSetLoss,
    contour_length,
    edge_stopping,
    logit_margins,
    region_energy,
    standardise,
)


def two_regions(size: int = 48, edge: int = 20) -> torch.Tensor:
    """A bright square in the corner of a dark image, noisy, (1, 3, size, size)."""
    image = torch.full((1, 3, size, size), 0.2)
    image[..., :edge, :edge] = 0.8
    return (image + 0.02 * torch.randn_like(image)).clamp(0, 1)


def test_margins():
    """By hand: the winner over the second, the others below the winner."""
    logits = torch.tensor([5.0, 2.0, -1.0]).view(1, 3, 1, 1)
    assert logit_margins(logits).flatten().tolist() == [3, -3, -6]
    assert logit_margins(logits[:, :1]).item() == 5
    assert logit_margins(torch.ones(1, 3, 1, 1)).abs().max() == 0  # a tie


def test_of_two_labels_the_inside_is_the_probability():
    """H(phi) of eq 19 with the default width of 4 pixels is the softmax of the foreground."""
    logits = torch.randn(2, 2, 5, 7)
    phi = LevelSetLoss().level_sets(logits)
    assert phi.shape == (2, 1, 5, 7)
    torch.testing.assert_close((phi / 4).sigmoid(), logits.softmax(1)[:, 1:])
    single = LevelSetLoss().level_sets(logits[:, 1:] - logits[:, :1])
    torch.testing.assert_close(single, phi)


@pytest.mark.parametrize('stride', [1, 4])
def test_the_inside_of_the_energy_is_the_probability_at_every_stride(stride):
    """Regions weigh pixels by the softmax of the foreground, however much coarser logits are than the image."""
    logits, image = torch.randn(1, 2, 8, 8), torch.rand(1, 3, 8 * stride, 8 * stride)
    features = torch.randn(1, 5, 8, 8)
    inside, data = logits.softmax(1)[:, 1:], standardise(features)
    means = [(w * data).sum((2, 3), keepdim=True) / w.sum() for w in (inside, 1 - inside)]
    expected = inside * (data - means[0]) ** 2 + (1 - inside) * (data - means[1]) ** 2
    found = LevelSetLoss().terms(logits, image, features, torch.ones(1, 1))['features']
    torch.testing.assert_close(found, 0.6 * expected.mean())


def test_terms_are_those_of_the_preset():
    """Regions on the features, edges on the image, with the weights of the default."""
    logits, image = torch.randn(2, 3, 16, 16), torch.rand(2, 3, 16, 16)
    features, labels = torch.randn(2, 8, 4, 4), torch.tensor([[1, 0], [1, 1]])
    terms = LevelSetLoss().terms(logits, image, features, labels)
    phi = 4 * logit_margins(logits)[:, 1:]
    data = standardise(F.interpolate(features, (16, 16), mode='bilinear'))
    g = edge_stopping(image, 0.02)
    pairs = [(0, 0), (1, 0), (1, 1)]
    region = 0.6 * region_energy(phi, data, eps=4.0)
    edge = 0.3 * contour_length(phi, 4.0, g, 4.0)
    for name, energy in (('features', region), ('edge', edge)):
        expected = sum(energy[n, c] for n, c in pairs) / 3
        torch.testing.assert_close(terms[name], expected)
    assert set(terms) == {'features', 'edge'}
    total = LevelSetLoss()(logits, image, features, labels)
    torch.testing.assert_close(total, terms['features'] + terms['edge'])


def test_one_energy_for_all():
    """The loss of the level-set head has the same default weights."""
    assert LevelSetLoss().energy.weights == LevelSetEnergyLoss().weights


def test_classes_that_nobody_shows_cost_nothing():
    logits, image = torch.randn(1, 4, 8, 8), torch.rand(1, 3, 8, 8)
    logits[:, 3] = -20  # wins nowhere
    loss = LevelSetLoss()
    ours = loss(logits, image)
    torch.testing.assert_close(ours, loss(logits, image, labels=torch.tensor([[1, 1, 0]])))
    nothing = logits.clone().requires_grad_()
    zero = loss(nothing, image, labels=torch.zeros(1, 3))
    zero.backward()
    assert zero == 0 and not nothing.grad.any()
    everything = torch.zeros(1, 2, 8, 8)
    everything[:, 1] = 9
    assert loss(everything, image) == 0


def test_background():
    """Without a background, every label has a level set; of two they are mirror images."""
    logits, image = torch.randn(1, 2, 8, 8), torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(LevelSetLoss(None)(logits, image), LevelSetLoss()(logits, image))
    assert LevelSetLoss(-1).level_sets(torch.randn(1, 5, 2, 2)).shape[1] == 4


@pytest.mark.parametrize('size', [12, 6])
@pytest.mark.parametrize('labels', [None, torch.tensor([[1, 1]])])
def test_gradient(size, labels):
    """Of all terms, on the grid of the image and on a coarser one, by finite differences."""
    logits = torch.randn(1, 3, size, size, dtype=torch.float64, requires_grad=True)
    image, features = torch.rand(1, 3, 12, 12), torch.randn(1, 2, size, size)
    loss = LevelSetLoss(image_weight=0.5, local_weight=0.5, length_weight=0.1)
    loss(logits, image, features, labels).backward()
    assert logits.grad.isfinite().all() and logits.grad.any()
    step = 1e-2
    for index in [(0, 0, 1, 2), (0, 1, 3, 4), (0, 2, 5, 0)]:
        moved = []
        for sign in (1, -1):
            other = logits.detach().clone()
            other[index] += sign * step
            # Without labels the classes are those that win somewhere, which a small step keeps.
            moved.append(loss(other, image, features, labels).item())
        slope = (moved[0] - moved[1]) / (2 * step)
        # The loss is float32: differences of 6e-8 over a step of 2e-2.
        assert logits.grad[index].item() == pytest.approx(slope, abs=2e-4, rel=2e-2)


def test_nothing_but_the_logits_gets_a_gradient():
    tensors = [torch.rand(1, 3, 8, 8, requires_grad=True) for _ in range(3)]
    LevelSetLoss()(tensors[0], tensors[1], tensors[2]).backward()
    assert tensors[0].grad is not None and tensors[1].grad is None and tensors[2].grad is None


@pytest.mark.parametrize('start', [14, 28])
def test_descent_moves_the_contour_to_the_edge(start):
    """From inside as well as from outside of the object, with no label but the first guess."""
    image, side = two_regions(), torch.arange(48)
    truth = (torch.maximum(side[:, None], side[None]) < 20).float()
    guess = (start - torch.maximum(side[:, None], side[None])) / 4.0
    logits = torch.stack([torch.zeros(48, 48), guess])[None].requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=0.1)
    loss, losses = LevelSetLoss(), []

    def overlap() -> float:
        inside = (logits.argmax(1)[0] == 1).float()
        return float((inside * truth).sum() / torch.maximum(inside, truth).sum())

    before = overlap()
    for _ in range(80):
        optimizer.zero_grad()
        energy = loss(logits, image)
        energy.backward()
        optimizer.step()
        losses.append(energy.item())
    assert before < 0.6 and overlap() > 0.97
    assert losses[-1] < 0.5 * losses[0]


def test_half_precision():
    logits, image = torch.randn(1, 3, 8, 8), torch.rand(1, 3, 8, 8)
    half = LevelSetLoss()(logits.half(), image.half())
    torch.testing.assert_close(half, LevelSetLoss()(logits, image), rtol=5e-3, atol=1e-3)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(logits=torch.ones(2, 3, 8)), r'logits have shape \(2, 3, 8\)'),
        (dict(logits=torch.ones(2, 3, 8, 8).long()), 'int64'),
        (
            dict(image=torch.rand(2, 3, 4, 8)),
            r'image has shape \(2, 3, 4, 8\), expected .* at least',
        ),
        (dict(image=torch.rand(1, 3, 8, 8)), r'expected \(2, K, H, W\)'),
        (dict(image=torch.rand(2, 3, 8, 8) * 255), r'expected \[0, 1\].*divide by 255'),
        (dict(image=torch.randn(2, 3, 8, 8)), 'undo the normalisation'),
        (dict(features=torch.rand(1, 3, 8, 8)), r'features have shape'),
        (dict(labels=torch.ones(2, 3)), r'labels have shape \(2, 3\), expected \(2, 2\)'),
        (dict(labels=[[1, 0], [1, 1]]), 'labels is a list, expected a tensor .*torch.as_tensor'),
        (dict(labels=np.ones((2, 2))), 'labels is a ndarray'),
        (dict(logits=np.ones((2, 3, 8, 8))), 'logits is a ndarray'),
        (dict(image=np.ones((2, 3, 8, 8))), 'the image is a ndarray'),
        (dict(features=[torch.rand(2, 3, 8, 8)]), 'features is a list'),
        (dict(logits=torch.randn(2, 3, 0, 8)), r'logits have shape \(2, 3, 0, 8\)'),
        (
            dict(image=torch.rand(2, 3, 96, 64), logits=torch.randn(2, 3, 32, 48)),
            'logits of 32 x 48 pixels and an image of 96 x 64 .*different aspects',
        ),
        (
            dict(image=torch.rand(2, 3, 64, 96), features=torch.randn(2, 3, 24, 16)),
            'features of 24 x 16 pixels and an image of 64 x 96',
        ),
    ],
)
def test_refusals(change, message):
    given = dict(logits=torch.randn(2, 3, 8, 8), image=torch.rand(2, 3, 8, 8)) | change
    with pytest.raises(ValueError, match=message):
        LevelSetLoss()(**given)


@pytest.mark.parametrize('shown', [None, torch.ones(0, 2)])
def test_an_empty_batch_costs_nothing(shown):
    """A process of several may get one; its loss is still part of the graph."""
    logits = torch.randn(0, 3, 8, 8, requires_grad=True)
    level_set_loss = LevelSetLoss()
    loss = level_set_loss(logits, torch.rand(0, 3, 8, 8), torch.rand(0, 5, 4, 4), shown)
    loss.backward()
    assert loss.item() == 0 and logits.grad.shape == logits.shape
    assert set(level_set_loss.terms(logits, torch.rand(0, 3, 8, 8))) == {'features', 'edge'}


def test_options():
    with pytest.raises(ValueError, match='unexpected keyword argument .egde_weight.'):
        LevelSetLoss(egde_weight=1)
    with pytest.raises(ValueError, match='alpha=0.5 weighs the data by a CAM'):
        LevelSetLoss(alpha=0.5)
    with pytest.raises(ValueError, match='text_weight=1.0 asks for similarities'):
        LevelSetLoss(text_weight=1.0)


def test_nothing_wrong_is_a_small_loss():
    """A diverged model, a label that is no label, a background that the logits have not."""
    logits, image = torch.randn(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    assert LevelSetLoss()(logits * float('nan'), image).isnan()
    for labels in (torch.full((2, 2), float('nan')), torch.full((2, 2), 2.0)):
        with pytest.raises(ValueError, match='other values than 0 and 1'):
            LevelSetLoss()(logits, image, labels=labels)
    for background in (3, 255, -4):
        with pytest.raises(ValueError, match=f'background={background}, and the logits have 3'):
            LevelSetLoss(background=background)(logits, image)

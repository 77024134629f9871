"""LevelSetRefiner: scores move to the edges of the image, by the one evolution there is."""

import numpy as np
import pytest
import torch

from mmlevelset.levelset import (
    ClassicalEvolution,
    Evolution,
    FNOEvolution,
    LevelSetRefiner,
    seed_scores,
)
from mmlevelset.levelset.refiner import initial_phi
from mmlevelset.refine import EvolutionRefiner


def scene() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A bright square, scores that lie 4 pixels beside it, and the true label map."""
    image, scores = torch.full((1, 3, 40, 40), 0.1), torch.zeros(1, 2, 40, 40)
    image[..., 10:30, 10:30] = 0.9
    scores[:, 0], scores[:, 1, 14:34, 14:34] = 0.5, 1.0
    return image, scores, (image[:, 0] > 0.5).long()


def test_moves_to_the_edge():
    image, scores, truth = scene()
    refined = LevelSetRefiner()(image, scores)
    assert refined.shape == scores.shape and (refined[:, 0] == 0.5).all()
    assert (scores.argmax(1) != truth).sum() > 100
    assert (refined.argmax(1) != truth).sum() < 10


def test_equals_the_refiner_of_the_configs():
    image, scores, _ = scene()
    rgb = (255 * image[0]).round().byte().permute(1, 2, 0).contiguous().numpy()
    theirs = EvolutionRefiner('chan_vese', dict(score=0.4)).refine(rgb, scores[0].numpy())
    ours = LevelSetRefiner()(torch.from_numpy(rgb).permute(2, 0, 1)[None] / 255, scores)
    np.testing.assert_array_equal(ours[0].numpy(), theirs)


def test_any_evolution_and_features():
    """An untrained operator is the identity; given features are what the evolution sees."""
    image, scores, truth = scene()
    still = LevelSetRefiner(FNOEvolution(shared=True))(image, scores)
    # cut where the operator's unit is, as its own level sets are
    torch.testing.assert_close(still[:, 1:], seed_scores(initial_phi(scores, 20.0), 20.0))
    given = LevelSetRefiner(ClassicalEvolution('chan_vese', geodesic=False))(image, scores)
    torch.testing.assert_close(given, LevelSetRefiner()(image, scores), rtol=0, atol=0)
    flat = torch.full_like(image, 0.5)
    refiner = LevelSetRefiner(ClassicalEvolution('chan_vese', geodesic=False))
    assert (refiner(flat, scores, features=image).argmax(1) != truth).sum() < 10


class Seen(Evolution):
    """Leaves phi as it is, and keeps what it was given."""

    def forward(self, phi, image, features):
        self.given = phi, image, features
        return phi


@pytest.mark.parametrize('grouped', [False, True])
def test_an_evolution_gets_what_its_contract_promises(grouped):
    """One level set at a time of the classes that have a contour, or all of them; cut at the truncation."""
    evolution = Seen()
    evolution.grouped = grouped
    scores = torch.zeros(2, 4, 40, 40)
    scores[:, 0], scores[0, 1, 5:9, 5:9], scores[1, 3, 5:9, 5:9] = 0.5, 1.0, 1.0
    refined = LevelSetRefiner(evolution, truncate=10.0)(torch.rand(2, 3, 40, 40), scores)
    phi, image, features = evolution.given
    assert phi.shape[:2] == ((2, 3) if grouped else (2, 1)) and len(image) == len(features) == 2
    assert phi.abs().max() == 10
    torch.testing.assert_close(refined[:, 1:], seed_scores(initial_phi(scores, 10.0), 10.0))
    if not grouped:
        empty = LevelSetRefiner(evolution)(torch.rand(2, 3, 40, 40), scores.roll(1, 0) * 0 + 1.0)
        assert (empty.argmax(1) == 0).all()


def test_refusals():
    image, scores, _ = scene()
    with pytest.raises(ValueError, match='divide by 255'):
        LevelSetRefiner()(255 * image, scores)
    with pytest.raises(ValueError, match='scores are not finite'):
        LevelSetRefiner()(image, scores.masked_fill(scores == 1, float('nan')))
    for wrong in (scores[:, :1], scores[..., :-1], scores[0]):
        with pytest.raises(ValueError, match=r'expected \(N, L, H, W\)'):
            LevelSetRefiner()(image, wrong)


@pytest.mark.parametrize('options', [{}, dict(max_phi=30.0)])
def test_scores_reach_both_ends(options):
    """Also those of an evolution that cuts its level sets closer than others do."""
    image, scores = torch.full((1, 3, 120, 120), 0.5), torch.zeros(1, 2, 120, 120)
    scores[:, 0], scores[:, 1, 20:100, 20:100] = 0.5, 1.0
    evolution = ClassicalEvolution('chan_vese', geodesic=False, steps=0, **options)
    refined = LevelSetRefiner(evolution)(image, scores)[0, 1]
    assert refined.min() < 0.01 and refined.max() > 0.99


def test_options_of_no_method():
    for name in ('truncate', 'num_classes', 'geodesic'):
        with pytest.raises(ValueError, match=f'EvolutionRefiner has no .*{name}'):
            EvolutionRefiner('chan_vese', dict(score=0.4), **{name: 1})
    for wrong in (dict(steps=-3), dict(steps=2.5), dict(length=-1)):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            ClassicalEvolution('chan_vese', **wrong)

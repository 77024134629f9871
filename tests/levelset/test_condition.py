"""The condition of the evolution operator: directions that lower the energy."""

import pytest
import torch

from mmlevelset.levelset import (
    contour_length,
    data_force,
    edge_attraction,
    edge_stopping,
    evolution_condition,
    signed_distance,
    standardise,
)


def disc(radius: float, size: int = 48) -> torch.Tensor:
    """(1, 1, size, size), bool."""
    y, x = torch.meshgrid(*2 * [torch.arange(size) - (size - 1) / 2], indexing='ij')
    return (y.square() + x.square() <= radius**2)[None, None]


@pytest.fixture
def scene() -> dict:
    image = disc(10).double().expand(1, 3, -1, -1)
    return dict(image=image, data=standardise(image), edge=edge_stopping(image))


def test_channels_are_the_forces_with_unit_power(scene):
    phi = signed_distance(disc(14)).double()
    condition = evolution_condition(phi, **scene)
    assert condition.shape == (1, 1, 5, 48, 48)
    torch.testing.assert_close(condition.square().mean((3, 4)), torch.ones(1, 1, 5).double())
    forces = data_force(phi, scene['data']), edge_attraction(phi, scene['edge'])
    for channel, force in zip((1, 2), forces, strict=True):
        cosine = torch.cosine_similarity(condition[0, 0, channel].flatten(), force.flatten(), 0)
        assert cosine > 1 - 1e-6
    torch.testing.assert_close(evolution_condition(phi, **scene, channels=2), condition[:, :, :2])


def test_the_last_channel_is_the_force_of_every_class_s_text(scene):
    phi = torch.cat([signed_distance(disc(r)) for r in (14, 6)], 1).double()
    text = standardise(torch.cat([disc(10), disc(20)], 1).double())
    condition = evolution_condition(phi, **scene, channels=2, text=text)
    assert condition.shape == (1, 2, 3, 48, 48)
    torch.testing.assert_close(condition[:, :, :2], evolution_condition(phi, **scene, channels=2))
    alone = evolution_condition(phi, **scene, channels=0, text=text)
    torch.testing.assert_close(condition[:, :, 2:], alone)
    for c in range(2):
        force = data_force(phi[:, c : c + 1], text[:, c : c + 1])[0, 0]
        torch.testing.assert_close(alone[0, c, 0], force / force.square().mean().sqrt())
    # Between contour and disc, downhill shrinks the first level set and grows the second.
    assert alone[0, 0, 0][disc(13)[0, 0] & ~disc(11)[0, 0]].min() > 0
    assert alone[0, 1, 0][disc(19)[0, 0] & ~disc(7)[0, 0]].max() < 0


def test_geodesic_force_is_the_descent_direction_of_the_mean_edge_value(scene):
    """On the contour it agrees with the negative gradient of the energy term by autograd."""
    phi = (signed_distance(disc(13)) + 0.3).requires_grad_()
    contour_length(phi, edge=scene['edge']).sum().backward()
    band = phi.detach().abs() < 2
    force = evolution_condition(phi.detach(), **scene)[:, :, 4]
    assert torch.cosine_similarity(force[band], -phi.grad[band], 0) > 0.8


def test_edge_contrast_is_negative_on_edges(scene):
    contrast = evolution_condition(signed_distance(disc(15)), **scene)[:, :, 3]
    assert contrast[scene['edge'] < 0.1].max() < 0
    assert contrast[scene['edge'] > 0.999].abs().max() < contrast.abs().max() / 3


def test_flat_level_sets_and_wrong_counts(scene):
    assert evolution_condition(torch.zeros(1, 1, 48, 48), **scene).isfinite().all()
    with pytest.raises(ValueError, match='1 .. 5'):
        evolution_condition(torch.zeros(1, 1, 48, 48), **scene, channels=6)

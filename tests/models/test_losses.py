"""The losses of the level set against numbers worked out by hand and direct calls of the energy."""

import pytest
import torch

from mmlevelset.levelset import (
    LevelSetLoss,
    cam_weight,
    contour_length,
    edge_stopping,
    local_region_energy,
    region_energy,
    standardise,
)
from mmlevelset.models import LevelSetEnergyLoss, SDFLoss
from mmlevelset.models.decode_loss import DecodeLevelSetLoss
from mmlevelset.models.losses import batch_mean


def maps(*values: float) -> torch.Tensor:
    """One map of constant value per entry, (M, 1, 2, 2)."""
    return torch.tensor(values).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)


def test_literal_sdf_loss():
    """((3 - 50)^2 + (-1 + 4)^2) / 2 = (2209 + 9) / 2."""
    loss = SDFLoss(truncate=None)(maps(3.0, -1.0), maps(50.0, -4.0), 4.0)
    assert loss.item() == pytest.approx(1109)


@pytest.mark.parametrize(
    ('phi', 'sdf', 'expected'),
    [
        (3.0, 50.0, (17 / 20) ** 2),  # D counts as 20
        (-25.0, -50.0, (5 / 20) ** 2),  # phi is not clamped: it keeps its gradient
        (1.0, -3.0, (4 / 20) ** 2),
    ],
)
@pytest.mark.parametrize('stride', [1.0, 4.0, 16.0])
def test_truncated_sdf_loss(phi, sdf, expected, stride):
    """The cut is 20 pixels of the map whatever its stride, once it is given in pixels of the image."""
    loss = SDFLoss(truncate=20.0 * stride, loss_weight=2.0)(maps(phi), maps(sdf), stride)
    assert loss.item() == pytest.approx(2 * expected)


def test_sdf_loss_averages_over_level_sets():
    """The mean over pairs and pixels; gradient 2 (phi - D) / (M h w)."""
    phi = maps(1.0, 5.0).clone().requires_grad_()
    SDFLoss(truncate=None)(phi, maps(0.0, 1.0), 4.0).backward()
    torch.testing.assert_close(phi.grad, maps(2 / 8, 8 / 8).clone())


def test_sdf_loss_in_half_precision():
    """Squares of float16 differences would overflow at 256 pixels."""
    loss = SDFLoss(truncate=None)(maps(300.0).half(), maps(-300.0), 4.0)
    assert loss.item() == pytest.approx(600**2)


def test_mean_of_an_empty_batch():
    """Zero and part of the graph, not NaN."""
    value = torch.zeros(0, 1, 2, 2, requires_grad=True)
    mean = batch_mean(value)
    mean.backward()
    assert mean.item() == 0 and value.grad.shape == value.shape
    assert batch_mean(torch.tensor([[1.0, 3.0], [5.0, 7.0]])).item() == 4


@pytest.fixture
def inputs() -> dict[str, torch.Tensor]:
    return dict(
        phi=3 * torch.randn(3, 1, 12, 10),
        image=torch.rand(3, 3, 12, 10),
        data=standardise(torch.randn(3, 5, 12, 10)),
        cam=torch.rand(3, 1, 12, 10) * 7,
        stride=4.0,
    )


@pytest.mark.parametrize('alpha', [0.0, 0.5])
def test_energy_terms(inputs, alpha):
    """Every term is the function of mmlevelset.levelset times its weight, lengths divided by the
    stride, 4."""
    loss = LevelSetEnergyLoss(
        image_weight=2.0, feature_weight=3.0, local_weight=5.0, length_weight=7.0, edge_weight=11.0,
        alpha=alpha, cam_logit='normalised', kappa=0.05, local_radius=12, eps=6.0, loss_weight=0.1,
    )  # fmt: skip
    phi, image, data, cam = (inputs[name] for name in ('phi', 'image', 'data', 'cam'))
    weight = cam_weight(cam, alpha, 'normalised') if alpha else None
    expected = dict(
        loss_energy_image=0.2 * region_energy(phi, image, weight, 1.5).mean(),
        loss_energy_features=0.3 * region_energy(phi, data, weight, 1.5).mean(),
        loss_energy_local=0.5 * local_region_energy(phi, standardise(image), 3, 1.5).mean(),
        loss_energy_length=0.7 * contour_length(phi, 1.5).mean(),
        loss_energy_edge=1.1 * contour_length(phi, 1.5, edge_stopping(image, 0.2)).mean(),
    )
    found = loss(**inputs)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, msg=name)
        assert value > 0


def test_terms_of_weight_zero_are_left_out(inputs):
    loss = LevelSetEnergyLoss(feature_weight=0.0, edge_weight=0.0, length_weight=1.0)
    assert set(loss(**inputs)) == {'loss_energy_length'}


def test_text_term():
    """Of every class its own similarity; lowest on the region that they agree with."""
    y, x = torch.meshgrid(torch.arange(20.0), torch.arange(24.0), indexing='ij')
    near = [
        9 - (y - 10).hypot(x - centre) for centre in (8.0, 15.0)
    ]  # signed distances of two discs
    phi = torch.stack(near)[None].repeat(2, 1, 1, 1)
    text = standardise((phi > 0).float() + 0.1 * torch.randn(phi.shape))
    maps = dict(image=torch.rand(2, 3, 20, 24), data=torch.rand(2, 1, 20, 24), cam=None, stride=2.0)
    loss = LevelSetEnergyLoss(feature_weight=0.0, edge_weight=0.0, text_weight=2.0, eps=3.0)
    found = loss.energies(phi, **maps, text=text)['text']
    for n in range(2):
        for c in range(2):
            one = region_energy(phi[n, c][None, None], text[n, c][None, None], None, 1.5)
            torch.testing.assert_close(found[n, c], 2 * one[0, 0])
    others = (phi.flip(1), phi - 4, phi + 4, torch.full_like(phi, -9))
    assert all((loss.energies(p, **maps, text=text)['text'] > found).all() for p in others)
    with pytest.raises(ValueError, match='text_similarity'):
        loss.energies(phi, **maps)


def test_no_term_at_all():
    with pytest.raises(ValueError, match='leave the loss out'):
        LevelSetEnergyLoss(feature_weight=0.0, edge_weight=0.0)


def test_only_phi_receives_a_gradient(inputs):
    for name in ('phi', 'image', 'data', 'cam'):
        inputs[name].requires_grad_()
    loss = LevelSetEnergyLoss(
        image_weight=1.0, local_weight=1.0, length_weight=1.0, alpha=0.5, cam_logit='literal'
    )
    sum(loss(**inputs).values()).backward()
    assert inputs['phi'].grad.abs().sum() > 0
    assert all(inputs[name].grad is None for name in ('image', 'data', 'cam'))


def test_empty_batch(inputs):
    """A batch without any present class costs nothing and breaks nothing."""
    empty = {name: value[:0] for name, value in inputs.items() if name != 'stride'} | dict(
        stride=4.0
    )
    empty['phi'].requires_grad_()
    losses = LevelSetEnergyLoss(image_weight=1.0, local_weight=1.0, length_weight=1.0)(**empty)
    assert [value.item() for value in losses.values()] == [0.0] * 5
    sum(losses.values()).backward()


@pytest.mark.parametrize('stride', [8, 16])
def test_edges_are_those_of_the_image_on_a_coarse_map(stride):
    """g is made where the image is given, at 4 px, and averaged: a coarse map has not more edge."""
    image = torch.rand(1, 3, 72, 72)
    factor = stride // 4
    phi = torch.randn(1, 1, 72 // factor, 72 // factor)
    loss = LevelSetEnergyLoss(feature_weight=0.0, edge_weight=1.0, kappa=0.02, eps=stride)
    data = cam = torch.zeros_like(phi)
    found = loss(phi, image, data, cam, float(stride))['loss_energy_edge']
    edge = torch.nn.functional.avg_pool2d(edge_stopping(image, 0.08), factor)
    expected = contour_length(phi, edge=edge, missing=4 / stride).mean()
    torch.testing.assert_close(found, expected)


POSITIVE = ('kappa', 'local_radius', 'eps')
WEIGHTS = (
    'image_weight',
    'feature_weight',
    'local_weight',
    'length_weight',
    'edge_weight',
    'loss_weight',
)


@pytest.mark.parametrize('value', [-0.1, float('nan'), float('inf'), '1', None])
def test_weights_and_lengths_that_cannot_be(value):
    """Of every loss: a negative weight would reward what the loss is to lower."""
    for name in WEIGHTS:
        with pytest.raises(
            ValueError, match=f'{name} is .*, expected a number >= 0; a negative weight'
        ):
            LevelSetEnergyLoss(**{name: value})
        with pytest.raises(ValueError, match=f'{name} is '):
            LevelSetLoss(**{name: value})
    for name in POSITIVE:
        with pytest.raises(ValueError, match=f'{name} is .*, expected a number > 0'):
            LevelSetEnergyLoss(**{name: value})
    for kind in (SDFLoss, DecodeLevelSetLoss):
        with pytest.raises(ValueError, match='loss_weight is '):
            kind(loss_weight=value)
    with pytest.raises(ValueError, match='alpha is '):
        LevelSetEnergyLoss(alpha=value)


def test_limits_themselves():
    """Zero leaves a term out, a length of zero has no meaning, and words are checked, too."""
    LevelSetEnergyLoss(edge_weight=0, loss_weight=0, alpha=1)
    SDFLoss(truncate=None, loss_weight=0)
    for options in (dict(kappa=0), dict(alpha=1.5), dict(cam_logit='log')):
        with pytest.raises(ValueError, match=f'{next(iter(options))} is '):
            LevelSetEnergyLoss(**options)
    with pytest.raises(ValueError, match='truncate is 0, expected a number > 0; None is'):
        SDFLoss(truncate=0)

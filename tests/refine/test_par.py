"""PAR against the outputs of AFA's implementation."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mmlevelset.fileio.seeds import Seed
from mmlevelset.refine import PAR
from mmlevelset.refine.par import pixel_adaptive_refinement
from mmlevelset.registry import REFINERS
from tests.numerics import SUMS, assert_recorded

DATA = Path(__file__).resolve().parents[1] / 'data'


@pytest.fixture(scope='module')
def golden():
    """Input of the CRF tests; outputs at every third pixel."""
    crf, par = np.load(DATA / 'crf.npz'), np.load(DATA / 'par.npz')
    return dict(image=crf['image'], prob=crf['prob'], **par)


@pytest.mark.parametrize('masks, expected', [('prob', 'refined'), ('prob_low', 'refined_low')])
def test_parity(golden, masks, expected):
    image = torch.from_numpy(golden['image']).permute(2, 0, 1).float()
    refined = pixel_adaptive_refinement(image, torch.from_numpy(golden[masks]))
    np.testing.assert_allclose(
        refined[:, ::3, ::3], golden[expected], rtol=0, atol=1e-5
    )  # fmt: skip


def test_refiner_is_the_protocol_of_afa(golden):
    image, scores = golden['image'], golden['prob'][1:]
    seed = Seed(np.array([3, 7, 9]), scores, image.shape[:2])
    par = REFINERS.build(dict(type='mmlevelset.PAR', background=dict(score=0.35), iterations=15))
    soft = par(image, seed)

    full = torch.cat([torch.full((1, 48, 60), 0.35), torch.from_numpy(scores)])[None]
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    half, pixels = (
        torch.nn.functional.interpolate(x, (24, 30), mode='bilinear') for x in (full, pixels)
    )
    refined = pixel_adaptive_refinement(pixels[0], half[0].softmax(0), 15)
    expected = torch.nn.functional.interpolate(refined[None], (48, 60), mode='bilinear')[0]
    np.testing.assert_allclose(soft, expected / 1.01**15, atol=1e-5)
    assert soft.dtype == np.float32 and soft.shape == (4, 48, 60)


def test_full_resolution_of_flat_and_tiny_images():
    scores = np.random.default_rng(0).random((3, 1, 1), np.float32)
    soft = PAR().refine(np.full((1, 1, 3), 7, np.uint8), scores)
    assert_recorded(soft, torch.from_numpy(scores).softmax(0).numpy(), SUMS)

    # Without colour differences all neighbours weigh the same: the masks blur, the sum stays.
    scores = np.zeros((2, 9, 9), np.float32)
    scores[1, 4, 4] = 1
    soft = PAR(iterations=1, dilations=(1,), downscale=1).refine(
        np.full((9, 9, 3), 7, np.uint8), scores
    )
    odds = torch.from_numpy(scores).softmax(0).numpy()
    ring = (odds[1, 3:6, 3:6].sum() - odds[1, 4, 4]) / 8
    np.testing.assert_allclose(soft[1, 4, 4], ring, atol=1e-6)
    np.testing.assert_allclose(soft.sum(0), 1, atol=1e-6)
    assert 0.5 < soft[1, 3, 4] < odds[1, 4, 4]


def test_no_foreground_is_background():
    seed = Seed(np.zeros(0, np.int64), np.zeros((0, 4, 5), np.float32), (4, 5))
    soft = PAR(background=dict(score=0.35))(np.zeros((4, 5), np.uint8), seed)
    assert np.array_equal(soft, np.ones((1, 4, 5)))


@pytest.mark.parametrize(
    'wrong', [dict(iterations=-1), dict(downscale=0), dict(dilations=()), dict(dilations=(0, 1))]
)
def test_wrong_settings(wrong):
    with pytest.raises(ValueError, match='iterations >= 0'):
        PAR(**wrong)

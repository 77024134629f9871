"""DenseCRF against the outputs of pydensecrf2, with every published setting."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmlevelset.fileio.seeds import Seed
from mmlevelset.refine import DenseCRF, rgb_image, with_background
from mmlevelset.refine.crf import unary_from_labels, unary_from_scores
from mmlevelset.refine.permutohedral import PermutohedralLattice
from mmlevelset.registry import REFINERS

ROOT = Path(__file__).resolve().parents[2]
PRESETS = Config.fromfile(ROOT / 'configs/_base_/refine/dense_crf.py')
SCORES = [name for name in PRESETS if name.startswith('crf_') and 'gt_prob' not in PRESETS[name]]
KERNELS = dict(
    gaussian=dict(sxy=3, compat=3), bilateral=dict(sxy=80, srgb=13, compat=10)
)  # fmt: skip
TOLERANCE = 1e-5  # worst on a CPU 1e-6
DEVICES = ['cpu', 'cuda'] if torch.cuda.is_available() else ['cpu']


@pytest.fixture(scope='module')
def golden():
    """Outputs of pydensecrf2 1.1 at every third pixel, its labels at all of them."""
    return dict(np.load(ROOT / 'tests/data/crf.npz'))


@pytest.fixture
def seed(golden):
    return Seed(golden['keys'][1:] - 1, golden['cam'], golden['image'].shape[:2])


def build(preset, **options):
    return REFINERS.build(dict(PRESETS[preset], **options))


def assert_equal(soft, golden, name):
    np.testing.assert_allclose(soft[:, ::3, ::3], golden[name], rtol=0, atol=TOLERANCE)
    assert np.array_equal(soft.argmax(0), golden[f'{name}_label'])


def test_every_preset_has_a_reference(golden):
    assert len(SCORES) == 9 and set(SCORES) <= set(golden)


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize('preset', SCORES)
def test_presets(golden, preset, device):
    soft = build(preset, device=device).refine(golden['image'], golden['prob'])
    assert_equal(soft, golden, preset)


@pytest.mark.parametrize('alpha', [1, 4, 12, 24, 32])
def test_seeds_with_exponent(golden, seed, alpha):
    soft = build('crf_psa', background=dict(alpha=alpha))(golden['image'], seed)
    assert soft.dtype == np.float32
    assert_equal(soft, golden, f'alpha{alpha}')


@pytest.mark.parametrize('score', [0.3, 0.15, 0.05])
def test_seeds_as_labels(golden, seed, score):
    soft = build('crf_irn_label', background=dict(score=score))(golden['image'], seed)
    assert np.array_equal(soft.argmax(0), golden[f'label{score}'])


def test_pixels_that_do_not_fill_a_block_of_four(golden):
    dark = golden['image'][:47, :59] // 8  # what the library adds to the last block is black
    soft = build('crf_seam_test').refine(dark, golden['prob'][:, :47, :59])
    assert_equal(soft, golden, 'odd')


def test_flat_image_where_all_colours_tie(golden):
    flat = np.full_like(golden['image'], 128)
    assert_equal(build('crf_toco_test').refine(flat, golden['prob']), golden, 'flat')
    # A grey image is three equal channels; so is a float image of whole numbers.
    grey = build('crf_toco_test').refine(flat[..., 0].astype(np.float32), golden['prob'])
    assert_equal(grey, golden, 'flat')


def test_no_foreground_is_background():
    seed = Seed(np.zeros(0, np.int64), np.zeros((0, 4, 5), np.float32), (4, 5))
    image = np.zeros((4, 5, 3), np.uint8)
    for preset in ('crf_psa', 'crf_irn_label'):
        assert np.array_equal(build(preset)(image, seed), np.ones((1, 4, 5)))
        assert np.array_equal(build(preset).refine(image, np.ones((1, 4, 5))), np.ones((1, 4, 5)))


def test_one_pixel():
    # N K N = 1, so that each step adds (3 + 10) Q to the logits.
    scores = np.float32([0.6, 0.4]).reshape(2, 1, 1)
    logits = np.log([0.6, 0.4])
    expected = np.exp(logits) / np.exp(logits).sum()
    for _ in range(3):
        expected = np.exp(logits + 13 * expected)
        expected /= expected.sum()
    soft = DenseCRF(**KERNELS, iterations=3).refine(np.full((1, 1, 3), 9, np.uint8), scores)
    np.testing.assert_allclose(soft[:, 0, 0], expected, rtol=1e-5)


def test_zero_iterations_are_the_scores(golden):
    soft = DenseCRF(**KERNELS, iterations=0).refine(golden['image'], golden['prob'])
    np.testing.assert_allclose(soft, golden['prob'] / golden['prob'].sum(0), atol=1e-6)


def test_inputs_are_left_alone(golden, seed):
    image, cam = golden['image'].copy(), golden['cam'].copy()
    image.flags.writeable = cam.flags.writeable = False
    build('crf_seam_walk', background=dict(alpha=4))(image, seed._replace(scores=cam))
    assert np.array_equal(image, golden['image']) and np.array_equal(cam, golden['cam'])


@pytest.mark.parametrize('dims', [1, 2, 3, 5])
def test_lattice_averages_like_the_gaussian(dims):
    points = torch.rand(1500, dims) * (12 if dims == 1 else 4)
    waves = torch.stack([(2 * points[:, 0]).cos(), points.sum(1).sin()], dim=1)
    ones = torch.ones(1500, 1)
    weights = torch.exp(-torch.cdist(points, points).square() / 2)
    exact = weights @ waves / weights.sum(1, keepdim=True)
    lattice = PermutohedralLattice(points)
    average = lattice(waves) / lattice(ones)
    assert (average - exact).abs().max() < 0.15 < (waves - exact).abs().max()
    torch.testing.assert_close(lattice(waves)[:, 1:], lattice(waves[:, 1:]))  # channels do not mix

    factors = torch.rand(1500, 1)
    expected = factors * lattice(factors * waves)
    lattice.scale(factors[:, 0])
    torch.testing.assert_close(lattice(waves), expected, rtol=1e-4, atol=1e-4)


def test_isolated_points_do_not_mix():
    points = torch.tensor([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]])
    filtered = PermutohedralLattice(points)(torch.eye(3))
    assert torch.equal(filtered, filtered.diagonal().diag())
    # The origin is a vertex. Its triangle exists, so that 1/2^3 comes round to it; gain 1/(1 + 2^-2).
    assert filtered[0, 0].item() == pytest.approx((1 + 1 / 8) / (1 + 1 / 4))


@pytest.mark.parametrize(
    'features', [torch.zeros(3), torch.zeros(0, 2), torch.zeros(3, 2).double(), 1e7 * torch.eye(6)]
)
def test_lattice_refuses(features):
    with pytest.raises(ValueError, match='features'):
        PermutohedralLattice(features)


def test_unaries():
    scores = np.float32([0, 0.25, 1]).reshape(3, 1, 1)
    np.testing.assert_allclose(
        unary_from_scores(scores).ravel(), -np.log([1e-5, 0.25, 1]), rtol=1e-6
    )
    mixed = unary_from_scores(scores, uniform=0.5).ravel()
    np.testing.assert_allclose(mixed, -np.log([1 / 6, 1 / 8 + 1 / 6, 2 / 3]), rtol=1e-6)
    labels = unary_from_labels(np.array([[1]]), 3, 0.7).ravel()
    np.testing.assert_allclose(np.exp(-labels), [0.15, 0.7, 0.15], rtol=1e-6)


def test_background():
    scores = np.float32([[[0.2, 0.9]], [[0.5, 0.1]]])
    np.testing.assert_allclose(with_background(scores, alpha=2)[0], [[0.25, 0.01]], rtol=1e-5)
    with_score = with_background(scores, score=0.3)
    assert np.array_equal(with_score[1:], scores) and np.all(with_score[0] == np.float32(0.3))
    for wrong in ({}, dict(alpha=1, score=0.3), dict(alpha=0), dict(score=0.0), dict(score=1.5)):
        with pytest.raises(ValueError, match='background'):
            with_background(scores, **wrong)


@pytest.mark.parametrize(
    'image',
    [
        np.zeros((4, 5, 4), np.uint8),
        np.zeros((3, 4, 5), np.uint8),
        np.zeros((0, 5, 3), np.uint8),
        np.full((4, 5, 3), 0.5),
        np.full((4, 5, 3), -1),
        np.full((4, 5, 3), 256),
        np.full((4, 5, 3), np.nan),
        np.zeros((4, 5, 3), bool),
    ],
)
def test_ambiguous_images_are_refused(image):
    with pytest.raises(ValueError, match='image must'):
        rgb_image(image)


def test_wrong_sizes_and_settings(golden, seed):
    image = golden['image']
    with pytest.raises(ValueError, match='resize the seed'):
        build('crf_psa')(image[:-1], seed)
    with pytest.raises(ValueError, match='background'):
        build('crf_seam_test')(image, seed)
    with pytest.raises(ValueError, match='scores'):
        build('crf_psa').refine(image, golden['prob'][:, :-1])
    for wrong in (
        dict(gaussian=dict(sxy=3)),
        dict(bilateral=dict(sxy=80, srgb=0, compat=1)),
        dict(gt_prob=1.0),
        dict(uniform=1.0),
        dict(iterations=-1),
        dict(backend='mxnet'),
        dict(background=dict(alpha=-1)),
        dict(gt_prob=0.7, uniform=0.5),
        dict(gt_prob=0.7, softmax=True),
    ):
        with pytest.raises(ValueError, match='|'.join(wrong)):
            DenseCRF(**{**KERNELS, **wrong})


def test_missing_pydensecrf_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pydensecrf', None)
    with pytest.raises(ImportError, match=r'mmlevelset\[crf\]'):
        DenseCRF(**KERNELS, backend='pydensecrf')


def test_pydensecrf_gets_what_it_wants(monkeypatch, golden):
    """The library's conventions: (width, height, labels), energies (L, H*W), keyword names."""
    calls = {}

    class Recorder:
        def __init__(self, *shape):
            calls['shape'] = shape

        def setUnaryEnergy(self, unary):  # noqa: N802
            calls['unary'] = unary

        def addPairwiseGaussian(self, sxy, compat):  # noqa: N802
            calls['gaussian'] = (sxy, compat)

        def addPairwiseBilateral(self, sxy, srgb, rgbim, compat):  # noqa: N802
            calls['bilateral'] = (sxy, srgb, compat)
            calls['image'] = rgbim

        def inference(self, iterations):
            calls['iterations'] = iterations
            return np.exp(-calls['unary'])

    package = ModuleType('pydensecrf')
    package.densecrf = SimpleNamespace(DenseCRF2D=Recorder)
    monkeypatch.setitem(sys.modules, 'pydensecrf', package)
    crf = build('crf_muscle_test', backend='pydensecrf', uniform=0.0)
    soft = crf.refine(golden['image'], golden['prob'])
    np.testing.assert_allclose(soft, golden['prob'], rtol=1e-5)
    assert calls['shape'] == (60, 48, 4) and calls['iterations'] == 4
    assert calls['gaussian'] == (2, 1) and calls['bilateral'] == (64 / 3, 10, 10)
    assert calls['unary'].shape == (4, 48 * 60) and calls['unary'].flags.c_contiguous
    assert np.array_equal(calls['image'], golden['image'])

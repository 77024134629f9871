"""What every refiner must do with odd seeds and images."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from mmlevelset.config import read_config
from mmlevelset.fileio.seeds import Seed
from mmlevelset.refine import PAR, DenseCRF, Refiner
from mmlevelset.registry import REFINERS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/refine'
NAMES = ('crf', 'par', 'chan-vese', 'drlse', 'irn-labels_irn')


@pytest.fixture(scope='module', params=NAMES)
def refiner(request: pytest.FixtureRequest) -> Refiner:
    cfg = read_config(str(CONFIGS / f'{request.param}.py'))
    return REFINERS.build(cfg.refiner.to_dict())


@pytest.mark.parametrize('size', [(1, 1), (1, 7), (5, 1), (2, 2)])
@pytest.mark.parametrize('keys', [[], [0], [0, 3]])
def test_small_images_and_no_class(refiner: Refiner, size: tuple[int, int], keys: list) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    noise = rng.random((len(keys), *size)).astype(np.float32)
    for scores in (noise, np.zeros_like(noise), np.ones_like(noise)):
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            soft = refiner(image, Seed(np.array(keys, np.int64), scores, size))
        assert soft.shape == (len(keys) + 1, *size) and np.isfinite(soft).all()
        assert soft.min() >= 0 and soft.max() <= 1 + 1e-3
        if not keys:
            assert (soft == 1).all()


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf, 2, -1])
def test_seeds_that_are_none(refiner: Refiner, value: float) -> None:
    scores = np.full((1, 5, 6), 0.5, np.float32)
    scores[0, 1, 2] = value
    with pytest.raises(ValueError, match=r'scores must lie in \[0, 1\]'):
        refiner(np.zeros((5, 6, 3), np.uint8), Seed(np.array([0]), scores, (5, 6)))


@pytest.mark.parametrize('keys', [[1, 1], [254], [-1]])
def test_classes_that_are_none(refiner: Refiner, keys: list[int]) -> None:
    seed = Seed(np.array(keys), np.full((len(keys), 5, 6), 0.5, np.float32), (5, 6))
    with pytest.raises(ValueError, match='keys must be distinct'):
        refiner(np.zeros((5, 6, 3), np.uint8), seed)


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_scores_of_a_model_that_are_not_finite_are_found(value: float) -> None:
    """Refiners also serve segmentation models, without a seed."""
    scores = np.full((2, 5, 6), 0.5, np.float32)
    scores[1, 2, 3] = value
    kernels = dict(gaussian=dict(sxy=3, compat=3), bilateral=dict(sxy=50, srgb=5, compat=10))
    for refiner in (PAR(), DenseCRF(**kernels)):
        with pytest.raises(ValueError, match=f'{value} at map 1, row 2, column 3'):
            refiner.refine(np.zeros((5, 6, 3), np.uint8), scores)
        with pytest.raises(ValueError, match='expected scores'):
            refiner.refine(np.zeros((5, 7, 3), np.uint8), np.full((2, 5, 6), 0.5, np.float32))


class Users(Refiner):
    """A refiner of a user that returns what it was told to."""

    def __init__(self, made: np.ndarray) -> None:
        super().__init__(dict(score=0.4))
        self.made = made

    def refine(self, image: np.ndarray, scores: np.ndarray) -> np.ndarray:
        return self.made


@pytest.mark.parametrize(
    ('made', 'complaint'),
    [
        (np.full((2, 5, 6), np.nan), 'not finite: nan'),
        (np.ones((2, 6, 5)), r'expected scores .* \(5, 6\), got \(2, 6, 5\)'),
        (np.ones((3, 5, 6)), 'must keep their number'),
        (np.full((2, 5, 6), 2.0), r'must lie in \[0, 1\], got \[2, 2\]'),
        (np.full((2, 5, 6), -1.0), r'must lie in \[0, 1\]'),
    ],
)
def test_what_a_refiner_gives_is_looked_at(made: np.ndarray, complaint: str) -> None:
    seed = Seed(np.array([0]), np.full((1, 5, 6), 0.5, np.float32), (5, 6))
    with pytest.raises(ValueError, match=f'Users made maps.*{complaint}'):
        Users(made)(np.zeros((5, 6, 3), np.uint8), seed)

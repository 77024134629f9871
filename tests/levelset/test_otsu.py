"""Otsu's threshold of several histograms at once, against scikit-image and by hand."""

import numpy as np
import pytest
import torch
from skimage.filters import threshold_otsu

from mmlevelset.levelset.otsu import otsu_threshold


def test_every_row_is_that_of_scikit_image():
    generator = np.random.default_rng(0)
    histograms = generator.integers(0, 50, (4, 5, 256))
    found = otsu_threshold(torch.from_numpy(histograms))
    assert found.shape == (4, 5)
    for row, value in zip(histograms.reshape(-1, 256), found.flatten().tolist(), strict=True):
        expected = threshold_otsu(hist=(row, np.arange(256)))
        assert value == pytest.approx((expected + 0.5) / 255, abs=1e-6)  # float32 there


def test_middle_of_an_empty_stretch():
    """Two crowds at 10 and 200: every cut between them is as good, the middle one is taken."""
    histogram = torch.zeros(2, 256)
    histogram[:, [10, 200]] = torch.tensor([[1.0, 1.0], [5.0, 2.0]])
    assert otsu_threshold(histogram).tolist() == pytest.approx([105 / 255] * 2)


def test_one_level_has_no_threshold():
    histogram = torch.zeros(2, 256)
    histogram[0, [3, 9]] = 1
    histogram[1, 7] = 4
    with pytest.raises(ValueError, match='at least two different values, the seeds have 1'):
        otsu_threshold(histogram)

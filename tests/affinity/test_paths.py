"""Pairs and paths against the tables of irn (commit a2ece00) and psa (9493e59)."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mmlevelset.affinity.paths import half_disc, search_paths, shifted

DATA = Path(__file__).resolve().parents[1] / 'data'
PATHS = np.load(DATA / 'irn_path_index.npz')


def test_offsets_of_psa():
    expected = np.load(DATA / 'psa_affinity_label.npz')['offsets_dy_dx']
    np.testing.assert_array_equal(half_disc(5), expected)


@pytest.mark.parametrize(('radius', 'count'), [(5, 34), (10, 152)])
def test_paths_of_irn(radius, count):
    """All pixels of all paths, in the same order."""
    paths = search_paths(radius)
    lengths = np.repeat(PATHS[f'r{radius}_len'], PATHS[f'r{radius}_n_by_length'])
    assert len(paths) == count and [len(path) for path in paths] == lengths.tolist()
    np.testing.assert_array_equal(np.concatenate(paths), PATHS[f'r{radius}_paths_flat'])
    np.testing.assert_array_equal([p[0] for p in paths], PATHS[f'r{radius}_search_dst'])


@pytest.mark.parametrize('radius', [5, 10])
def test_pixels_of_irn(radius):
    """Sources and partners are the same pixels of the map."""
    height, width = PATHS[f'r{radius}_size']
    pixels = torch.arange(height * width).view(height, width)
    sources = shifted(pixels, (0, 0), radius).flatten()
    partners = [shifted(pixels, path[0], radius).flatten() for path in search_paths(radius)]
    np.testing.assert_array_equal(sources, PATHS[f'r{radius}_src_indices'])
    np.testing.assert_array_equal(torch.stack(partners), PATHS[f'r{radius}_dst_indices'])


def test_misuse():
    with pytest.raises(ValueError, match='radius=1 leaves no pairs'):
        half_disc(1)
    assert shifted(torch.zeros(5, 9), (4, -4), 5).shape == (1, 1)
    with pytest.raises(ValueError, match='holds no half disc of radius 5'):
        shifted(torch.zeros(5, 8), (0, 0), 5)

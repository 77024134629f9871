"""The sparse walk against the dense ones of psa, SEAM, MCTformer and irn."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from mmlevelset.affinity.losses import feature_affinity, path_affinity
from mmlevelset.affinity.paths import half_disc, search_paths
from mmlevelset.refine.irn import edge_walk
from mmlevelset.refine.psa import feature_walk
from mmlevelset.refine.random_walk import random_walk, transition_matrix

DATA = Path(__file__).resolve().parents[1] / 'data'
PSA, IRN = np.load(DATA / 'psa_walk.npz'), np.load(DATA / 'irn_walk.npz')
# 256 steps in float32 leave 1.2e-5 on the original's side, whatever is compared with it: four times.
TOLERANCE = 5e-5


def psa_transition(name: str, beta: float) -> Tensor:
    affinity = feature_affinity(torch.tensor(PSA[f'{name}_feat']), 5)[0]
    return transition_matrix(affinity, half_disc(5), (11, 13), beta, left=4)


def test_affinities_of_psa():
    """Pairs, and the dense matrix: symmetric, 1 on the diagonal."""
    affinity = feature_affinity(torch.tensor(PSA['psa_feat']), 5)
    np.testing.assert_allclose(affinity.flatten(2), PSA['aff_pairs'], atol=1e-6)
    dense = psa_transition('psa', 1).to_dense()
    dense = dense / dense.diagonal()[:, None]  # undo the normalisation of the rows
    np.testing.assert_allclose(dense[PSA['rows']], PSA['dense_rows'], atol=1e-6)


@pytest.mark.parametrize('name', ['psa', 'seam', 'mctformer'])
def test_walk_of_psa(name):
    """Powers of the matrix, walked scores and labels; ours is the transpose."""
    beta, steps = int(PSA[f'{name}_beta']), 2 ** int(PSA[f'{name}_logt'])
    power = torch.linalg.matrix_power(psa_transition(name, beta).to_dense(), steps).t()
    np.testing.assert_allclose(power[PSA['rows']], PSA[f'{name}_transition_rows'], atol=TOLERANCE)
    scores = torch.tensor(PSA[f'{name}_pooled']).view(3, 11, 13)
    walked = feature_walk(scores, torch.tensor(PSA[f'{name}_feat'][0]), 5, beta, steps)
    walked = F.interpolate(walked[None], scale_factor=8, mode='bilinear')[0]
    np.testing.assert_allclose(walked[:, ::2, ::2], PSA[f'{name}_walk'], atol=TOLERANCE)
    labels = np.array([0, *PSA['cam_keys'] + 1])[walked.argmax(0)]
    height, width = PSA['img_hw']
    np.testing.assert_array_equal(labels[:height, :width], PSA[f'{name}_label'])


@pytest.mark.parametrize(('beta', 'times'), [(10, 8), (8, 6)])
def test_walk_of_irn(beta, times):
    edge, cams = torch.tensor(IRN['edge']), torch.tensor(IRN['cams'])
    walked = edge_walk(cams, edge, 5, beta, 2**times)
    expected = IRN[f'rw_b{beta}_e{times}'][:, 0]
    np.testing.assert_allclose(walked, expected, atol=TOLERANCE)
    walked = F.interpolate(walked[None], scale_factor=4, mode='bilinear')[0][:, :77, :90]
    scores = torch.cat([torch.full((1, 77, 90), IRN['bg_thres'].item()), walked / walked.max()])
    labels = np.array([0, *IRN['keys'] + 1])[scores.argmax(0)]
    np.testing.assert_array_equal(labels, IRN[f'label_b{beta}_e{times}'])


def test_rows_are_probabilities_and_every_pixel_has_all_partners_in_the_map():
    edge = torch.rand(1, 8 + 5, 9 + 10)
    partners = np.array([path[0] for path in search_paths(5)])
    matrix = transition_matrix(path_affinity(edge, 5)[0] + 0.1, partners, (8, 9), 2, left=-1)
    dense = matrix.to_dense()
    np.testing.assert_allclose(dense.sum(1), 1, atol=1e-12)
    y, x = np.divmod(np.arange(72), 9)
    near = (y[:, None] - y) ** 2 + (x[:, None] - x) ** 2 < 25
    np.testing.assert_array_equal(dense > 0, near)


def test_walk_keeps_constants_and_the_range():
    matrix = psa_transition('psa', 8)
    x = torch.stack([torch.rand(11, 13), torch.ones(11, 13)])
    walked = random_walk(x, matrix, 256)
    np.testing.assert_allclose(walked[1], 1, atol=1e-6)
    assert x[0].min() <= walked[0].min() and walked[0].max() <= x[0].max()
    torch.testing.assert_close(random_walk(x, matrix, 0), x)


def test_a_matrix_of_coco_takes_20_mb():
    """640 x 640 pixels at stride 4, where the dense matrix has 2.6 GB."""
    edge = torch.rand(1, 160 + 5, 160 + 10)
    partners = np.array([path[0] for path in search_paths(5)])
    matrix = transition_matrix(path_affinity(edge, 5)[0], partners, (160, 160), 10, left=-1)
    parts = (matrix.values(), matrix.col_indices(), matrix.crow_indices())
    assert sum(part.nbytes for part in parts) <= 20 * 2**20

"""Pair labels and losses against psa and irn."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mmlevelset.affinity.losses import affinity_losses, pair_labels, path_affinity
from mmlevelset.affinity.paths import half_disc, search_paths
from mmlevelset.models.heads.irnet import displacement_losses

DATA = Path(__file__).resolve().parents[1] / 'data'
PSA, IRN = np.load(DATA / 'psa_affinity_label.npz'), np.load(DATA / 'irn_losses.npz')
PARTNERS = [path[0] for path in search_paths(5)]


def test_labels_of_psa():
    labels = pair_labels(torch.tensor(PSA['label'])[None], half_disc(5), 5)
    for ours, name in zip(labels, ('bg_pos', 'fg_pos', 'neg'), strict=True):
        np.testing.assert_array_equal(ours[0].flatten(1), PSA[name])


def test_losses_of_irn():
    labels = pair_labels(torch.tensor(IRN['seg_quarter']), PARTNERS, 5)
    for ours, name in zip(labels, ('bg_pos', 'fg_pos', 'neg'), strict=True):
        np.testing.assert_array_equal(ours.flatten(2), IRN[name])
    affinity = path_affinity(torch.tensor(IRN['edge_logit'])[:, 0].sigmoid(), 5)
    np.testing.assert_allclose(affinity.flatten(2), IRN['aff'], atol=1e-6)
    losses = affinity_losses(affinity, labels)
    same = losses['loss_background'] + losses['loss_foreground']
    assert same.item() == pytest.approx(IRN['loss_pos_aff'] / 2, abs=1e-5)
    assert losses['loss_different'].item() == pytest.approx(IRN['loss_neg_aff'] / 2, abs=1e-5)
    losses.update(displacement_losses(torch.tensor(IRN['disp']), labels, 5))
    assert losses['loss_dp_foreground'].item() == pytest.approx(IRN['loss_dp_fg'] / 2, abs=1e-5)
    assert losses['loss_dp_background'].item() == pytest.approx(IRN['loss_dp_bg'] / 2, abs=1e-5)
    assert sum(losses.values()).item() == pytest.approx(IRN['loss_total'], abs=1e-5)


def test_losses_of_psa_by_hand():
    """One column of five pixels: 0 0 1 1 ?; each kind of pair is averaged on its own."""
    label = torch.full((1, 5, 9), 255)
    label[0, :, 4] = torch.tensor([0, 0, 1, 1, 255])
    labels = pair_labels(label, half_disc(5), 5)
    affinity = torch.full((1, 34, 1, 1), 0.5, requires_grad=True)
    below = [i for i, (dy, dx) in enumerate(half_disc(5)) if dx == 0]  # dy = 1 .. 4
    assert [bool(kind[0, i]) for kind in labels for i in below] == [
        *(True, False, False, False),
        *(False, False, False, False),
        *(False, True, True, False),
    ]
    losses = affinity_losses(affinity, labels)
    assert losses['loss_foreground'] == 0
    assert losses['loss_background'].item() == pytest.approx(np.log(2) / 4, rel=1e-4)
    assert losses['loss_different'].item() == pytest.approx(np.log(2) / 2, rel=1e-4)
    sum(losses.values()).backward()
    gradient = affinity.grad[0, :, 0, 0]
    np.testing.assert_allclose(gradient[below], [-0.5, 0.5, 0.5, 0], rtol=1e-4)
    assert gradient.count_nonzero() == 3


def test_gradient_of_a_path_goes_to_its_strongest_edge():
    edge = torch.zeros(1, 5, 9)
    edge[0, 2, 4] = 0.9
    edge.requires_grad_()
    down = [tuple(map(int, p)) for p in PARTNERS].index((4, 0))
    path_affinity(edge, 5)[0, down].sum().backward()
    expected = torch.zeros(1, 5, 9)
    expected[0, 2, 4] = -1
    torch.testing.assert_close(edge.grad, expected)

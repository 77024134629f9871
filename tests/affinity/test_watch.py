"""A training of affinities on labels without background or foreground is stopped."""

import numpy as np
import pytest
import torch

from mmlevelset.affinity.losses import pair_labels
from mmlevelset.affinity.watch import PATIENCE, PairWatch

OFFSETS = np.array([(0, 1), (1, 0)])


def labels(*values: int):
    """Pairs of a batch whose image holds stripes of these labels."""
    rows = torch.tensor(values).repeat_interleave(4).repeat(8, 1)
    return pair_labels(rows[None], OFFSETS, radius=2)


@pytest.mark.parametrize(
    ('values', 'kind', 'cure'),
    [
        ((255, 3, 255), 'background', 'lower `high` alpha'),
        ((0, 255, 0), 'foreground', 'higher `low` alpha'),
        ((255, 255), 'background', 'lower `high` alpha'),
    ],
)
def test_one_kind_never_comes(values, kind, cure):
    watch = PairWatch()
    for _ in range(PATIENCE - 1):
        watch(labels(*values))
    with pytest.raises(
        ValueError, match=f'{PATIENCE} batches have no two pixels of confident {kind}.*{cure}'
    ):
        watch(labels(*values))


def test_both_in_different_batches():
    """Once both were seen, batches without one of them are as usual."""
    watch = PairWatch()
    watch(labels(0, 255))
    watch(labels(255, 2))
    for _ in range(2 * PATIENCE):
        watch(labels(255, 255))

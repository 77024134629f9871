"""What storing seeds in eight bits costs an evaluation, as docs/en/seeds.md states it."""

from pathlib import Path

import numpy as np

from mmlevelset.evaluation.sweep import SeedReport, SeedSweep

RECORDED = np.load(Path(__file__).parents[1] / 'data/eval_sweep.npz')


def report(bits: int | None) -> SeedReport:
    """Score the recorded seeds as they are, or rounded as files hold them."""
    sweep = SeedSweep(20, threshold=0.5, thresholds=RECORDED['thresholds'], absent='zero')
    images = range(len(RECORDED['names']))
    counts = []
    for i in images:
        scores = np.clip(RECORDED[f'cams{i}'], 0, 1)
        if bits:
            top = 2**bits - 1
            scores = np.rint(top * scores).astype(np.float32) / np.float32(top)
        counts.append(sweep.count(RECORDED[f'cam_keys{i}'], scores, RECORDED[f'gt{i}']))
    return sweep.report(counts)


def test_eight_bits_move_a_threshold_but_hardly_the_best() -> None:
    exact, stored = report(None), report(8)
    np.testing.assert_allclose(100 * exact.curve.max(), 22.1691, atol=1e-4)
    difference = 100 * np.abs(exact.curve - stored.curve)
    assert 0.2 < difference.max() <= 0.35
    assert 100 * abs(exact.curve.max() - stored.curve.max()) <= 0.011


def test_fewer_bits_would_cost_more() -> None:
    exact = report(None)
    lost = [np.abs(exact.curve - report(bits).curve).mean() for bits in (4, 6, 8)]
    assert lost[0] > 2 * lost[1] > 4 * lost[2]

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from mmlevelset.evaluation.boundary_f import (
    boundary_f,
    boundary_f_report,
    class_boundary_f,
    contour,
)
from mmlevelset.evaluation.boundary_f_metric import BoundaryFMetric

GOLDEN = np.load(Path(__file__).parents[1] / 'data' / 'boundary.npz')


def maps(seed: int, void: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(seed)
    fields = ndimage.gaussian_filter(rng.randn(3, 40, 44), (0, 3, 3))
    pred = (fields + 0.05 * ndimage.gaussian_filter(rng.randn(3, 40, 44), (0, 2, 2))).argmax(0)
    target = fields.argmax(0)
    target[rng.rand(40, 44) < void] = 255
    return pred, target


@pytest.mark.parametrize('row', range(6))
def test_official_davis(row: int) -> None:
    """Three images at a tolerance of 0.8 % of the diagonal and of 3 pixels."""
    image, tolerance = row // 2, (0.008, 3)[row % 2]
    scores = class_boundary_f(GOLDEN[f'pred{image}'], GOLDEN[f'gt{image}'], 16, tolerance)
    golden = GOLDEN['davis_F_img_x_(0.008,3px)_by_class'][row]
    np.testing.assert_allclose(scores[GOLDEN['classes']], golden, atol=1e-6)
    assert np.isnan(np.delete(scores, GOLDEN['classes'])).all()


def test_contour_by_brute_force() -> None:
    mask = maps(0)[0] == 1
    expected = np.zeros_like(mask)
    for y, x in np.ndindex(mask.shape):
        for dy, dx in ((0, 1), (1, 0), (1, 1)):
            near = mask[min(y + dy, 39), min(x + dx, 43)]
            expected[y, x] |= mask[y, x] != near
    np.testing.assert_array_equal(contour(mask), expected)
    assert not contour(np.ones((4, 5))).any()


def test_tolerance_is_a_disk() -> None:
    """A contour that is d pixels off is right from a tolerance of d on."""
    target, pred = np.zeros((2, 40, 40), bool)
    target[:, 20:], pred[:, 23:] = True, True
    assert boundary_f(pred, target, 2) == (0, 0, 0)
    assert boundary_f(pred, target, 3) == (1, 1, 1)
    # 3 pixels are 5.3 % of this diagonal, and are reached by rounding up
    assert boundary_f(pred, target, 2.1 / np.hypot(40, 40)).f == 1


def test_masks_without_contour() -> None:
    empty, box = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
    box[5:9, 5:9] = True
    assert boundary_f(empty, empty) == (1, 1, 1)
    assert boundary_f(box, empty) == (0, 1, 0)
    assert boundary_f(empty, box) == (1, 0, 0)


def test_void_hides_what_is_in_it() -> None:
    target = np.zeros((20, 20), np.int64)
    target[:10] = 255
    pred = np.zeros_like(target)
    clean = class_boundary_f(pred, target, 2, 1)
    pred[2:8, 2:8] = 1
    np.testing.assert_array_equal(class_boundary_f(pred, target, 2, 1), clean)
    assert clean[0] == 1 and np.isnan(clean[1])


def test_report_averages_images_then_classes() -> None:
    scores = np.array([[1.0, 0.5, np.nan, np.nan], [0.5, np.nan, 0.25, np.nan]])
    report = boundary_f_report(scores, ['background', 'a', 'b', 'c'])
    assert [report[f'F.{c}'] for c in ('background', 'a', 'b')] == [75, 50, 25]
    assert np.isnan(report['F.c'])
    assert report['mF'] == 50 and report['mF_foreground'] == 37.5


def test_metric() -> None:
    metric = BoundaryFMetric(tolerance=2)
    metric.dataset_meta = dict(classes=('background', 'a', 'b'))
    pairs = [maps(seed) for seed in range(2)]
    for pred, target in pairs:
        sample = dict(
            pred_sem_seg=dict(data=torch.as_tensor(pred)[None]),
            gt_sem_seg=dict(data=torch.as_tensor(target)[None]),
        )
        metric.process(None, [sample])
    scores = metric.evaluate(2)
    expected = [class_boundary_f(*pair, 3, 2) for pair in pairs]
    expected = boundary_f_report(expected, ['background', 'a', 'b'])
    assert scores == pytest.approx({f'boundary_f/{k}': v for k, v in expected.items()})
    assert 0 < scores['boundary_f/mF'] < 100


def test_mistakes_are_named() -> None:
    pred, target = maps(0)
    with pytest.raises(ValueError, match='differ in size'):
        class_boundary_f(pred[:5], target, 3)
    with pytest.raises(ValueError, match='ground truth holds the labels'):
        class_boundary_f(np.zeros_like(pred), target, 2)
    with pytest.raises(ValueError, match='a tolerance > 0, got 0'):
        BoundaryFMetric(tolerance=0)
    metric = BoundaryFMetric()
    with pytest.raises(ValueError, match='BoundaryFMetric needs ground truth'):
        metric.process(None, [dict(pred_sem_seg=dict(data=torch.zeros(1, 2, 2)))])

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from mmlevelset.evaluation.boundary import (
    boundary_band,
    boundary_counts,
    boundary_iou,
    boundary_report,
    contour_distance,
    count_boundaries,
    trimap_confusions,
)

DATA = Path(__file__).parents[1] / 'data' / 'boundary.npz'


@pytest.fixture(scope='module')
def golden():
    with np.load(DATA) as file:
        return dict(file)


@pytest.mark.parametrize('ratio', [0.02, 0.05])
@pytest.mark.parametrize('void', ['novoid', 'void'])
def test_official_boundary_iou(golden, ratio, void):
    classes = golden['classes']
    truth = 'gtvoid' if void == 'void' else 'gt'
    images = [
        boundary_counts(golden[f'pred{i}'], golden[f'{truth}{i}'], 16, ratio) for i in range(3)
    ]
    per_image = np.stack([counts[:, classes].T for counts in images])
    np.testing.assert_array_equal(per_image, golden[f'r{ratio}_{void}_per_image'])
    total = sum(images)
    np.testing.assert_array_equal(total[0, classes], golden[f'r{ratio}_{void}_inter'])
    np.testing.assert_array_equal(total[1, classes], golden[f'r{ratio}_{void}_union'])
    assert total.sum() == total[:, classes].sum()


def test_official_bands(golden):
    for i in range(3):
        for label in (1, 2):
            band = boundary_band(golden[f'gt{i}'] == label, 0.02)
            np.testing.assert_array_equal(band, golden[f'boundary_gt{i}_c{label}_r0.02'] > 0)


def test_band_is_the_mask_minus_repeated_erosions():
    mask = ndimage.gaussian_filter(np.random.RandomState(0).randn(40, 50), 4) > 0
    inner = ndimage.binary_erosion(mask, np.ones((3, 3)), iterations=3, border_value=0)
    band = boundary_band(mask, 3 / np.hypot(40, 50))
    np.testing.assert_array_equal(band, mask & ~inner)
    assert 0 < band.sum() < mask.sum()


def random_maps(seed, void=0.05):
    rng = np.random.RandomState(seed)
    fields = ndimage.gaussian_filter(rng.randn(3, 40, 44), (0, 3, 3))
    target = fields.argmax(0).astype(np.uint8)
    pred = (
        (fields + ndimage.gaussian_filter(rng.randn(3, 40, 44), (0, 2, 2)) / 3)
        .argmax(0)
        .astype(np.uint8)
    )
    target[rng.rand(40, 44) < void] = 255
    return pred, target


def test_distance_equals_scipy_on_brute_force_edges():
    _, target = random_maps(0, void=0)
    edge = np.zeros(target.shape, bool)
    for y, x in np.ndindex(target.shape):
        for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            if 0 <= y + dy < 40 and 0 <= x + dx < 44:
                edge[y, x] |= target[y, x] != target[y + dy, x + dx]
    np.testing.assert_allclose(
        contour_distance(target), ndimage.distance_transform_edt(~edge), atol=1e-4
    )


def test_a_trimap_has_r_pixels_on_either_side():
    target = np.zeros((6, 20), np.uint8)
    target[:, 10:] = 1
    tables = trimap_confusions(np.zeros_like(target), target, 2, radii=(1, 3, 100))
    assert tables[:, 0, 0].tolist() == [6, 18, 60] and tables[:, 1, 0].tolist() == [6, 18, 60]
    assert not tables[:, :, 1].any()


def test_trimaps_equal_masked_counting_and_leave_void_out():
    pred, target = random_maps(1)
    tables = trimap_confusions(pred, target, 3, radii=(1, 2.5))
    distance = contour_distance(target)
    for radius, table in zip((1, 2.5), tables, strict=True):
        near = (distance < radius) & (target != 255)
        for t, p in np.ndindex(3, 3):
            assert table[t, p] == np.count_nonzero(near & (target == t) & (pred == p))


def test_a_map_of_one_label_has_no_trimap():
    flat = np.zeros((5, 6), np.uint8)
    assert np.isinf(contour_distance(flat)).all() and not trimap_confusions(flat, flat, 2).any()


def test_perfect_prediction_scores_one_hundred():
    _, target = random_maps(2)
    pred = np.where(target == 255, 0, target)
    clean = pred.copy()
    report = boundary_report([count_boundaries(pred, clean, 4)], ['background', 'a', 'b', 'c'])
    assert report['mBIoU'] == report['mBIoU_foreground'] == report['trimap_mIoU@3'] == 100
    assert np.isnan(report['BIoU.c'])


def test_data_set_scores_add_up_before_dividing():
    names, radii = ['background', 'a', 'b'], (2, 5)
    maps = [random_maps(seed) for seed in range(4)]
    report = boundary_report(
        [count_boundaries(*pair, 3, 0.03, radii) for pair in maps], names, radii
    )
    counts = sum(boundary_counts(*pair, 3, 0.03) for pair in maps)
    iou = 100 * counts[0] / counts[1]
    np.testing.assert_allclose(100 * boundary_iou(counts), iou)
    assert report['mBIoU'] == pytest.approx(iou.mean()) and report[
        'mBIoU_foreground'
    ] == pytest.approx(iou[1:].mean())
    assert report['BIoU.a'] == pytest.approx(iou[1])
    assert 0 < report['trimap_mIoU@2'] < report['trimap_mIoU@5'] < 100


def test_mistakes_are_named():
    pred, target = random_maps(0)
    for function in (boundary_counts, trimap_confusions):
        with pytest.raises(ValueError, match='differ in size'):
            function(pred[:5], target, 3)
    with pytest.raises(ValueError, match='ground truth holds'):
        boundary_counts(np.zeros_like(pred), target, 2)

import json
from pathlib import Path

import numpy as np
import pytest
from skimage.filters import threshold_otsu

from mmlevelset.evaluation.confusion import confusion_matrix, confusion_scores
from mmlevelset.evaluation.sweep import SeedSweep
from mmlevelset.evaluation.thresholds import (
    choose_threshold,
    otsu_threshold,
    parse_threshold,
    stated_rule,
)

DATA = Path(__file__).parents[1] / 'data' / 'eval_sweep.npz'


@pytest.fixture(scope='module')
def golden():
    with np.load(DATA) as file:
        return dict(file)


def golden_images(golden):
    for i in range(len(golden['names'])):
        yield golden[f'cam_keys{i}'], golden[f'cams{i}'], golden[f'gt{i}']


def sweep_golden(golden, absent):
    sweep = SeedSweep(20, threshold=0.3, thresholds=golden['thresholds'], absent=absent)
    return sweep, [sweep.count(*image) for image in golden_images(golden)]


def brute_force(images, threshold, num_classes):
    """Confusion of argmax([t, all classes]) at full width, the literature's definition."""
    total = np.zeros((num_classes + 1, num_classes + 1), np.int64)
    for keys, scores, target in images:
        stack = np.zeros((num_classes + 1, *target.shape), np.float32)
        stack[0] = threshold
        stack[np.asarray(keys) + 1] = scores
        total += confusion_matrix(stack.argmax(0), target, num_classes + 1)
    return total


def test_official_curve_and_class_scores(golden):
    sweep, counts = sweep_golden(golden, 'zero')
    report = sweep.report(counts)
    np.testing.assert_allclose(100 * report.curve, golden['seam_miou'], atol=1e-6)
    np.testing.assert_allclose(100 * report.oracle.miou, golden['best'], atol=1e-6)
    assert report.oracle_threshold == golden['best_thr']
    np.testing.assert_allclose(100 * report.scores.iou, golden['seam_cls_iou_at_0p30'], atol=1e-6)
    np.testing.assert_allclose(100 * report.scores.fp, golden['mct_fp_at_0p30'], atol=1e-6)
    np.testing.assert_allclose(100 * report.scores.fn, golden['mct_fn_at_0p30'], atol=1e-6)


def test_official_means_over_occurring_classes(golden):
    sweep, counts = sweep_golden(golden, 'nan')
    report = sweep.report(counts)
    index = np.searchsorted(sweep.grid, 0.3)
    confusion = sweep.confusions([item.sweep for item in counts])[index]
    np.testing.assert_array_equal(confusion[:16, :16], golden['irn_confusion'])
    assert confusion.sum() == golden['irn_confusion'].sum()
    np.testing.assert_allclose(report.scores.iou[:16], golden['irn_iou'], atol=1e-6)
    for name in ('irn_miou', 'deeplab_miou', 'mct_eval_miou'):
        np.testing.assert_allclose(report.scores.miou, golden[name], atol=1e-6)


def random_images(seed, count=3, num_classes=4):
    rng = np.random.RandomState(seed)
    for _ in range(count):
        shape = tuple(rng.randint(8, 20, 2))
        keys = rng.permutation(num_classes)[: rng.randint(0, num_classes + 1)]
        keys.sort()
        # Levels of 1/20 meet every second threshold of the sweep and each other exactly.
        scores = (rng.randint(0, 21, (len(keys), *shape)) / 20).astype(np.float32)
        target = rng.choice([*range(num_classes + 1), 255], shape).astype(np.uint8)
        yield keys, scores, target


@pytest.mark.parametrize('seed', range(3))
def test_sweep_equals_argmax_at_every_threshold(seed):
    images = list(random_images(seed))
    sweep = SeedSweep(4, threshold=0.123456)
    assert len(sweep.grid) == 101
    confusions = sweep.confusions([sweep.count(*image).sweep for image in images])
    assert confusions.dtype == np.int64
    for threshold, confusion in zip(sweep.grid, confusions, strict=True):
        np.testing.assert_array_equal(confusion, brute_force(images, threshold, 4))


def test_fixed_and_otsu_thresholds_are_scored_exactly_even_outside_the_sweep():
    images = list(random_images(5))
    for rule in (0.777, 'otsu'):
        sweep = SeedSweep(4, threshold=rule, thresholds=[0.1, 0.2])
        report = sweep.report([sweep.count(*image) for image in images])
        expected = confusion_scores(brute_force(images, report.threshold, 4)).miou
        np.testing.assert_allclose(report.scores.miou, expected)
        assert report.oracle_threshold in (0.1, 0.2) and report.curve.shape == (2,)


def test_a_tie_with_the_threshold_is_background():
    sweep = SeedSweep(1, threshold=0.5)
    target = np.array([[0, 1]], np.uint8)
    above = np.nextafter(np.float32(0.5), np.float32(1))
    report = sweep.report([sweep.count([0], np.array([[[0.5, above]]], np.float32), target)])
    assert report.scores.miou == 1


def test_perfect_seeds_score_one_and_void_is_not_counted():
    target = np.array([[0, 1, 2, 255]], np.uint8)
    scores = np.array([[[0, 1, 0, 1]], [[0, 0, 1, 0]]], np.float32)
    sweep = SeedSweep(2)
    report = sweep.report([sweep.count([0, 1], scores, target)])
    assert (
        report.oracle.miou == 1
        and report.scores.miou == 1
        and report.scores.fp == report.scores.fn == 0
    )
    assert (
        sweep.confusions([sweep.count([0, 1], scores, target).sweep]).sum(axis=(1, 2)).tolist()
        == [3] * 100
    )


def test_without_ground_truth_only_a_threshold():
    sweep = SeedSweep(4)
    report = sweep.report([sweep.count(keys, scores, None) for keys, scores, _ in random_images(1)])
    assert (
        report.scores is None
        and np.isnan(report.curve).all()
        and report.evaluated == 0
        and report.images == 3
    )
    assert 0 < report.threshold < 1


def test_constant_seeds_do_not_end_a_training():
    sweep = SeedSweep(1)
    counts = [sweep.count([0], np.zeros((1, 4, 4), np.float32), np.ones((4, 4), np.uint8))]
    with pytest.warns(UserWarning, match='two different values'):
        report = sweep.report(counts)
    assert report.scores.miou == 0


def test_otsu_equals_scikit_image():
    rng = np.random.RandomState(0)
    for _ in range(5):
        histogram = rng.randint(1, 1000, 256)
        histogram[100 : 100 + rng.randint(1, 80)] //= 20
        histogram += 1  # no empty level: a single best cut
        expected = threshold_otsu(hist=(histogram, np.arange(256)))
        assert otsu_threshold(histogram) == pytest.approx((expected + 0.5) / 255)


def test_otsu_cuts_in_the_middle_of_a_gap():
    histogram = np.zeros(256, int)
    histogram[[10, 12, 240, 250]] = [700, 300, 10, 20]
    assert otsu_threshold(histogram) == pytest.approx(126 / 255)
    assert choose_threshold('otsu', histogram) == 0.49
    histogram[:] = 0
    histogram[[254, 255]] = 1
    assert choose_threshold('otsu', histogram) == 0.99


@pytest.mark.parametrize('rule', ['best', None, 1.0, -0.1, 'nan'])
def test_wrong_rules(rule):
    with pytest.raises(ValueError, match='threshold must be'):
        parse_threshold(rule)


def test_rules_of_a_command_line():
    assert parse_threshold('otsu') == 'otsu' and parse_threshold('0.25') == 0.25


def test_the_threshold_of_an_earlier_evaluation(tmp_path):
    """The label-free one is taken, not the oracle's beside it; other files are refused by name."""
    path = tmp_path / 'seeds.json'
    with pytest.raises(FileNotFoundError, match='no .*seeds.json: .*run the pipeline of the seeds'):
        parse_threshold(str(path))
    path.write_text('{"scores": {"threshold": 0.38, "oracle_threshold": 0.5}}')
    assert parse_threshold(str(path)) == 0.38
    unsaid = '{"scores": {"threshold": "-"}}'
    for text in ('{"scores": {"mIoU": 1}}', unsaid, '{"mIoU": 1}', '[1]'):
        path.write_text(text)
        with pytest.raises(ValueError, match='seeds.json has no number scores.threshold'):
            parse_threshold(str(path))


def test_mistakes_are_named():
    sweep = SeedSweep(2)
    scores, target = np.ones((1, 4, 4), np.float32), np.zeros((4, 4), np.uint8)
    for keys, values, labels, message in (
        ([2], scores, target, r'classes .* 0\.\.1, got \[2\]'),
        ([0], 3 * scores, target, r'\[0, 1\]'),
        ([0], np.nan * scores, target, r'\[0, 1\]'),
        ([0], scores, target[:3], 'differ in size'),
        ([0], scores, target + 3, 'ground truth holds'),
    ):
        with pytest.raises(ValueError, match=message):
            sweep.count(keys, values, labels)
    for options in (
        dict(thresholds=[0.5, 1.5]),
        dict(thresholds=[]),
        dict(absent='no'),
        dict(threshold='no'),
    ):
        with pytest.raises(ValueError):
            SeedSweep(2, **options)


@pytest.mark.parametrize(
    ('meta', 'rule'),
    [
        (dict(seed_source='phi', threshold_rule=0.5), 0.5),
        (dict(seed_source='cam', threshold_rule=0.5), 'otsu'),  # of a config of level sets
        (dict(seed_source='cam', threshold_rule='otsu'), 'otsu'),
        (dict(seed_source='phi', threshold_rule=None), 'otsu'),
        (dict(), 'otsu'),
    ],
)
def test_what_seeds_are_cut_by_where_nobody_says(tmp_path, meta, rule):
    (tmp_path / 'meta.json').write_text(json.dumps(meta))
    assert stated_rule(tmp_path) == rule

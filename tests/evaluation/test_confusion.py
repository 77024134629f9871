import numpy as np
import pytest

from mmlevelset.evaluation.confusion import (
    SparseCounts,
    add_counts,
    confusion_matrix,
    confusion_scores,
    label_names,
)


def test_confusion_equals_counting_pixel_by_pixel():
    rng = np.random.RandomState(0)
    target, pred = rng.choice([0, 1, 2, 3, 255], (30, 31)), rng.choice([0, 1, 2, 3, 255], (30, 31))
    expected = np.zeros((4, 4), np.int64)
    for t, p in zip(target.ravel(), pred.ravel(), strict=True):
        if t != 255 and p != 255:
            expected[t, p] += 1
    result = confusion_matrix(pred.astype(np.uint8), target.astype(np.uint8), 4)
    assert result.dtype == np.int64
    np.testing.assert_array_equal(result, expected)


def test_scores_by_hand():
    confusion = np.array([[50, 10, 0], [5, 35, 0], [0, 0, 0]])
    scores = confusion_scores(confusion)
    np.testing.assert_allclose(scores.iou[:2], [50 / 65, 35 / 50])
    assert np.isnan(scores.iou[2]) and scores.classes == 2
    np.testing.assert_allclose(scores.miou, (50 / 65 + 35 / 50) / 2)
    np.testing.assert_allclose(scores.fp, (5 / 65 + 10 / 50) / 2)
    np.testing.assert_allclose(scores.fn, (10 / 65 + 5 / 50) / 2)
    zero = confusion_scores(confusion, 'zero')
    np.testing.assert_allclose(zero.miou, (50 / 65 + 35 / 50) / 3)
    np.testing.assert_allclose(zero.fp, (5 / 65 + 10 / 50) / 3)
    assert zero.iou[2] == 0 and zero.classes == 3


def test_perfect_prediction_and_nothing_at_all():
    assert confusion_scores(np.diag([3, 4, 5])).miou == 1
    assert np.isnan(confusion_scores(np.zeros((3, 3), np.int64)).miou)


def test_stacked_matrices_are_scored_one_by_one():
    stack = np.random.RandomState(0).randint(0, 9, (4, 3, 3))
    scores = confusion_scores(stack)
    np.testing.assert_allclose(scores.miou, [confusion_scores(matrix).miou for matrix in stack])


def test_counts_beyond_32_bits_do_not_wrap():
    image = SparseCounts.from_table(np.array([[2**31 + 7, 0], [0, 2**32 - 1]], dtype=np.int64))
    total = add_counts([image] * 5, (2, 2))
    np.testing.assert_array_equal(
        total, 5 * np.array([[2**31 + 7, 0], [0, 2**32 - 1]], dtype=np.int64)
    )
    assert confusion_scores(total).miou == 1


def test_sparse_counts_restore_any_table():
    table = np.random.RandomState(0).randint(0, 3, (4, 5, 6))
    np.testing.assert_array_equal(add_counts([SparseCounts.from_table(table)], table.shape), table)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match='differ in size'):
        confusion_matrix(np.zeros((2, 2), int), np.zeros((2, 3), int), 2)
    with pytest.raises(ValueError, match=r'ground truth holds the labels \[90\]'):
        confusion_matrix(np.zeros((2, 2), int), np.full((2, 2), 90), 81)
    with pytest.raises(ValueError, match='prediction'):
        confusion_matrix(np.full((2, 2), 2), np.zeros((2, 2), int), 2)
    with pytest.raises(ValueError, match='absent'):
        confusion_scores(np.eye(2), 'nanmean')


def test_background_is_named_once():
    assert (
        label_names(('a', 'b')) == label_names(['background', 'a', 'b']) == ['background', 'a', 'b']
    )

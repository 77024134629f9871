"""The remaining time of a pipeline, against schedules worked out by hand."""

import pytest

from mmlevelset.pipeline.estimate import expected_seconds, remaining_seconds
from mmlevelset.pipeline.stages import Stage


def stage(name: str, *needs: str) -> Stage:
    return Stage(name, 'true', None, needs, None)


def test_a_stage_takes_what_its_kind_took() -> None:
    seconds = dict(train_a=100.0, train_b=200.0, score_a=3.0)
    assert expected_seconds('train_a', seconds) == 100
    assert expected_seconds('train_c', seconds) == 150
    assert expected_seconds('test_a', seconds) == pytest.approx(101)


@pytest.mark.parametrize(
    'jobs, expected',
    [
        (1, 40 + 100 + 3 + 3),  # one after the other
        (2, 140 + 3),  # the other training starts when the first score has nothing to do
        (4, 100 + 3),
    ],
)
def test_jobs_count(jobs: int, expected: float) -> None:
    # train_b runs since 60 s; train_c may start at once where there is a job for it
    waiting = [stage('train_c'), stage('score_b', 'train_b'), stage('score_c', 'train_c')]
    seconds = dict(train_a=100.0, score_a=3.0)
    running = dict(train_b=60.0) if jobs != 2 else dict(train_b=60.0, other=0.0)
    if jobs == 2:
        seconds['other'] = 40.0
    assert remaining_seconds(waiting, running, seconds, jobs) == pytest.approx(expected)


def test_running_stages_count_down() -> None:
    seconds = dict(train_a=100.0)
    left = [remaining_seconds([], dict(train_b=taken), seconds, 1) for taken in (0, 30, 75)]
    assert left == [100, 70, 25]
    # one that takes longer than its kind does not stand still at nothing
    assert remaining_seconds([], dict(train_b=200.0), seconds, 1) == 50


def test_nothing_is_said_before_anything_is_known() -> None:
    assert remaining_seconds([stage('a')], dict(b=3.0), {}, 1) is None
    assert remaining_seconds([], {}, dict(a=1.0), 1) == 0

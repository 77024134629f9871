"""How long the rest of a pipeline takes: its stages are played through with what earlier ones took."""

import heapq
from collections.abc import Mapping, Sequence
from statistics import fmean

from .stages import Stage

# A stage that outlives the stages of its kind is taken to last this much longer than it has so far.
OVERTIME = 0.25


def expected_seconds(name: str, seconds: Mapping[str, float]) -> float:
    """Duration of a stage: its last, else the mean of its kind (``train_a``, ``train_b``), else of all.

    Args:
        name (str): Of the stage.
        seconds (Mapping): What finished stages took, by name; at least one.
    """
    if name in seconds:
        return seconds[name]
    kind = name.partition('_')[0]
    same = [taken for other, taken in seconds.items() if other.partition('_')[0] == kind]
    return fmean(same or seconds.values())


def remaining_seconds(
    waiting: Sequence[Stage],
    running: Mapping[str, float],
    seconds: Mapping[str, float],
    jobs: int,
) -> float | None:
    """Seconds until the last stage ends.

    Args:
        waiting (Sequence[Stage]): Not yet started, in the order of the pipeline.
        running (Mapping): Seconds that the running stages have taken so far, by name.
        seconds (Mapping): What finished stages took, by name.
        jobs (int): Stages that may run at the same time.

    Returns:
        float: the estimate; None before any stage has finished.
    """
    if not seconds:
        return None
    ends = [
        (max(expected_seconds(name, seconds) - taken, OVERTIME * taken), name)
        for name, taken in running.items()
    ]
    heapq.heapify(ends)
    left, now = list(waiting), 0.0
    while ends or left:
        blocked = {stage.name for stage in left} | {name for _, name in ends}
        ready = [stage for stage in left if not blocked & set(stage.needs)]
        for stage in ready[: jobs - len(ends)]:
            left.remove(stage)
            heapq.heappush(ends, (now + expected_seconds(stage.name, seconds), stage.name))
        now, _ = heapq.heappop(ends)
    return now

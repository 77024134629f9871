"""Time and memory of several methods that take turns on the same inputs."""

from __future__ import annotations

import ctypes
import gc
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from .peers import MissingPeer

# A sample shorter than this is repeated within the sample: the clock of a process ticks in
# microseconds, and a wake-up of the machine costs about as much.
_SAMPLE_SECONDS = 0.02

Run = Callable[[], Any]
Row = dict[str, Any]


class Comparison:
    """Methods that do the same work, one table row each.

    Args:
        section (str): table of the rows.
        case (str): what is computed, the same for all rows.
        device (torch.device): where the tensors live.
        bases (dict, optional): columns of ratios, from the heading to a function from a method to
            the method whose median is 1 for it; by default ``times ours`` and ``'ours'``.
    """

    def __init__(
        self,
        section: str,
        case: str,
        device: torch.device,
        bases: dict[str, Callable[[str], str]] | None = None,
    ) -> None:
        self.section, self.case, self.device = section, case, device
        self.bases = bases or {'times ours': lambda method: 'ours'}
        self.runs: dict[str, Run] = {}
        self.cases: dict[str, str] = {}
        self.checks: dict[str, Callable[[Any], Row]] = {}
        self.missing: list[Row] = []

    def add(
        self,
        method: str,
        build: Callable[[], Run],
        check: Callable[[Any], Row] | None = None,
        case: str | None = None,
    ) -> None:
        """Add a row.

        Args:
            method (str): its name.
            build (callable): returns the function to time; what it does itself is not timed. A
                :class:`MissingPeer` becomes a row that says how to install the peer.
            check (callable, optional): takes the result of a call and returns more columns, the
                error or the energy reached.
            case (str, optional): instead of the case of the comparison.
        """
        case = case or self.case
        key = f'{method}, {case}'
        try:
            self.runs[key] = build()
        except MissingPeer as error:
            self.missing.append(
                dict(section=self.section, case=case, method=method, missing=str(error))
            )
            return
        self.cases[key] = case
        self.checks[key] = check or (lambda result: {})

    def measure(self, repeats: int, seconds: float) -> list[Row]:
        """Warm up, then time one call of every method in turn, again and again.

        Args:
            repeats (int): rounds; fewer, but at least three, where they would take longer than
                ``seconds``.
            seconds (float): wall-clock limit on the rounds.

        Returns:
            list[Row]: ``section``, ``case``, ``method``, ``median`` and ``iqr`` (seconds a call),
            ``rounds``, ``peak`` (bytes, see :func:`peak_memory`), the ratios and the columns of
            the check; ``missing`` in their place for a peer that is not installed.
        """
        columns, numbers = {}, {}
        sample = min(_SAMPLE_SECONDS, seconds / (repeats * max(1, len(self.runs))))
        for key, run in self.runs.items():
            columns[key] = self.checks[key](run())  # also the warm-up
            once = seconds_of(run, 1, self.device)
            numbers[key] = max(1, round(sample / max(once, 1e-7)))
        samples: dict[str, list[float]] = {key: [] for key in self.runs}
        start = time.monotonic()
        for done in range(repeats):
            if done >= min(3, repeats) and time.monotonic() - start > seconds:
                break
            # Every other round runs backwards, so that no row always follows the same one.
            for key in list(self.runs)[:: 1 if done % 2 == 0 else -1]:
                samples[key].append(seconds_of(self.runs[key], numbers[key], self.device))
        rows = []
        gc.collect()  # what earlier comparisons left must not be freed during a measurement
        for key, run in self.runs.items():
            case = self.cases[key]
            row: Row = dict(section=self.section, case=case, method=key.removesuffix(f', {case}'))
            row |= dict(summary(samples[key]), peak=peak_memory(run, self.device), **columns[key])
            rows.append(row)
        medians = {row['method']: row['median'] for row in rows}
        for row in rows:
            for heading, base in self.bases.items():
                row[heading] = row['median'] / medians[base(row['method'])]
        return rows + self.missing


def summary(samples: list[float]) -> Row:
    """Median, interquartile range and number of samples."""
    low, _, high = (
        statistics.quantiles(samples, method='inclusive') if len(samples) > 1 else 3 * samples
    )
    return dict(median=statistics.median(samples), iqr=high - low, rounds=len(samples))


def seconds_of(run: Run, number: int, device: torch.device) -> float:
    """Seconds of one of ``number`` calls.

    CUDA: events on the stream. CPU with one thread: processor time of the process, which other
    processes on the machine disturb little. CPU with several threads: wall clock.
    """
    if device.type == 'cuda':
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(number):
            run()
        end.record()
        torch.cuda.synchronize(device)
        return start.elapsed_time(end) / 1e3 / number
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    begin = clock()
    for _ in range(number):
        run()
    return (clock() - begin) / number


def peak_memory(run: Run, device: torch.device) -> int | None:
    """Bytes that one call needs on top of its inputs, its result included.

    CUDA: the allocator's peak. CPU: high-water mark of the resident memory of this process above
    its value before the call, after the heap gave back its free pages and Linux reset the mark, so
    numpy, C++ and torch count alike; None where the system offers no such reset.
    """
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        run()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    try:
        ctypes.CDLL(None).malloc_trim(0)
        Path('/proc/self/clear_refs').write_text('5')
        before = _resident('VmRSS')
        run()
        return max(0, _resident('VmHWM') - before)
    except (OSError, AttributeError):
        return None


def _resident(field: str) -> int:
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith(field):
            return 1024 * int(line.split()[1])
    raise OSError(f'/proc/self/status has no {field}')

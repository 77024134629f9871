"""Work on many files in several processes, with the remaining time on screen."""

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import timedelta
from itertools import islice
from multiprocessing import parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import Any

BATCH = 16  # tasks that travel together; a task takes milliseconds
HEARTBEAT = 30.0  # seconds between two lines where there is no terminal


def parallel(
    function: Callable[[Any], Any], tasks: Iterable[Any], total: int, what: str, jobs: int = 0
) -> Iterator[Any]:
    """Yield ``function(task)`` of every task, in order.

    Tasks are drawn as they are needed, so that a generator of large ones never lies in memory as a
    whole. The first error ends the run.

    Args:
        function: Of a module, so that another process can import it.
        tasks: Its arguments.
        total: Their number, for the remaining time.
        what: Their name, for the progress line.
        jobs: Processes; 1 works in this one, 0 takes one per core.

    Raises:
        RuntimeError: If a process died, for lack of memory usually.
    """
    jobs = jobs or os.cpu_count() or 1
    report = _Report(total, what)
    if jobs == 1:
        for task in tasks:
            yield report.count(function(task))
    else:
        with ProcessPoolExecutor(jobs, initializer=_follow_parent) as pool:
            try:
                for result in _results(pool, function, iter(tasks), 4 * jobs):
                    yield report.count(result)
            except BrokenProcessPool as error:
                raise RuntimeError(
                    f'{what}: a process died after {report.done} of {total} (out of memory?). '
                    'Give the same command again with fewer --jobs; it goes on where it was.'
                ) from error
            finally:
                pool.shutdown(cancel_futures=True)
    report.close()


def _results(
    pool: ProcessPoolExecutor, function: Callable, tasks: Iterator, most: int
) -> Iterator[Any]:
    pending: deque = deque()
    while batch := list(islice(tasks, BATCH)):
        pending.append(pool.submit(_run, function, batch))
        if len(pending) == most:
            yield from pending.popleft().result()
    while pending:
        yield from pending.popleft().result()


def _follow_parent() -> None:
    """End this worker when the process that started it is killed; it would wait for tasks forever."""

    def follow() -> None:
        wait([parent_process().sentinel])
        os._exit(1)

    Thread(target=follow, daemon=True).start()


def _run(function: Callable, batch: list) -> list:
    return [function(task) for task in batch]


class _Report:
    def __init__(self, total: int, what: str) -> None:
        self.total, self.what, self.done = total, what, 0
        self.start = self.shown = time.monotonic()
        self.terminal = sys.stdout.isatty()

    def count(self, result: Any) -> Any:
        self.done += 1
        now = time.monotonic()
        if now - self.shown >= (0.2 if self.terminal else HEARTBEAT):
            self.shown = now
            left = (now - self.start) / self.done * (self.total - self.done)
            text = f'{self.what}: {self.done}/{self.total}, {timedelta(seconds=round(left))} left'
            print(text, end='\033[K\r' if self.terminal else '\n', flush=True)
        return result

    def close(self) -> None:
        took = timedelta(seconds=round(time.monotonic() - self.start))
        end = '\033[K' if self.terminal else ''
        print(f'{self.what}: {self.done} in {took}{end}', flush=True)

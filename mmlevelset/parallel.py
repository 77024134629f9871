"""Work on many items: the one progress display and the one pool of processes."""

import multiprocessing
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import timedelta
from itertools import islice
from multiprocessing.connection import wait
from threading import Thread
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import track

BATCH = 16  # tasks that travel together, where a task takes milliseconds
HEARTBEAT = 30.0  # seconds between two lines where there is no terminal
T = TypeVar('T')


def progress(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Yield items and show the remaining time: a bar on a terminal, lines now and then elsewhere.

    Args:
        items: What is worked on, or its results.
        total: Their number.
        what: Their name.
    """
    console = Console()
    if console.is_terminal:
        yield from track(items, what, total, console=console)
        return
    start = shown = time.monotonic()
    done = 0
    for done, item in enumerate(items, 1):  # noqa: B007
        yield item
        now = time.monotonic()
        if now - shown >= HEARTBEAT:
            shown = now
            left = timedelta(seconds=round((now - start) / done * (total - done)))
            print(f'{what}: {done}/{total}, {left} left', flush=True)
    took = timedelta(seconds=round(time.monotonic() - start))
    print(f'{what}: {done} in {took}', flush=True)


def parallel(
    function: Callable[..., Any],
    tasks: Iterable[Any],
    total: int,
    what: str,
    jobs: int = 0,
    setup: Callable[[], Any] | None = None,
    batch: int = BATCH,
) -> Iterator[Any]:
    """Yield ``function(task)`` of every task, in order, and show the remaining time.

    Tasks are drawn as they are needed, so that a generator of large ones never lies in memory as a
    whole. The first error ends the run.

    Args:
        function: Of a module, so that another process can import it.
        tasks: Its arguments.
        total: Their number, for the remaining time.
        what: Their name, for the progress line.
        jobs: Processes; 1 works in this one, 0 takes one per core.
        setup: Makes, once in every process, what ``function`` gets before the task: a network, say.
        batch: Tasks that travel together.

    Raises:
        RuntimeError: If a process died, for lack of memory usually.
    """
    jobs = jobs or os.cpu_count() or 1
    if jobs == 1:
        made = () if setup is None else (setup(),)
        results: Iterator[Any] = (function(*made, task) for task in tasks)
    else:
        results = _in_processes(function, tasks, what, jobs, setup, batch)
    yield from progress(results, total, what)


def _in_processes(
    function: Callable[..., Any],
    tasks: Iterable[Any],
    what: str,
    jobs: int,
    setup: Callable[[], Any] | None,
    batch: int,
) -> Iterator[Any]:
    # A forked copy of a process with threads, as networks make them, may hang.
    context = multiprocessing.get_context('spawn' if setup else None)
    with ProcessPoolExecutor(jobs, context, _start, (setup,)) as pool:
        done, pending, tasks = 0, deque[Future[list]](), iter(tasks)
        try:
            while True:
                while len(pending) < 4 * jobs and (some := list(islice(tasks, batch))):
                    pending.append(pool.submit(_run, function, some))
                if not pending:
                    return
                for result in pending.popleft().result():
                    yield result
                    done += 1
        except BrokenProcessPool as error:
            raise RuntimeError(
                f'{what}: a process died after {done} of them (out of memory?). '
                'Give the same command again with fewer --jobs; it goes on where it was.'
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


_setup: Callable[[], Any] | None = None  # of a process of the pool
_made: tuple[Any, ...] | None = None


def _start(setup: Callable[[], Any] | None) -> None:
    global _setup
    _setup = setup
    Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    """End this worker when the process that started it is killed; it would wait for tasks forever."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # this is a child
    wait([parent.sentinel])
    os._exit(1)


def _run(function: Callable[..., Any], batch: list) -> list:
    global _made
    if _made is None:  # here, because an error of an initialiser would not reach the parent
        _made = () if _setup is None else (_setup(),)
    return [function(*_made, task) for task in batch]

import functools
import multiprocessing
import os
import time
from pathlib import Path

import pytest
from rich.console import Console

from mmlevelset import parallel as module
from mmlevelset.parallel import parallel, progress


def square(value):
    if value == 13:
        raise ValueError('thirteen')
    if value == 99:
        os._exit(1)
    return value * value


@pytest.mark.parametrize('jobs', [1, 2])
def test_results_come_in_order_and_tasks_are_drawn_late(jobs, capsys):
    drawn = []
    tasks = (drawn.append(n) or n + 100 for n in range(1000))
    results = parallel(square, tasks, 1000, 'squares', jobs)
    assert next(results) == 10000 and len(drawn) <= 16 * 4 * jobs
    assert list(results) == [(n + 100) ** 2 for n in range(1, 1000)]
    assert 'squares: 1000 in 0:00:' in capsys.readouterr().out


def test_errors_of_a_task_and_a_dead_process():
    for jobs in (1, 2):
        with pytest.raises(ValueError, match='thirteen'):
            list(parallel(square, range(50), 50, 'squares', jobs))
    with pytest.raises(RuntimeError, match='a process died .* fewer --jobs'):
        list(parallel(square, range(90, 110), 20, 'squares', 2))


def test_remaining_time(monkeypatch, capsys):
    clock = iter(range(0, 1000, 20))
    monkeypatch.setattr(time, 'monotonic', lambda: next(clock))
    assert list(progress(iter('abcd'), 4, 'letters')) == list('abcd')
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        'letters: 2/4, 0:00:40 left',
        'letters: 4/4, 0:00:00 left',
        'letters: 4 in 0:01:40',
    ]


def test_a_terminal_gets_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(module, 'Console', lambda: Console(force_terminal=True, width=60))
    assert list(progress(iter('ab'), 2, 'letters')) == ['a', 'b']
    out = capsys.readouterr().out
    assert 'letters' in out and '100%' in out


def started(word):
    if word == 'broken':
        raise FileNotFoundError('no checkpoint here')
    return [word, os.getpid()]


def told(made, task):
    return made[0], made[1] == os.getpid(), task


@pytest.mark.parametrize('jobs', [1, 2])
def test_every_process_sets_up_once_and_says_what_is_wrong_with_it(jobs):
    setup = functools.partial(started, 'network')
    results = list(parallel(told, range(5), 5, 'images', jobs, setup, batch=1))
    assert results == [('network', True, n) for n in range(5)]
    with pytest.raises(FileNotFoundError, match='no checkpoint here'):
        list(parallel(told, range(5), 5, 'x', jobs, functools.partial(started, 'broken')))


def note_process(folder):
    (folder / str(os.getpid())).touch()
    time.sleep(0.5)


def alive(pid):
    """Whether a process runs; nobody may have collected one that ended."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0] != 'Z'
    except FileNotFoundError:
        return False


def test_workers_end_with_a_killed_parent(tmp_path):
    parent = multiprocessing.Process(
        target=lambda: list(parallel(note_process, [tmp_path] * 64, 64, 'naps', 2))
    )
    parent.start()
    while len(list(tmp_path.iterdir())) < 2:
        time.sleep(0.05)
    parent.kill()
    parent.join()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and any(alive(p.name) for p in tmp_path.iterdir()):
        time.sleep(0.05)
    assert not any(alive(path.name) for path in tmp_path.iterdir())

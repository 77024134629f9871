"""tools/pipeline.py, on stages of a few milliseconds."""

import json
import os
import re
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from mmlevelset.fileio.lock import folder_lock
from mmlevelset.pipeline import Pipeline
from mmlevelset.pipeline.shell import Shell, stop

from .small_pipeline import CONFIG, ROOT, Tool


def lines(name: str) -> int:
    path = Path(f'out/{name}.txt')
    return len(path.read_text().splitlines()) if path.exists() else 0


def counts() -> tuple[int, int, int]:
    return lines('first'), lines('second'), lines('third')


def test_runs_once(tool: Tool, capsys: pytest.CaptureFixture) -> None:
    assert tool('--dry-run') == 0
    plan = capsys.readouterr().out
    assert re.findall(r'^(\w+) +(\w+):', plan, re.M) == [
        ('run', 'first'),
        ('run', 'second'),
        ('run', 'third'),
    ]
    assert not Path('out').exists()
    assert tool() == 0
    assert counts() == (1, 1, 1) and Path('out/first.txt').read_text() == 'hello\n'
    assert tool() == 0 and counts() == (1, 1, 1)
    log = Path('out/logs/first.log').read_text()
    assert log.startswith('$ echo hello >> ')


def test_changed_command_runs_again_with_what_builds_on_it(tool: Tool) -> None:
    assert tool() == 0
    assert tool(text=CONFIG.replace('echo x', 'echo y')) == 0
    assert counts() == (1, 1, 2)
    assert tool('--cfg-options', 'word=bye', text=CONFIG.replace('echo x', 'echo y')) == 0
    assert counts() == (2, 3, 3)


def test_missing_output_runs_again(tool: Tool) -> None:
    assert tool() == 0
    Path('out/first.txt').unlink()
    assert tool() == 0
    assert counts() == (1, 2, 2)


FILLING = """
work_dir = 'out'
stages = [
    dict(
        name='train',
        command='mkdir -p {work_dir}/run && echo new >> {work_dir}/run/log && test -e {work_dir}/good',
        makes='{work_dir}/run',
    ),
]
"""


def test_only_an_interrupted_stage_finds_its_folder(tool: Tool) -> None:
    log, old = Path('out/run/log'), Path('out/run.old/log')
    assert tool(text=FILLING) == 1  # it fails
    Path('out/good').touch()
    assert tool(text=FILLING) == 0 and log.read_text() == 'new\nnew\n' and not old.exists()
    assert tool('--only', 'train', text=FILLING) == 0
    assert log.read_text() == 'new\n' and old.read_text() == 'new\nnew\n'
    changed = FILLING.replace('echo new', 'echo other')
    assert tool(text=changed) == 0
    assert log.read_text() == 'other\n' and old.read_text() == 'new\n'


def test_changed_config_runs_again(tool: Tool) -> None:
    text = FILLING.replace('test -e {work_dir}/good', 'echo {config}')
    config = ROOT / 'configs/_base_/schedules/seed_cpu.py'
    copy = Path('configs/a b=c/schedule.py')
    copy.parent.mkdir(parents=True)
    copy.write_text(config.read_text())
    text = f"config = '{copy.absolute()}'\n{text}"
    assert tool(text=text) == 0 and tool('--dry-run', text=text) == 0
    copy.write_text('# a comment\nlog_level = "INFO"\n' + config.read_text())
    assert tool(text=text) == 0 and not Path('out/run.old').exists()
    copy.write_text(config.read_text().replace('max_epochs=6', 'max_epochs=7'))
    assert tool(text=text) == 0 and Path('out/run.old').exists()


def test_from_and_only(tool: Tool, capsys: pytest.CaptureFixture) -> None:
    assert tool('--from', 'second') == 2
    assert "builds on ['first'], not finished" in capsys.readouterr().err
    assert tool('--only', 'first') == 0 and counts() == (1, 0, 0)
    assert 'left to do: second, third' in capsys.readouterr().out
    assert tool('--from', 'second') == 0 and counts() == (1, 1, 1)
    assert tool('--only', 'second') == 0 and counts() == (1, 2, 1)
    # The third was made from the second's former output.
    assert tool('--dry-run') == 0
    plan = capsys.readouterr().out
    assert 'done  first' in plan and 'done  second' in plan and 'run   third' in plan
    assert tool('--only', 'zeroth') == 2
    assert 'the stages are first, second, third' in capsys.readouterr().err


def test_failure_shows_the_end_of_the_log(tool: Tool, capsys: pytest.CaptureFixture) -> None:
    broken = CONFIG.replace("command='cat", "command='seq 40; no_such_command; cat")
    broken = broken.replace('no_such_command; cat', 'no_such_command && cat')
    assert tool(text=broken) == 1
    output = capsys.readouterr().err
    assert 'FAILED  second: exit status 127; the end of' in output and 'logs/second.log' in output
    assert '\n12\n' in output and '\n11\n' not in output  # 30 lines: 12 to 40 and the error
    assert output.endswith('no_such_command: command not found\n')
    assert tool(text=CONFIG.replace('cat', 'kill -9 $$; cat')) == 1
    assert (
        'exit status 137, killed from outside, perhaps for want of memory'
        in capsys.readouterr().err
    )
    assert counts() == (1, 0, 0)
    assert tool() == 0 and counts() == (1, 1, 1)


def test_missing_done_file_fails(tool: Tool, capsys: pytest.CaptureFixture) -> None:
    assert tool(text=CONFIG.replace("done='{work_dir}/first", "done='{work_dir}/other")) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith('first: error: it ended well but left no ')


def test_a_failure_is_told_at_once_and_shown_last(
    tool: Tool, capsys: pytest.CaptureFixture
) -> None:
    text = """
work_dir = 'out'
stages = [
    dict(name='bad', command='echo the reason; exit 3', needs=[]),
    dict(name='long', command='sleep 0.5', needs=[]),
    dict(name='never', command='true'),
]
"""
    assert tool('--jobs', '2', text=text) == 1
    said = capsys.readouterr()
    assert re.search(r'FAILED  bad, see .*bad.log; no other.*\ndone    long', said.out)
    assert 'never' not in said.out and said.err.endswith('the reason\n')


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGKILL])
def test_killed_pipeline_takes_its_stages_along(tool: Tool, number: signal.Signals) -> None:
    # The third stage and a child of it wait, so that the kill finds them at work.
    wait = 'sleep 60 & echo $! > {work_dir}/child; until test -e {work_dir}/go; do sleep 0.05; done; echo x'
    text = CONFIG.replace('echo x', wait)
    pipeline = os.fork()
    if not pipeline:
        with suppress(BaseException):
            tool(text=text)
        os._exit(0)
    child = Path('out/child')
    until(lambda: child.exists() and child.read_text() != '')
    os.kill(pipeline, number)
    os.waitpid(pipeline, 0)
    until(lambda: _state(int(child.read_text())) == 'Z')
    assert counts() == (1, 1, 0)
    Path('out/go').touch()
    assert tool(text=text) == 0 and counts() == (1, 1, 1)


def test_a_stage_that_does_not_listen_is_killed(
    tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('mmlevelset.pipeline.shell.PATIENCE', 0.3)
    text = CONFIG.replace(
        'echo x', "trap '' TERM; echo $$ > {work_dir}/pid; while true; do sleep 1; done"
    )
    pipeline = os.fork()
    if not pipeline:
        with suppress(BaseException):
            tool(text=text)
        os._exit(0)
    pid = Path('out/pid')
    until(lambda: pid.exists() and pid.read_text() != '')
    os.kill(pipeline, signal.SIGKILL)
    os.waitpid(pipeline, 0)
    until(lambda: _state(int(pid.read_text())) == 'Z')


def test_second_pipeline_is_refused(tool: Tool, capsys: pytest.CaptureFixture) -> None:
    with folder_lock('out/.done'):
        assert tool() == 2
    assert 'still writes into' in capsys.readouterr().err and counts() == (0, 0, 0)


@pytest.mark.parametrize(
    'record',
    [b'', b'{"hash": "ab', b'\xff\xfe', b'[]', b'null', b'{}', b'{"hash": 1, "seconds": "x"}'],
)
def test_a_damaged_record_runs_its_stage_again(
    tool: Tool, capsys: pytest.CaptureFixture, record: bytes
) -> None:
    assert tool() == 0
    Path('out/.done/second').write_bytes(record)
    capsys.readouterr()
    assert tool() == 0
    assert 'again   second: its record in' in capsys.readouterr().out and counts() == (1, 2, 2)


@pytest.mark.parametrize('started', [b'', b'\xff', b'0' * 64])
def test_a_damaged_start_is_one_of_other_settings(tool: Tool, started: bytes) -> None:
    assert tool(text=FILLING) == 1
    Path('out/.started/train').write_bytes(started)
    Path('out/good').touch()
    assert tool(text=FILLING) == 0
    assert Path('out/run/log').read_text() == Path('out/run.old/log').read_text() == 'new\n'


def test_what_a_kill_left_half_written_is_removed(tool: Tool) -> None:
    left = [Path(f'out/{folder}.x.0123abcd.tmp') for folder in ('', '.done/', '.started/')]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert tool() == 0 and not any(path.exists() for path in left)


@pytest.mark.parametrize('name', ['a b', 'a,b', "it's [1], $HOME", '$(touch no)'])
def test_folders_with_blanks_and_commas(tool: Tool, tmp_path: Path, name: str) -> None:
    text = """
work_dir = 'out'
data = 'none'
both = []
stages = [
    dict(name='a', command='mkdir -p {data}/x {work_dir}/made && echo {both} > {data}/words',
         done='{data}/words', makes='{work_dir}/made'),
    dict(name='b', command='cp {data}/words {work_dir}/made'),
]
"""
    options = [f'data={tmp_path}/{name}/data', f'both=["1  2","{name}"]']
    assert tool('--work-dir', f'{name}/work', '--cfg-options', *options, text=text) == 0
    assert Path(name, 'work/made/words').read_text() == f'1  2 {name}\n'
    assert Path(name, 'data/x').is_dir() and not (ROOT / 'no').exists()
    assert {path.name for path in Path().iterdir()} == {'config.py', name}


def test_moved_pipeline_stays_finished(tool: Tool) -> None:
    assert tool() == 0
    Path('out').rename('moved')
    assert tool('--work-dir', 'moved') == 0 and not Path('out').exists()
    assert len(Path('moved/first.txt').read_text().splitlines()) == 1


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.time() + seconds
    while not condition():
        assert time.time() < end
        time.sleep(0.02)


def test_jobs_run_independent_stages_together(tool: Tool) -> None:
    meet = 'touch {{work_dir}}/{0}; timeout 20 bash -c "until test -e {{work_dir}}/{1}; do :; done"'
    text = f"""
work_dir = 'out'
stages = [
    dict(name='a', command='''{meet.format('a', 'b')}''', needs=[]),
    dict(name='b', command='''{meet.format('b', 'a')}''', needs=[]),
    dict(name='c', command='test -e {{work_dir}}/a && test -e {{work_dir}}/b', needs=['a', 'b']),
]
"""
    assert tool('--jobs', '2', text=text) == 0
    finished = {
        name: json.loads(Path(f'out/.done/{name}').read_text())['finished'] for name in 'abc'
    }
    assert finished['c'] >= max(finished['a'], finished['b'])


@pytest.mark.parametrize(
    'stage, message',
    [
        (dict(name='a b', command='true'), 'a unique name'),
        (dict(name='one', command='true'), 'a unique name'),
        (dict(name='two'), 'needs a command'),
        (dict(name='two', command='true', needs=['three']), r"earlier stages \['one'\]"),
        (dict(name='two', command='true', makes='{work_dir}'), 'makes must be a folder in'),
        (dict(name='two', command='true', requires=['one']), r"got also \['requires'\]"),
    ],
)
def test_bad_stage(tmp_path: Path, stage: dict, message: str) -> None:
    stages = [dict(name='one', command='true'), stage]
    with pytest.raises(ValueError, match=message):
        Pipeline(dict(stages=stages, work_dir='out'), tmp_path)


def test_stop_ends_the_whole_group(tmp_path: Path) -> None:
    with folder_lock(tmp_path) as held, Shell(tmp_path, held) as shell:
        process = shell.start('sleep 60 & echo $! && wait', tmp_path / 'log')
        until(lambda: re.search(r'^\d+$', (tmp_path / 'log').read_text(), re.M) is not None)
        child = int((tmp_path / 'log').read_text().split()[-1])
        stop(process)
    until(lambda: not Path(f'/proc/{child}').exists() or 'Z' in _state(child))


def test_stop_waits_for_what_cleans_up(tmp_path: Path) -> None:
    """As torchrun does, which ends its processes when it is asked to end."""
    tidy = 'bash -c "trap \'sleep 0.3; touch tidied; exit\' TERM; touch ready; while true; do sleep 0.1; done"'
    with folder_lock(tmp_path) as held, Shell(tmp_path, held) as shell:
        process = shell.start(f'{tidy} && touch more; touch most', tmp_path / 'log')
        until((tmp_path / 'ready').exists)
        stop(process)
    assert (tmp_path / 'tidied').exists()
    assert not (tmp_path / 'more').exists() and not (tmp_path / 'most').exists()


def _state(pid: int) -> str:
    try:
        return Path(f'/proc/{pid}/stat').read_text().split()[2]
    except (FileNotFoundError, ProcessLookupError):
        return 'Z'


@pytest.mark.parametrize('given', [None, '3'])
def test_jobs_share_the_cores(
    tool: Tool, monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    """Each job gets its share of the threads, unless the user says otherwise."""
    monkeypatch.setenv('OMP_NUM_THREADS', given or '')
    if not given:
        monkeypatch.delenv('OMP_NUM_THREADS')
    text = "work_dir = 'out'\nstages = [dict(name='one', command='echo threads=$OMP_NUM_THREADS')]"
    assert tool('--jobs', '2', text=text) == 0
    expected = given or max((os.cpu_count() or 1) // 2, 1)
    assert f'threads={expected}\n' in Path('out/logs/one.log').read_text()

"""How the command lines report errors, and their help."""

import errno
import runpy
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from mmengine.logging import MMLogger
from torch.utils.data import DataLoader

from mmlevelset.apis.command import make_parser, run
from mmlevelset.fileio.ids import read_split

ROOT = Path(__file__).resolve().parents[2]
# Commands: `python tools/train.py`; and packages of several files: `python -m tools.benchmark`.
TOOLS = sorted(
    path
    for path in (ROOT / 'tools').rglob('*.py')
    if "__name__ == '__main__'" in path.read_text() and path.name != '__main__.py'
)
PACKAGES = sorted(path.parent.name for path in (ROOT / 'tools').rglob('__main__.py'))


def outcome(main: Callable, monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    """The exit status of a command line."""
    monkeypatch.setattr(sys, 'argv', ['/any/tool.py', *options])
    try:
        run(main)
    except SystemExit as error:
        return error.code
    return 0


class Missing:
    """A data set whose second sample cannot be read."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> int:
        return len(read_split('no.txt')) if index else 0


def in_a_pool() -> None:
    with ProcessPoolExecutor(1) as pool:
        pool.submit(read_split, 'no.txt').result()


def in_a_loader() -> None:
    list(DataLoader(Missing(), num_workers=1))


@pytest.mark.parametrize('main', [lambda: read_split('no.txt'), in_a_pool, in_a_loader])
def test_what_the_user_got_wrong(main, monkeypatch, capfd) -> None:
    """One sentence and exit status 2, from whatever process it comes; --debug shows the place."""
    assert outcome(main, monkeypatch) == 2
    text = capfd.readouterr().err.splitlines()
    assert text[-1].startswith('tool.py: error: ') and 'no.txt' in text[-1]
    assert not any('Traceback' in line for line in text)
    assert outcome(main, monkeypatch, '--debug') == 2
    text = capfd.readouterr().err
    assert 'in read_split' in text and 'no.txt' in text.splitlines()[-1]


@pytest.mark.parametrize('error', [KeyError('a'), ValueError('a'), AssertionError('a')])
def test_other_errors_show_their_place(error, monkeypatch, capfd) -> None:
    def main() -> None:
        raise error

    assert outcome(main, monkeypatch) == 1
    text = capfd.readouterr().err
    assert 'in main' in text
    assert text.splitlines()[-1] == f'tool.py: error: {type(error).__name__}: {error}'


def test_the_log_keeps_the_place(tmp_path, monkeypatch, capfd) -> None:
    MMLogger.get_instance('test_command', log_file=str(tmp_path / 'a.log'))
    assert outcome(lambda: read_split('no.txt'), monkeypatch) == 2
    assert 'in read_split' in (tmp_path / 'a.log').read_text()
    assert 'in read_split' not in ''.join(capfd.readouterr())


@pytest.mark.parametrize('number', [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk(number, monkeypatch, capfd) -> None:
    def main() -> None:
        raise OSError(number, 'No space', 'a.pth')

    assert outcome(main, monkeypatch) == 2
    assert "No space: 'a.pth'. Free some space" in capfd.readouterr().err.splitlines()[-1]


def test_exit_statuses(monkeypatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    assert outcome(lambda: None, monkeypatch) == 0
    assert outcome(lambda: 3, monkeypatch) == 3
    assert outcome(interrupted, monkeypatch) == 130
    assert outcome(lambda: make_parser('A doc.').parse_args(['--no']), monkeypatch) == 2


@pytest.mark.parametrize('path', TOOLS, ids=lambda path: path.stem)
def test_help_shows_an_example(path, monkeypatch, capfd) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, 'argv', ['tool.py', '--help'])
    monkeypatch.syspath_prepend(str(path.parent))  # as Python does for a script
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(path.relative_to(ROOT)), run_name='__main__')
    assert stop.value.code == 0
    text = capfd.readouterr().out
    assert f'python tools/{path.relative_to(ROOT / "tools")}' in text and '--debug' in text


@pytest.mark.parametrize('name', PACKAGES)
def test_help_of_a_package(name, monkeypatch, capfd) -> None:
    monkeypatch.setattr(sys, 'argv', [name, '--help'])
    with pytest.raises(SystemExit) as stop:
        runpy.run_module(f'tools.{name}', run_name='__main__', alter_sys=True)
    assert stop.value.code == 0
    assert 'python ' in (text := capfd.readouterr().out) and '--debug' in text

"""Every so many-th image of a list."""

import runpy
import sys
from pathlib import Path

import pytest

from mmlevelset.fileio.ids import read_split
from tests.command_lines import ROOT


def thin(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, 'argv', ['thin_split.py', *map(str, arguments)])
    runpy.run_path(str(ROOT / 'tools/misc/thin_split.py'), run_name='__main__')


@pytest.mark.parametrize(('every', 'kept'), [(1, 'abcde'), (2, 'ace'), (9, 'a')])
def test_keeps_every_so_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int, kept: str
) -> None:
    (tmp_path / 'all.txt').write_text('a\nb\nc\nd\ne\n')
    thin(monkeypatch, tmp_path / 'all.txt', tmp_path / 'some.txt', '--every', every)
    assert read_split(tmp_path / 'some.txt') == list(kept)


def test_does_not_replace_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / 'all.txt').write_text('a\nb\n')
    with pytest.raises(SystemExit):
        thin(monkeypatch, tmp_path / 'all.txt', tmp_path / '.' / 'all.txt', '--every', 2)
    assert 'would replace' in capsys.readouterr().err
    assert read_split(tmp_path / 'all.txt') == ['a', 'b']


@pytest.mark.parametrize(('every', 'said'), [(0, 'at least 1'), (2, 'not found: a split list')])
def test_says_what_is_wrong(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    every: int,
    said: str,
) -> None:
    with pytest.raises(SystemExit):
        thin(monkeypatch, tmp_path / 'none.txt', tmp_path / 'some.txt', '--every', every)
    assert said in capsys.readouterr().err
    assert not (tmp_path / 'some.txt').exists()

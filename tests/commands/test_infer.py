"""``mmlevelset infer``: its files, and what happens when it is called again."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image

from mmlevelset import commands
from mmlevelset.commands.infer import main
from tests.apis.own_pictures import checkpoint, full_config, write_config, write_pictures


def test_goes_on_where_it_was(tmp_path, capsys, monkeypatch):
    """It writes all files, goes on where it was, and refuses to mix settings."""
    monkeypatch.chdir(tmp_path)
    data = write_pictures(tmp_path)
    write_config(full_config(data, 'cam', True))
    weights = checkpoint(tmp_path / 'x.pth', 'cam', True)
    command = ['infer', 'config.py', weights, 'JPEGImages', '--out-dir', 'out', '--device', 'cpu']

    def infer(*labels: str) -> None:
        monkeypatch.setattr(sys, 'argv', [*command, '--labels', *labels])
        main()

    infer('a,2')
    assert '2 pictures done' in capsys.readouterr().out
    stamp = Path('out/vis/one.png').stat().st_mtime_ns
    Path('out/pred/two.png').unlink()
    infer('a,', '2')  # "a, 2"
    assert Path('out/pred/two.png').is_file()
    assert Path('out/vis/one.png').stat().st_mtime_ns == stamp
    assert json.loads(Path('out/pred/meta.json').read_text())['complete']
    with pytest.raises(ValueError, match='image_labels'):
        infer('c')
    with pytest.raises(ValueError, match="''"):
        infer(',')
    # Another picture of the same name is another picture, until its files are gone.
    Image.new('RGB', (40, 30)).save('JPEGImages/one.jpg')
    with pytest.raises(ValueError, match='out/pred holds results of other pictures called .*one'):
        infer('a,2')
    Path('out/pred/one.png').unlink()
    infer('a,2')
    assert Image.open('out/pred/one.png').size == (40, 30)


def test_goes_on_with_the_pictures_that_can_be_read(tmp_path, capsys, monkeypatch):
    """Of a folder with broken ones: all others are done, and these named with file and reason."""
    monkeypatch.chdir(tmp_path)
    data = write_pictures(tmp_path)
    write_config(full_config(data, 'cam', True))
    weights = checkpoint(tmp_path / 'x.pth', 'cam', True)
    folder = Path('JPEGImages')
    (folder / 'aaa.jpg').write_bytes((folder / 'one.jpg').read_bytes()[:-400])
    (folder / 'odd.png').write_text('no picture')
    Image.new('I;16', (8, 8)).save(folder / 'wide.png')
    words = ['infer', 'config.py', weights, 'JPEGImages', '--out-dir', 'out', '--labels', 'a']
    monkeypatch.setattr(sys, 'argv', ['mmlevelset', *words, '--device', 'cpu', '--batch-size', '2'])
    with pytest.raises(SystemExit) as stop:
        commands.main()
    assert stop.value.code == 2
    said = capsys.readouterr().err.rpartition('error: ')[2].splitlines()
    assert said[0].startswith('3 of 5 pictures cannot be read, the others are done; mend or remove')
    assert len(said) == 4
    for line, name in zip(said[1:], ('aaa.jpg', 'odd.png', 'wide.png'), strict=True):
        assert line.startswith(f'  JPEGImages/{name}: ') and len(line) > 40
    assert {path.stem for path in Path('out/pred').glob('*.png')} == {'one', 'two'}
    assert json.loads(Path('out/pred/meta.json').read_text())['complete'] is False
    # The same command goes on when they are mended or gone.
    shutil.copy(folder / 'one.jpg', folder / 'aaa.jpg')
    for name in ('odd.png', 'wide.png'):
        (folder / name).unlink()
    stamp = Path('out/pred/one.png').stat().st_mtime_ns
    monkeypatch.setattr(sys, 'argv', ['mmlevelset', *words, '--device', 'cpu'])
    commands.main()
    assert Path('out/pred/aaa.png').is_file() and 'error' not in capsys.readouterr().err
    assert Path('out/pred/one.png').stat().st_mtime_ns == stamp
    assert json.loads(Path('out/pred/meta.json').read_text())['complete']

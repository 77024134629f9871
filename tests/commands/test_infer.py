"""``mmlevelset infer``: its files, and what happens when it is called again."""

import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from mmlevelset.commands.infer import main
from tests.apis.own_pictures import checkpoint, full_config, write_config, write_pictures


def test_goes_on_where_it_was(tmp_path, capsys, monkeypatch):
    """It writes all files, goes on where it was, and refuses to mix settings."""
    monkeypatch.chdir(tmp_path)
    data = write_pictures(tmp_path)
    write_config(full_config(data, 'cam', True))
    weights = checkpoint(tmp_path / 'x.pth', 'cam', True)
    command = ['infer', 'config.py', weights, 'JPEGImages', '--out-dir', 'out', '--device', 'cpu']

    def infer(labels: str) -> None:
        monkeypatch.setattr(sys, 'argv', [*command, '--labels', labels])
        main()

    infer('a,2')
    assert '2 pictures done' in capsys.readouterr().out
    stamp = Path('out/vis/one.png').stat().st_mtime_ns
    Path('out/pred/two.png').unlink()
    infer('a,2')
    assert Path('out/pred/two.png').is_file()
    assert Path('out/vis/one.png').stat().st_mtime_ns == stamp
    assert json.loads(Path('out/pred/meta.json').read_text())['complete']
    with pytest.raises(ValueError, match='image_labels'):
        infer('c')
    # Another picture of the same name is another picture, until its files are gone.
    Image.new('RGB', (40, 30)).save('JPEGImages/one.jpg')
    with pytest.raises(ValueError, match='out/pred holds results of other pictures called .*one'):
        infer('a,2')
    Path('out/pred/one.png').unlink()
    infer('a,2')
    assert Image.open('out/pred/one.png').size == (40, 30)

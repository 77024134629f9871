"""Label maps and grey maps of other projects become seeds, by the library and by the command."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmlevelset.apis import import_seeds
from mmlevelset.fileio.foreign_png import label_seed, map_files, map_seed
from mmlevelset.fileio.labels import write_label
from mmlevelset.fileio.meta import read_meta
from mmlevelset.fileio.seeds import read_seed

ROOT = Path(__file__).resolve().parents[2]
CLASSES = ['background', 'cat', 'dog', 'horse']
LABEL = np.array([[0, 1, 1, 255], [3, 3, 0, 0]])


def grey(path: Path, values: np.ndarray) -> None:
    Image.fromarray(np.asarray(values, np.uint8)).save(path)


def test_label_map(tmp_path: Path) -> None:
    write_label(tmp_path / 'a.png', LABEL)
    seed = label_seed(tmp_path / 'a.png')
    assert seed.keys.tolist() == [0, 2] and seed.size == (2, 4)
    np.testing.assert_array_equal(seed.scores, [LABEL == 1, LABEL == 3])  # unsure is no class
    write_label(tmp_path / 'b.png', np.zeros((2, 3), int))
    empty = label_seed(tmp_path / 'b.png')
    assert not len(empty.keys) and empty.scores.shape == (0, 2, 3) and empty.size == (2, 3)


def test_grey_maps(tmp_path: Path) -> None:
    """As OAA writes them: classes from 0, an underscore in the id, the order of numbers."""
    values = np.arange(8).reshape(2, 4) * 36
    for key, shift in ((14, 0), (2, 3)):
        grey(tmp_path / f'2007_000032_{key}.png', values + shift)
    files = map_files(tmp_path)
    assert list(files) == ['2007_000032'] and sorted(files['2007_000032']) == [2, 14]
    seed = map_seed(files['2007_000032'])
    assert seed.keys.tolist() == [2, 14]
    np.testing.assert_allclose(seed.scores, np.stack([values + 3, values]) / 255, rtol=1e-6)


def test_errors(tmp_path: Path) -> None:
    grey(tmp_path / 'a_0.png', np.zeros((2, 4)))
    with pytest.raises(FileNotFoundError, match='no map of 1 of 2 images, the first is b'):
        map_files(tmp_path, ['a', 'b'])
    grey(tmp_path / 'a_1.png', np.zeros((2, 5)))
    with pytest.raises(ValueError, match='a_0.png: maps of different sizes'):
        map_seed(map_files(tmp_path)['a'])
    Image.new('RGB', (4, 2)).save(tmp_path / 'a_1.png')
    with pytest.raises(ValueError, match='a_1.png: got a colour image'):
        map_seed(map_files(tmp_path)['a'])
    grey(tmp_path / 'a.png', np.zeros((2, 4)))
    with pytest.raises(ValueError, match='a.png: expected <id>_<class>.png.*--format labels'):
        map_files(tmp_path)
    with pytest.raises(ValueError, match="'png' is unknown; choose one of"):
        import_seeds(tmp_path, tmp_path / 'out', CLASSES, 'X', layout='png')


@pytest.mark.parametrize('layout', ['labels', 'maps'])
def test_command(layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, out = tmp_path / 'theirs', tmp_path / 'out'
    (tmp_path / 'JPEGImages').mkdir()
    theirs.mkdir()
    for name in ('a', 'b'):
        Image.new('RGB', (4, 2)).save(tmp_path / f'JPEGImages/{name}.jpg')
        if layout == 'labels':
            write_label(theirs / f'{name}.png', LABEL)
        else:
            grey(theirs / f'{name}_0.png', 255 * (LABEL == 1))
            grey(theirs / f'{name}_2.png', 255 * (LABEL == 3))
    options = ['--format', layout, '--method', 'X', '--images', tmp_path / 'JPEGImages']
    arguments = ['import', theirs, out, *options, '--classes', *CLASSES]
    monkeypatch.setattr(sys, 'argv', ['convert_seeds.py', *map(str, arguments)])
    for _ in range(2):  # the second time, nothing is left to do
        runpy.run_path(str(ROOT / 'tools/misc/convert_seeds.py'), run_name='__main__')
    seed, meta = read_seed(out / 'b.npz'), read_meta(out)
    np.testing.assert_array_equal(seed.scores, [LABEL == 1, LABEL == 3])
    assert (meta['kind'], meta['layout'], meta['images']) == ('seeds', layout, 2)


def test_sizes_and_classes_are_checked(tmp_path: Path) -> None:
    theirs = tmp_path / 'theirs'
    write_label(theirs / 'a.png', LABEL + 1 - (LABEL == 255))
    (tmp_path / 'images').mkdir()
    Image.new('RGB', (4, 3)).save(tmp_path / 'images/a.jpg')
    with pytest.raises(ValueError, match=r'a.png: class \[3\] is unknown'):
        import_seeds(theirs, tmp_path / 'out', CLASSES, 'X', layout='labels')
    write_label(theirs / 'a.png', LABEL)
    with pytest.raises(ValueError, match=r'a.png: maps of \(2, 4\).*the image is \(3, 4\)'):
        import_seeds(
            theirs, tmp_path / 'o2', CLASSES, 'X', images=tmp_path / 'images', layout='labels'
        )

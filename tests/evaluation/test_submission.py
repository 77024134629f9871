import json
import runpy
import shutil
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmlevelset.evaluation.submission import (
    check_voc_archive,
    coco_results,
    write_coco_results,
    write_voc_archive,
)
from mmlevelset.fileio.labels import read_label, voc_palette, write_label

IDS = ['2008_000001', '2008_000004']
TOOLS = Path(__file__).resolve().parents[2] / 'tools'
FOLDER = 'results/VOC2012/Segmentation/comp6_test_cls'


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    rng = np.random.RandomState(0)
    (tmp_path / 'images').mkdir()
    for name, (height, width) in zip(IDS, [(12, 15), (9, 7)], strict=True):
        Image.new('RGB', (width, height)).save(tmp_path / f'images/{name}.jpg')
        label = rng.randint(0, 21, (height, width)).astype(np.uint8)
        (tmp_path / 'labels').mkdir(exist_ok=True)
        Image.fromarray(label).save(tmp_path / f'labels/{name}.png')  # grey, as mmsegmentation's
    return tmp_path


def pack(voc: Path, name: str = 'a.tgz', ids=IDS, **options) -> Path:
    write_voc_archive(voc / 'labels', voc / name, ids, voc / 'images', **options)
    return voc / name


def test_archive(voc, tmp_path) -> None:
    archive = pack(voc)
    with tarfile.open(archive, 'r:gz') as tar:
        assert tar.getnames() == [f'{FOLDER}/{name}.png' for name in IDS]
    # tarfile's own filter came with Python 3.11.4
    shutil.unpack_archive(archive, tmp_path / 'out', 'gztar')
    for name in IDS:
        path = tmp_path / 'out' / FOLDER / f'{name}.png'
        np.testing.assert_array_equal(read_label(path), read_label(voc / f'labels/{name}.png'))
        with Image.open(path) as image:
            assert image.mode == 'P'
            assert image.getpalette()[: 3 * 21] == voc_palette(21).ravel().tolist()
    other = pack(voc, 'b.tar.gz', competition='comp5', image_set='val')
    with tarfile.open(other) as tar:
        assert tar.getnames()[0].startswith('results/VOC2012/Segmentation/comp5_val_cls/')


@pytest.mark.parametrize(
    ('label', 'message'),
    [
        (np.full((12, 15), 255), r'000001.png holds the labels \[255\], the server expects 0..20'),
        (np.full((12, 15), 21), r'holds the labels \[21\]'),
        (np.zeros((15, 12)), r'size \(12, 15\) \(W, H\), expected .* of \(15, 12\)'),
    ],
)
def test_bad_labels_leave_no_archive(voc, label, message) -> None:
    write_label(voc / f'labels/{IDS[0]}.png', label.astype(np.uint8))
    with pytest.raises(ValueError, match=message):
        pack(voc)
    assert not list(voc.glob('*tgz*'))


def test_missing_files(voc) -> None:
    with pytest.raises(FileNotFoundError, match='no label map .*2008_000009'):
        pack(voc, ids=[*IDS, '2008_000009'])
    (voc / f'images/{IDS[1]}.jpg').unlink()
    with pytest.raises(FileNotFoundError, match='images lacks'):
        pack(voc)


@pytest.mark.parametrize('options', [dict(name='a.tar'), dict(competition='comp7')])
def test_what_the_server_refuses(voc, options) -> None:
    with pytest.raises(ValueError, match='expected a .tgz or .tar.gz and one of'):
        pack(voc, **options)


def test_foreign_archives(voc) -> None:
    """The failures that people reported: another folder, missing images, colours, no gzip."""

    def archive(names: dict[str, Path], mode: str = 'w:gz') -> Path:
        with tarfile.open(voc / 'x.tgz', mode) as tar:
            for name, path in names.items():
                tar.add(path, name)
        return voc / 'x.tgz'

    def check(path: Path) -> None:
        check_voc_archive(path, IDS, voc / 'images')

    for name in IDS:
        write_label(voc / f'palette/{name}.png', read_label(voc / f'labels/{name}.png'))
        Image.open(voc / f'palette/{name}.png').convert('RGB').save(voc / f'rgb_{name}.png')
        red = Image.open(voc / f'palette/{name}.png')
        red.putpalette([255, 0, 0] * 256)
        red.save(voc / f'red_{name}.png')
    good = {f'{FOLDER}/{name}.png': voc / f'palette/{name}.png' for name in IDS}
    check(archive(good))
    with pytest.raises(ValueError, match='no gzipped tar'):
        check(archive(good, 'w'))
    with pytest.raises(ValueError, match=f'lacks 1 of 2 images, the first is {IDS[1]}'):
        check(archive(dict(list(good.items())[:1])))
    with pytest.raises(ValueError, match='does not belong there'):
        check(archive({key.replace('comp6', 'comp5'): path for key, path in good.items()}))
    with pytest.raises(ValueError, match='has mode RGB'):
        check(archive({key: voc / f'rgb_{Path(key).name}' for key in good}))
    with pytest.raises(ValueError, match='another palette than the colours of VOC'):
        check(archive({key: voc / f'red_{Path(key).name}' for key in good}))
    with pytest.raises(ValueError, match='has mode L'):
        check(archive({key: voc / f'labels/{Path(key).name}' for key in good}))


def decode(segment: dict) -> np.ndarray:
    """Run lengths in column order, by hand."""
    counts, (height, width) = segment['counts'], segment['size']
    flat = np.repeat(np.arange(len(counts)) % 2, counts)
    return flat.reshape(width, height).T.astype(bool)


@pytest.mark.parametrize('corner', [0, 3])
def test_coco_segments(corner: int) -> None:
    """The first run, of zeros, may be empty; void and background are no segments."""
    label = np.random.RandomState(0).choice([0, 3, 80, 255], (7, 5)).astype(np.uint8)
    label[0, 0] = corner
    results = coco_results(label, 42)
    assert [(r['image_id'], r['category_id']) for r in results] == [(42, 3), (42, 90)]
    for result, value in zip(results, (3, 80), strict=True):
        np.testing.assert_array_equal(decode(result['segmentation']), label == value)
    assert (results[0]['segmentation']['counts'][0] == 0) == (corner == 3)


def test_coco_json(tmp_path) -> None:
    names = ['COCO_val2014_000000000042', '000000000073']
    write_label(tmp_path / f'{names[0]}.png', np.full((4, 6), 13, np.uint8))
    write_label(tmp_path / f'{names[1]}.png', np.zeros((4, 6), np.uint8))
    assert write_coco_results(tmp_path, tmp_path / 'r.json', names) == 1
    (entry,) = json.loads((tmp_path / 'r.json').read_text())
    assert entry['image_id'] == 42 and entry['category_id'] == 14  # 12 is unused
    assert entry['segmentation'] == dict(counts=[0, 24], size=[4, 6])
    with pytest.raises(ValueError, match='expected 0..80 by rank'):
        coco_results(np.full((2, 2), 90), 1)
    write_label(tmp_path / 'cat.png', np.zeros((2, 2), np.uint8))
    with pytest.raises(ValueError, match="'cat' does not end in the number"):
        write_coco_results(tmp_path, tmp_path / 'r.json', ['cat'])


def test_command_lines(voc, monkeypatch, capsys) -> None:
    def run(name: str, *arguments) -> str:
        monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
        runpy.run_path(str(TOOLS / f'{name}.py'), run_name='__main__')
        return capsys.readouterr().out

    (voc / 'images').rename(voc / 'JPEGImages')
    (voc / 'ImageSets/Segmentation').mkdir(parents=True)
    (voc / 'ImageSets/Segmentation/test.txt').write_text('\n'.join(IDS))
    made = run('format_voc_test', voc / 'labels', voc / 'a.tgz', '--voc', voc)
    assert f'2 label maps in {FOLDER}, sizes and labels checked' in made
    assert '2 label maps' in run('format_voc_test', voc / 'a.tgz', '--check', '--voc', voc)
    with pytest.raises(SystemExit):
        run('format_voc_test', voc / 'labels', '--voc', voc)
    made = run('format_coco_results', voc / 'labels', voc / 'r.json')
    count = len(json.loads((voc / 'r.json').read_text()))
    assert f'{count} segments of 2 images' in made and count > 20

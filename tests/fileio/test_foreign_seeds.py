"""Seeds of IRN, PSA, SEAM, MCTformer and MuSCLe, in both directions and through the command lines.

The foreign files are written as their own scripts write them, by ``np.save`` of a dict.
"""

import json
import os
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from mmlevelset.fileio.foreign_seeds import read_foreign_seed, write_foreign_seed
from mmlevelset.fileio.labels import read_label, write_label
from mmlevelset.fileio.meta import read_meta
from mmlevelset.fileio.seeds import Seed, read_seed, seed_to_label, write_seed

ROOT = Path(__file__).resolve().parents[2]
SIZE = (37, 50)
IDS = ('2007_000032', '2007_000039', '2008_000008')
KEYS = {'2007_000032': [14, 0], '2007_000039': [19], '2008_000008': []}
NAMES = {0: 'aeroplane', 14: 'person', 19: 'tvmonitor'}


def maps(name: str) -> np.ndarray:
    """Scores (K, H, W) in [0, 1] of the classes of an image, in multiples of 1/255."""
    rng = np.random.RandomState(IDS.index(name))
    return (rng.randint(0, 256, (len(KEYS[name]), *SIZE)) / 255).astype(np.float32)


def irn_dict(name: str) -> dict:
    """What IRN's make_cam saves."""
    high_res, grid = maps(name), [-(-side // 4) for side in SIZE]
    strided = F.interpolate(torch.from_numpy(high_res)[:, None], grid, mode='bilinear')[:, 0]
    keys = torch.tensor(KEYS[name], dtype=torch.int64)
    return dict(keys=keys, cam=strided, high_res=high_res)


def psa_dict(name: str) -> dict:
    """What PSA, SEAM, MCTformer and MuSCLe save; min-max formulas leave values below 0."""
    found = dict(zip(KEYS[name], maps(name), strict=True))
    return {key: np.where(map_ == 0, np.float32(-1e-5), map_) for key, map_ in found.items()}


def write(folder: Path, content) -> Path:
    folder.mkdir()
    for name in IDS:
        np.save(folder / f'{name}.npy', content(name))
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """``JPEGImages``, ``labels.json`` and ``SegmentationClass`` of the three images."""
    (tmp_path / 'JPEGImages').mkdir()
    for name in IDS:
        Image.new('RGB', SIZE[::-1]).save(tmp_path / f'JPEGImages/{name}.jpg')
        truth = np.random.RandomState(7).choice([0, 1, 15, 20, 255], SIZE)
        write_label(tmp_path / f'SegmentationClass/{name}.png', truth)
    labels = {name: [key + 1 for key in keys] for name, keys in KEYS.items()}
    (tmp_path / 'labels.json').write_text(json.dumps(labels))
    return tmp_path


def tool(monkeypatch: pytest.MonkeyPatch, script: str, *arguments: str | Path) -> None:
    monkeypatch.setattr(sys, 'argv', [script, *map(str, arguments)])
    try:
        runpy.run_path(str(ROOT / 'tools' / script), run_name='__main__')
    except SystemExit as stop:
        raise stop.__context__ from None


def check(folder: Path) -> None:
    for name in IDS:
        seed, order = read_seed(folder / f'{name}.npz'), np.argsort(KEYS[name])
        assert seed.keys.tolist() == sorted(KEYS[name]) and seed.size == SIZE
        np.testing.assert_allclose(seed.scores, maps(name)[order], atol=1e-6)


@pytest.mark.parametrize('content', [irn_dict, psa_dict])
def test_import_and_evaluation(data, monkeypatch, content):
    """Imported seeds are the original maps, and score like a confusion matrix made by hand."""
    source, out = write(data / 'theirs', content), data / 'ours'
    checks = ['--images', data / 'JPEGImages', '--image-labels', data / 'labels.json']
    tool(monkeypatch, 'misc/convert_seeds.py', 'import', source, out, '--method', 'X', *checks)
    check(out)
    meta = read_meta(out)
    assert (meta['kind'], meta['method'], meta['images'], len(meta['classes'])) == (
        'seeds',
        'X',
        3,
        21,
    )

    numbers = ['--gt', data / 'SegmentationClass', '--threshold', '0.45', '--json', data / 'n.json']
    tool(monkeypatch, 'eval_seeds.py', out, *numbers)
    both = []
    for name in IDS:
        score = np.zeros((21, *SIZE))
        score[np.array(KEYS[name], int) + 1] = maps(name)
        score[0] = 0.45
        both.append((score.argmax(0), read_label(data / f'SegmentationClass/{name}.png')))
    got, wanted = np.stack(both, 1)
    got = got[wanted != 255]
    wanted = wanted[wanted != 255]
    ious = [
        ((got == c) & (wanted == c)).sum() / ((got == c) | (wanted == c)).sum()
        for c in (0, 1, 15, 20)
    ]
    scores = json.loads((data / 'n.json').read_text())['scores']
    assert scores['mIoU'] == pytest.approx(100 * np.mean(ious), abs=1e-3)


@pytest.mark.parametrize('layout', ['irn', 'psa'])
def test_export(data, monkeypatch, layout):
    """What is exported is what the other projects' scripts would have saved, for numpy 1 as well."""
    for name in IDS:
        write_seed(data / f'ours/{name}.npz', KEYS[name], maps(name), SIZE)
    out = data / 'theirs'
    tool(monkeypatch, 'misc/convert_seeds.py', 'export', data / 'ours', out, '--format', layout)
    assert read_meta(out)['format'] == layout
    for name in IDS:
        assert b'numpy._core' not in (out / f'{name}.npy').read_bytes()
        content = np.load(out / f'{name}.npy', allow_pickle=True).item()
        expected = irn_dict(name) if layout == 'irn' else psa_dict(name)
        assert set(content) == set(expected)
        order = np.argsort(KEYS[name])
        for key, value in expected.items():
            value = value[order] if isinstance(key, str) else value
            assert type(content[key]) is type(value) and content[key].dtype == value.dtype
            np.testing.assert_allclose(content[key], value, atol=2e-5)
    (out / 'meta.json').unlink()
    tool(
        monkeypatch, 'misc/convert_seeds.py', 'import', out, data / 'back', '--method', 'X',
        '--images', data / 'JPEGImages',
    )  # fmt: skip
    check(data / 'back')


def test_import_resumes_and_names_the_file(data, monkeypatch):
    """A broken file stops the run with its name; the next run goes on behind what was done."""
    source, out = write(data / 'theirs', irn_dict), data / 'ours'
    arguments = ['misc/convert_seeds.py', 'import', source, out, '--method', 'X']
    good = (source / f'{IDS[1]}.npy').read_bytes()
    (source / f'{IDS[1]}.npy').write_bytes(good[:300])
    with pytest.raises(ValueError, match=f'{IDS[1]}.npy: cannot be read safely'):
        tool(monkeypatch, *arguments)
    assert [path.name for path in out.glob('*.npz')] == [f'{IDS[0]}.npz']
    assert read_meta(out)['complete'] is False
    done = (out / f'{IDS[0]}.npz').stat()
    (source / f'{IDS[1]}.npy').write_bytes(good)
    tool(monkeypatch, *arguments)
    check(out)
    assert (out / f'{IDS[0]}.npz').stat().st_mtime_ns == done.st_mtime_ns
    with pytest.raises(ValueError, match='other settings.*method: X -> Y'):
        tool(monkeypatch, *arguments[:-1], 'Y')


def test_lists_and_classes(data, monkeypatch):
    """Only the images of the list, integer ids included, and class names of a config."""
    source = write(data / 'theirs', psa_dict)
    (data / 'list.txt').write_text('2007000032\n2007_000039\n')
    tool(
        monkeypatch, 'misc/convert_seeds.py', 'import', source, data / 'ours', '--method', 'X',
        '--split', data / 'list.txt', '--config', ROOT / 'configs/seed/cam/resnet50_voc12.py',
    )  # fmt: skip
    assert sorted(path.stem for path in (data / 'ours').glob('*.npz')) == list(IDS[:2])
    assert read_meta(data / 'ours')['classes'][20] == 'tvmonitor'
    # as every command takes them: with blanks or commas between, and with or without the background
    for few in (['background', 'a', 'b'], ['a', 'b'], ['background,a,b'], ['a,b']):
        said = rf'{IDS[0]}.npy: class \[14\] is unknown; expected 0..1'
        with pytest.raises(ValueError, match=said):
            tool(
                monkeypatch, 'misc/convert_seeds.py', 'import', source, data / 'b', '--method', 'X',
                '--classes', *few,
            )  # fmt: skip


def test_checks_against_images_and_labels(data, monkeypatch):
    source = write(data / 'theirs', psa_dict)
    start = ['misc/convert_seeds.py', 'import', source, data / 'ours', '--method', 'X']
    with pytest.raises(ValueError, match=f'{IDS[2]}.npy: no class, so the size'):
        tool(monkeypatch, *start)
    (data / 'labels.json').write_text(json.dumps({name: [1, 20] for name in IDS}))
    with pytest.raises(ValueError, match=rf"{IDS[0]}.npy: seeds of \['person'\].*labels"):
        tool(
            monkeypatch, *start[:3], data / 'b', *start[4:], '--image-labels', data / 'labels.json'
        )
    Image.new('RGB', SIZE).save(data / f'JPEGImages/{IDS[1]}.jpg')
    with pytest.raises(ValueError, match=rf'{IDS[1]}.npy: maps of \(37, 50\).*is \(50, 37\)'):
        tool(monkeypatch, *start[:3], data / 'c', *start[4:], '--images', data / 'JPEGImages')
    (data / f'JPEGImages/{IDS[1]}.jpg').unlink()
    with pytest.raises(FileNotFoundError, match=f'lacks the files of .*{IDS[1]}'):
        tool(monkeypatch, *start[:3], data / 'd', *start[4:], '--images', data / 'JPEGImages')


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (np.zeros(3), 'expected a dict of maps, got ndarray'),
        ({'a': np.zeros((2, 2))}, r"expected class indices as keys.*\['a'\]"),
        ({0: np.zeros((2, 2)), 1: np.zeros((2, 3))}, 'different sizes'),
        ({0: np.zeros((1, 2, 2))}, r'expected K keys and \(K, H, W\) maps'),
        ({0: np.full((2, 2), 7.0)}, 'not exceed 1, got 7'),
        ({0: np.full((2, 2), np.nan)}, 'finite .* got nan'),
        ({'keys': np.array([0]), 'attn': np.zeros((1, 2, 2))}, r"\['attn', 'keys'\], none is"),
        ({'keys': np.array([0, 1]), 'high_res': np.zeros((1, 2, 2))}, 'expected K keys'),
    ],
)
def test_wrong_content(tmp_path, content, message):
    np.save(tmp_path / 'a.npy', content)
    with pytest.raises(ValueError, match=f'a.npy.*{message}'):
        read_foreign_seed(tmp_path / 'a.npy')


def test_other_entry_of_the_maps(tmp_path):
    np.save(tmp_path / 'a.npy', dict(keys=np.array([3]), attn=np.full((1, 2, 2), 0.5, np.float16)))
    seed = read_foreign_seed(tmp_path / 'a.npy', maps='attn')
    assert seed.keys.tolist() == [3] and (seed.scores == 0.5).all()
    with pytest.raises(FileNotFoundError, match='b.npy'):
        read_foreign_seed(tmp_path / 'b.npy')


def test_seeds_of_coco_need_its_classes(tmp_path, monkeypatch):
    """What AFA's validation on COCO writes: 80 classes, one file for each image of val2014."""
    name, scores = 'COCO_val2014_000000000042', np.full((2, 4, 6), 0.5, np.float32)
    (tmp_path / 'theirs').mkdir()
    np.save(tmp_path / f'theirs/{name}.npy', dict(keys=np.array([0, 79]), cam=scores))
    arguments = [
        'import',
        tmp_path / 'theirs',
        tmp_path / 'ours',
        '--maps',
        'cam',
        '--method',
        'AFA',
    ]
    with pytest.raises(
        ValueError, match=r'class \[79\] is unknown; .*Give the classes or the config'
    ):
        tool(monkeypatch, 'misc/convert_seeds.py', *arguments)
    coco = ROOT / 'configs/seed/mctformer/deit-s_v2_coco14.py'
    tool(monkeypatch, 'misc/convert_seeds.py', *arguments, '--config', coco)
    assert read_seed(tmp_path / f'ours/{name}.npz').keys.tolist() == [0, 79]
    assert len(read_meta(tmp_path / 'ours')['classes']) == 81


def test_reading_runs_no_code(tmp_path):
    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / 'harm'),)

    np.save(tmp_path / 'a.npy', {0: Attack()})
    with pytest.raises(ValueError, match='a.npy: cannot be read safely: .*mkdir'):
        read_foreign_seed(tmp_path / 'a.npy')
    assert not (tmp_path / 'harm').exists()


def test_labels_do_not_depend_on_the_format(tmp_path):
    """Slightly negative background scores are background at threshold 0, in all formats."""
    seed = Seed(np.array([0, 14]), maps(IDS[0])[::-1], SIZE)
    np.save(tmp_path / 'a.npy', psa_dict(IDS[0]))
    write_foreign_seed(tmp_path / 'b.npy', seed, 'irn')
    for path in ('a.npy', 'b.npy'):
        label = seed_to_label(read_foreign_seed(tmp_path / path), 0.0)
        np.testing.assert_array_equal(label, seed_to_label(seed, 0.0))

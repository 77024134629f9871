"""tools/refine.py: files, resuming, a killed run, thresholds afterwards, errors."""

import errno
import os
import runpy
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmlevelset.fileio.atomic import write_json
from mmlevelset.fileio.hashes import file_hash
from mmlevelset.fileio.labels import read_label, write_label
from mmlevelset.fileio.lock import folder_lock
from mmlevelset.fileio.meta import read_meta, write_meta
from mmlevelset.fileio.output import finished_ids
from mmlevelset.fileio.seeds import read_seed
from mmlevelset.fileio.soft import read_soft, soft_to_label, write_soft
from mmlevelset.refine.folder import refine_folder, relabel_folder
from mmlevelset.refine.threshold import make_pseudo_labels, seed_threshold

ROOT = Path(__file__).resolve().parents[2]
REFINER = dict(type='mmlevelset.PAR', background=dict(score=0.4))
CONFIG = f"""
default_scope = 'mmseg'
image_dir = 'nowhere'
refiner = {REFINER!r}
"""


def files(folder: Path) -> dict[str, bytes]:
    """Content of everything but meta.json, which holds versions and counts."""
    found = (p for p in sorted(folder.rglob('*')) if p.is_file() and p.suffix in ('.npz', '.png'))
    return {str(p.relative_to(folder)): p.read_bytes() for p in found if p.name[0] != '.'}


def tool(folders: dict[str, Path], out: Path, *more: str) -> subprocess.Popen:
    config = out.parent / 'config.py'
    config.write_text(CONFIG)
    command = [sys.executable, 'tools/refine.py', config, '--out', out, *more]
    command += ['--seeds', folders['seed_dir'], '--images', folders['image_dir']]
    env = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='')
    pipe = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return subprocess.Popen([str(c) for c in command], cwd=ROOT, env=env, **pipe)


def test_soft_maps_and_labels(folders, tmp_path):
    assert refine_folder(REFINER, **folders, out_dir=tmp_path / 'out') == 7
    for i in range(7):
        seed = read_seed(folders['seed_dir'] / f'{i}.npz')
        keys, soft = read_soft(tmp_path / f'out/soft/{i}.npz')
        assert keys.tolist() == [1, 4][: i % 3] and soft.shape == (len(keys) + 1, *seed.size)
        np.testing.assert_allclose(soft.sum(0), 1, atol=2e-3)  # float16
        label = read_label(tmp_path / f'out/labels/{i}.png')
        assert set(np.unique(label)) <= {0, *keys + 1}
        np.testing.assert_array_equal(label, soft_to_label(keys, soft))
    meta = read_meta(tmp_path / 'out/labels')
    assert meta['refiner'] == REFINER and meta['split'] == 'train' and meta['images'] == 7
    assert meta['classes'] == ['background', *'abcde'] and meta['threshold'] is None


def test_soft_maps_are_seeds_too(folders, tmp_path):
    refine_folder(REFINER, **folders, out_dir=tmp_path / 'out', ids=['2'])
    seed = read_seed(tmp_path / 'out/soft/2.npz')
    np.testing.assert_array_equal(seed.scores, read_soft(tmp_path / 'out/soft/2.npz')[1][1:])
    with pytest.raises(ValueError, match='is a seed, it has no map of the background'):
        read_soft(folders['seed_dir'] / '2.npz')


def test_resume_makes_what_is_missing(folders, tmp_path):
    out = tmp_path / 'out'
    refine_folder(REFINER, **folders, out_dir=out)
    whole, kept = files(out), (out / 'soft/0.npz').stat().st_mtime_ns
    (out / 'soft/1.npz').unlink()
    (out / 'labels/5.png').unlink()
    assert refine_folder(REFINER, **folders, out_dir=out) == 2
    assert files(out) == whole and (out / 'soft/0.npz').stat().st_mtime_ns == kept
    with pytest.raises(ValueError, match='made with other settings .refiner'):
        refine_folder(dict(REFINER, iterations=3), **folders, out_dir=out)


@pytest.mark.parametrize('moved', ['all', 'output'])
def test_a_moved_folder_goes_on(folders, tmp_path, moved):
    """With its seeds and images, as a pipeline's folder is moved; or alone, with absolute paths."""
    (tmp_path / 'work').mkdir()
    here = {key: path.rename(tmp_path / 'work' / path.name) for key, path in folders.items()}
    refine_folder(REFINER, **here, out_dir=tmp_path / 'work/out')
    make_pseudo_labels(here['seed_dir'], tmp_path / 'work/plain', 0.5)
    there, out = (
        (tmp_path / 'other', 'out') if moved == 'all' else (tmp_path / 'work', 'elsewhere/out')
    )
    if moved == 'all':
        (tmp_path / 'work').rename(there)
        here = {key: there / path.name for key, path in here.items()}
    else:
        (there / out).parent.mkdir()
        (there / 'out').rename(there / out)
    for path in (there / out / 'soft/1.npz', there / out / 'labels/5.png', there / 'plain/2.png'):
        path.unlink()
    assert refine_folder(REFINER, **here, out_dir=there / out) == 2
    make_pseudo_labels(here['seed_dir'], there / 'plain', 0.5)
    assert (there / 'plain/2.png').is_file()
    other = (there / 'images').rename(there / 'photographs')
    with pytest.raises(ValueError, match='other settings .image_dir: .*images -> .*photographs'):
        refine_folder(REFINER, **dict(here, image_dir=other), out_dir=there / out)


def test_weights_are_known_by_their_content(folders, tmp_path):
    """Not by their path, which may move."""
    weights, out = tmp_path / 'a.pth', tmp_path / 'out'
    weights.write_bytes(b'one')
    where = 'unexpected keyword.* docstring of its class, in mmlevelset.refine.par,'
    with pytest.raises(ValueError, match=where):  # PAR has no weights
        refine_folder(dict(REFINER, checkpoint=str(weights)), **folders, out_dir=out)
    meta = read_meta(out / 'soft')
    assert meta['refiner'] == REFINER and meta['weights'] == str(weights)
    assert meta['weights_hash'] == file_hash(weights)


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_files(folders, tmp_path):
    """SIGKILL of the parent in the middle; its processes end by themselves."""
    slow = dict(REFINER, iterations=100)
    refine_folder(slow, **folders, out_dir=tmp_path / 'whole')
    out = tmp_path / 'out'
    process = tool(folders, out, '--jobs', '2', '--cfg-options', 'refiner.iterations=100')
    while process.poll() is None and not list(out.glob('labels/*.png')):
        time.sleep(0.002)
    process.kill()
    process.communicate()  # returns once the processes of the pool have closed their end, too
    assert 0 < len(list(out.glob('labels/*.png'))) < 7
    (out / 'soft/.6.npz.0badcafe.tmp').write_bytes(b'half a file')
    assert 0 < refine_folder(slow, **folders, out_dir=out) < 7
    assert files(out) == files(tmp_path / 'whole')


def test_thresholds_without_another_refinement(folders, tmp_path):
    out = tmp_path / 'out'
    refine_folder(REFINER, **folders, out_dir=out)
    for path in folders['image_dir'].iterdir():
        path.unlink()
    assert relabel_folder(out, threshold=0.55) == 7
    keys, soft = read_soft(out / 'soft/2.npz')
    best, label = soft[1:].max(0), read_label(out / 'labels/2.png')
    expected = np.where(best > np.float32(0.55), keys[soft[1:].argmax(0)] + 1, 0)
    np.testing.assert_array_equal(label, expected)
    assert read_meta(out / 'labels')['threshold'] == 0.55
    level = float(np.median(soft.max(0)))
    assert relabel_folder(out, unsure_below=level) == 7
    unsure = read_label(out / 'labels/2.png') == 255
    np.testing.assert_array_equal(unsure, soft.max(0) < level)
    assert 0 < unsure.mean() < 1
    with pytest.raises(ValueError, match='give one of the two'):
        relabel_folder(out, threshold=0.55, unsure_below=0.6)
    with pytest.raises(ValueError, match=r'in \[0, 1\), got 1.7'):
        refine_folder(REFINER, **folders, out_dir=tmp_path / 'other', threshold=1.7)


def test_a_stopped_relabelling_is_not_taken_for_finished(folders, tmp_path, monkeypatch):
    out = tmp_path / 'out'
    refine_folder(REFINER, **folders, out_dir=out, threshold=0.3)

    def stop_after_two(path, label):
        if path.stem == '2':
            raise KeyboardInterrupt
        write_label(path, label)

    monkeypatch.setattr('mmlevelset.refine.folder.write_label', stop_after_two)
    with pytest.raises(KeyboardInterrupt):
        relabel_folder(out, threshold=0.9)
    monkeypatch.undo()
    with pytest.raises(ValueError, match='unfinished'):
        finished_ids(out / 'labels', '.png')
    with pytest.raises(ValueError, match='made with other settings .threshold: 0.9 -> 0.3'):
        refine_folder(REFINER, **folders, out_dir=out, threshold=0.3)
    assert refine_folder(REFINER, **folders, out_dir=out, threshold=0.9) == 5
    resumed = files(out)
    relabel_folder(out, threshold=0.9)
    assert files(out) == resumed and len(finished_ids(out / 'labels', '.png')) == 7


def test_other_seeds_in_the_same_place(folders, tmp_path):
    facts = dict(kind='seeds', classes=['background', *'abcde'], split='train')
    write_meta(folders['seed_dir'], **facts, weights_hash='one')
    refine_folder(REFINER, **folders, out_dir=tmp_path / 'out')
    make_pseudo_labels(folders['seed_dir'], tmp_path / 'labels', 0.5)
    write_meta(folders['seed_dir'], **facts, weights_hash='two')
    other = 'made with other settings .seeds.weights_hash: one -> two'
    with pytest.raises(ValueError, match=other):
        refine_folder(REFINER, **folders, out_dir=tmp_path / 'out')
    with pytest.raises(ValueError, match=other):
        make_pseudo_labels(folders['seed_dir'], tmp_path / 'labels', 0.5)


@pytest.mark.parametrize(
    ('arguments', 'told'),
    [
        ([], '--seeds is missing: the folder of the seeds'),
        (['--seeds', 'seeds'], 'has no `refiner`; give one of'),
        (['--labels-only', '--split', 'a.txt'], 'reads OUT/soft alone; leave out --split'),
    ],
)
def test_a_command_line_that_is_wrong(tmp_path, monkeypatch, capsys, arguments, told):
    network = ROOT / 'configs/refine/irnet_efficientnet-lite0_voc8.py'
    command = ['refine.py', network, '--out', tmp_path / 'out', *arguments]
    monkeypatch.setattr(sys, 'argv', [*map(str, command)])
    with pytest.raises(SystemExit):
        runpy.run_path(str(ROOT / 'tools/refine.py'), run_name='__main__')
    assert told in capsys.readouterr().err


def test_errors_name_the_image(folders, tmp_path):
    path = folders['seed_dir'] / '3.npz'
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(
        RuntimeError, match=r'images/3.png .* into .*soft/3.npz: .*seeds/3.npz is damaged.* again'
    ):
        refine_folder(REFINER, **folders, out_dir=tmp_path / 'out')
    Image.new('RGB', (9, 9)).save(folders['image_dir'] / '1.png')
    with pytest.raises(
        RuntimeError, match=r'1.png .*: the seed is \(41, 49\) .* the image \(9, 9\)'
    ):
        refine_folder(REFINER, **folders, out_dir=tmp_path / 'other')
    (folders['image_dir'] / '4.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'images lacks the files of 1 id\(s\) \(4\) of 7'):
        refine_folder(REFINER, **folders, out_dir=tmp_path / 'other')
    with pytest.raises(ValueError, match="expected jobs >= 1 .* got 0, 'float16'"):
        refine_folder(REFINER, **folders, out_dir=tmp_path / 'other', jobs=0)


def test_soft_file(tmp_path):
    soft = np.array([[[0.2, 1.0]], [[0.8, 0.0]]], np.float32)
    write_soft(tmp_path / 'a.npz', [3], soft, 'uint8')
    keys, read = read_soft(tmp_path / 'a.npz')
    assert keys == [3]
    np.testing.assert_allclose(read, soft, atol=0.5 / 255)
    with pytest.raises(ValueError, match='expected 3 soft maps'):
        write_soft(tmp_path / 'a.npz', [3, 4], soft)
    with pytest.raises(ValueError, match=r'a.npz: scores must lie in \[0, 1\], got \[0, 1.6\]'):
        write_soft(tmp_path / 'a.npz', [3], 2 * soft)
    with pytest.raises(ValueError, match='must lie'):
        write_soft(tmp_path / 'a.npz', [3], np.nan * soft)


def test_pixels_that_nothing_claims_are_unsure():
    soft = np.array([[[0, 0.9, 0.4]], [[0, 0.1, 0.6]]], np.float32)
    assert soft_to_label(np.array([7]), soft).tolist() == [[255, 0, 8]]
    assert soft_to_label(np.array([7]), soft, unsure_below=0.7).tolist() == [[255, 0, 255]]
    assert soft_to_label(np.array([7]), soft, threshold=0.3).tolist() == [[255, 0, 8]]
    assert soft_to_label(np.array([7]), soft, threshold=0).tolist() == [[255, 8, 8]]


def test_label_free_background(folders, tmp_path):
    """``otsu`` stands for the threshold of the seeds that are refined, and meta.json says which."""
    labels = make_pseudo_labels(folders['seed_dir'], tmp_path / 'plain')
    free = dict(REFINER, background=dict(score='otsu'))
    refine_folder(free, **folders, out_dir=tmp_path / 'free')
    told = dict(REFINER, background=dict(score=labels))
    refine_folder(told, **folders, out_dir=tmp_path / 'told')
    assert (
        files(tmp_path / 'free') == files(tmp_path / 'told')
        and free['background']['score'] == 'otsu'
    )
    assert read_meta(tmp_path / 'free/soft')['refiner']['background'] == {'score': labels}
    part = seed_threshold(folders['seed_dir'], 'otsu', ['1', '2'])
    refine_folder(free, **folders, out_dir=tmp_path / 'part', ids=['1', '2'])
    assert (
        read_meta(tmp_path / 'part/soft')['refiner']['background'] == {'score': part}
        and part != labels
    )
    write_json(tmp_path / 'seeds.json', dict(scores=dict(threshold=part)))
    measured = dict(REFINER, background=dict(score=f'{tmp_path}/seeds.json'))
    refine_folder(measured, **folders, out_dir=tmp_path / 'part')  # goes on with all images
    assert read_meta(tmp_path / 'part/soft')['refiner']['background'] == {'score': part}


@pytest.mark.parametrize('part', ['soft', 'labels'])
def test_a_second_refiner_in_the_same_folder(folders, tmp_path, part):
    out = tmp_path / 'out'
    with folder_lock(out / part):
        for work in (
            lambda: refine_folder(REFINER, **folders, out_dir=out),
            lambda: make_pseudo_labels(folders['seed_dir'], out / part, 0.5),
        ):
            with pytest.raises(ValueError, match=f'another run .* into {out / part}'):
                work()
    assert not list(out.rglob('*.png'))


def test_unfinished_seeds_are_not_refined(folders, tmp_path):
    write_meta(folders['seed_dir'], kind='seeds', images=9, complete=False)
    for work in (
        lambda: refine_folder(REFINER, **folders, out_dir=tmp_path / 'out'),
        lambda: make_pseudo_labels(folders['seed_dir'], tmp_path / 'out', 0.5),
    ):
        with pytest.raises(ValueError, match='seeds is unfinished'):
            work()
    assert not (tmp_path / 'out').exists()


def test_classes_beyond_those_of_the_seeds(folders, tmp_path):
    write_meta(folders['seed_dir'], kind='seeds', classes=['background', *'abc'])
    with pytest.raises(RuntimeError, match=r'seeds/2.npz: keys .* 0..2, got \[1, 4\]'):
        refine_folder(REFINER, **folders, out_dir=tmp_path / 'out')
    with pytest.raises(ValueError, match=r'seeds/2.npz: keys .* 0..2, got \[1, 4\]'):
        make_pseudo_labels(folders['seed_dir'], tmp_path / 'other', 0.5)


def test_a_full_disk_is_told_with_path_and_cure(folders, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr('mmlevelset.refine.folder.write_label', full)
    told = r'images/0.png .* into .*out/soft/0.npz: .*No space left on device.* the same command'
    with pytest.raises(RuntimeError, match=told):
        refine_folder(REFINER, **folders, out_dir=tmp_path / 'out')


@pytest.mark.parametrize(
    ('refiner', 'complaint'),
    [
        (dict(type='mmlevelset.Nothing'), r"no refiner 'mmlevelset.Nothing': .* one of \[.*PAR"),
        (dict(REFINER, iteration=3), "unexpected keyword argument 'iteration'"),
        (dict(background=dict(score=0.4)), 'no refiner None'),
    ],
)
def test_a_refiner_that_cannot_be_made(folders, tmp_path, refiner, complaint):
    with pytest.raises(ValueError, match=complaint):
        refine_folder(refiner, **folders, out_dir=tmp_path / 'out')

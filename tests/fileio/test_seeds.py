import json

import numpy as np
import pytest
from PIL import Image

from mmlevelset.fileio.atomic import atomic_path, write_json
from mmlevelset.fileio.labels import read_label, voc_palette, write_label
from mmlevelset.fileio.meta import read_meta, write_meta
from mmlevelset.fileio.seeds import Seed, read_seed, seed_to_label, write_seed


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_seed_round_trip(tmp_path):
    scores = np.random.RandomState(0).rand(2, 5, 7).astype(np.float32)
    write_seed(tmp_path / 'sub' / 'a.npz', [3, 14], scores, (5, 7))
    seed = read_seed(tmp_path / 'sub' / 'a.npz')
    assert seed.keys.tolist() == [3, 14] and seed.keys.dtype == np.int64
    assert seed.size == (5, 7) and seed.scores.dtype == np.float32
    assert np.abs(seed.scores - scores).max() <= 0.5 / 255 + 1e-6
    with np.load(tmp_path / 'sub' / 'a.npz', allow_pickle=False) as file:
        np.testing.assert_array_equal(file['cam'], np.rint(255 * scores).astype(np.uint8))
    assert files(tmp_path / 'sub') == ['a.npz']


def test_half_precision_is_kept_and_no_class_is_allowed(tmp_path):
    scores = np.random.RandomState(0).rand(1, 4, 4).astype(np.float16)
    write_seed(tmp_path / 'a.npz', [0], scores, (4, 4))
    np.testing.assert_array_equal(read_seed(tmp_path / 'a.npz').scores, scores.astype(np.float32))
    write_seed(tmp_path / 'b.npz', [], np.zeros((0, 4, 6), np.float32), (4, 6))
    seed = read_seed(tmp_path / 'b.npz')
    assert seed.scores.shape == (0, 4, 6)
    np.testing.assert_array_equal(seed_to_label(seed, 0.3), np.zeros((4, 6), np.uint8))


@pytest.mark.parametrize(
    ('keys', 'shape', 'size', 'value'),
    [
        ([0], (2, 4, 4), (4, 4), 0.5),
        ([0], (1, 4, 4), (4, 5), 0.5),
        ([1, 1], (2, 4, 4), (4, 4), 0.5),
        ([-1], (1, 4, 4), (4, 4), 0.5),
        ([0], (1, 4, 4), (4, 4), 7.0),
        ([0], (1, 4, 4), (4, 4), np.nan),
    ],
)
def test_wrong_seeds_are_refused_and_leave_nothing(tmp_path, keys, shape, size, value):
    with pytest.raises(ValueError, match='a.npz'):
        write_seed(tmp_path / 'a.npz', keys, np.full(shape, value, np.float32), size)
    assert files(tmp_path) == []


def test_damaged_seeds_name_the_file(tmp_path):
    path = tmp_path / 'a.npz'
    with pytest.raises(FileNotFoundError, match='a.npz'):
        read_seed(path)
    write_seed(path, [1], np.random.RandomState(0).rand(1, 40, 40), (40, 40))
    whole = path.read_bytes()
    for damaged in (b'', b'not a zip', whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match='a.npz'):
            read_seed(path)
    middle = len(whole) // 2
    path.write_bytes(
        whole[:middle]
        + bytes(255 - byte for byte in whole[middle : middle + 40])
        + whole[middle + 40 :]
    )
    with pytest.raises(ValueError, match='a.npz'):
        read_seed(path)
    np.savez(path, keys=np.array([1]), cam=np.zeros((1, 4, 4), np.uint8))
    with pytest.raises(ValueError, match='size'):
        read_seed(path)
    np.savez(path, keys=np.array([1]), cam=np.zeros((1, 4, 4), np.uint8), size=np.array([4, 5]))
    with pytest.raises(ValueError, match=r'a.npz .*cam: expected shape \(1, 4, 5\), got uint8'):
        read_seed(path)


def test_reading_a_seed_runs_no_code(tmp_path):
    path = tmp_path / 'a.npz'
    np.savez(
        path, keys=np.array([1]), cam=np.array([{'evil': 1}], dtype=object), size=np.array([1, 1])
    )
    with pytest.raises(ValueError, match='a.npz is damaged, or not .*object'):
        read_seed(path)


def test_labels_of_a_seed_equal_argmax_with_a_constant_background():
    rng = np.random.RandomState(0)
    scores = (rng.randint(0, 11, (3, 20, 20)) / 10).astype(np.float32)  # many ties
    seed = Seed(np.array([4, 0, 9]), scores, (20, 20))
    order = np.argsort(seed.keys)
    for threshold in (0.0, 0.1, 0.3, 0.7):
        stack = np.concatenate([np.full((1, 20, 20), threshold, np.float32), scores])
        expected = np.concatenate([[0], seed.keys + 1])[stack.argmax(0)]
        np.testing.assert_array_equal(seed_to_label(seed, threshold), expected)
    label = seed_to_label(seed, 0.5, ignore_band=(0.3, 0.7))
    best = scores.max(0)
    assert (label[best <= np.float32(0.3)] == 0).all()
    assert (label[(best > np.float32(0.3)) & (best <= np.float32(0.7))] == 255).all()
    assert set(np.unique(label[best > np.float32(0.7)])) <= set(seed.keys[order] + 1)


def test_label_round_trip(tmp_path):
    label = np.random.RandomState(0).randint(0, 256, (9, 11)).astype(np.uint8)
    write_label(tmp_path / 'a.png', label, palette=[(1, 2, 3)])
    np.testing.assert_array_equal(read_label(tmp_path / 'a.png'), label)
    with Image.open(tmp_path / 'a.png') as image:
        assert image.mode == 'P'
        palette = np.array(image.getpalette()).reshape(-1, 3)
    assert palette[0].tolist() == [1, 2, 3]
    np.testing.assert_array_equal(palette[1:], voc_palette()[1:])
    assert files(tmp_path) == ['a.png']


def test_wrong_labels_are_refused(tmp_path):
    for label in (
        np.full((3, 3), 256),
        np.full((3, 3), -1),
        np.zeros((3, 3)),
        np.zeros((1, 3, 3), np.uint8),
    ):
        with pytest.raises(ValueError, match='a.png'):
            write_label(tmp_path / 'a.png', label)
    Image.new('RGB', (4, 4)).save(tmp_path / 'rgb.png')
    with pytest.raises(ValueError, match='mode RGB'):
        read_label(tmp_path / 'rgb.png')
    (tmp_path / 'b.png').write_bytes(b'no image')
    with pytest.raises(ValueError, match='b.png'):
        read_label(tmp_path / 'b.png')
    with pytest.raises(FileNotFoundError, match='c.png'):
        read_label(tmp_path / 'c.png')


def test_voc_palette_has_the_colours_of_the_development_kit():
    palette = voc_palette()
    assert palette.shape == (256, 3)
    known = {
        0: (0, 0, 0),
        1: (128, 0, 0),
        2: (0, 128, 0),
        15: (192, 128, 128),
        20: (0, 64, 128),
        255: (224, 224, 192),
    }
    for index, colour in known.items():
        assert tuple(palette[index]) == colour
    assert len(np.unique(palette, axis=0)) == 256


def test_a_failed_write_keeps_the_old_file(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_text('old')
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text('half')
        assert not temporary.match('*.txt')
        raise RuntimeError
    assert path.read_text() == 'old' and files(tmp_path) == ['a.txt']


def test_meta_and_json(tmp_path):
    write_meta(
        tmp_path / 'out',
        threshold=np.float32(0.5),
        curve=np.array([1.0, np.nan]),
        path=tmp_path,
        pair=(1, 2),
    )
    meta = read_meta(tmp_path / 'out')
    assert meta['threshold'] == 0.5 and meta['curve'] == [1.0, None] and meta['pair'] == [1, 2]
    assert meta['path'] == str(tmp_path)
    assert meta['versions']['numpy'] == np.__version__ and {'mmlevelset', 'torch'} <= set(
        meta['versions']
    )
    assert read_meta(tmp_path / 'nowhere') == {}
    (tmp_path / 'out' / 'meta.json').write_text('{')
    with pytest.raises(ValueError, match='meta.json'):
        read_meta(tmp_path / 'out')
    write_json(tmp_path / 'n.json', {'a': {'b': float('nan')}})
    assert json.loads((tmp_path / 'n.json').read_text()) == {'a': {'b': None}}

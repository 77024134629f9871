"""The drawn data set: repeatable, complete, with masks that follow the edges of the image."""

import json
import runpy
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from mmlevelset.datasets import ShapesDataset
from mmlevelset.datasets.shapes import write_shapes
from mmlevelset.datasets.shapes_generator import CLASSES, SHAPES, draw_image
from mmlevelset.fileio.labels import read_label

ROOT = Path(__file__).resolve().parents[2]
IMAGE_MEAN = (122.618, 84.827, 86.706)  # of draw_image(0, 0, 0), version 1
MASK_COUNTS = [23204, 2396, 0, 0, 0, 0, 0]
SMALL = dict(train=12, val=3, size=96, seed=5)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return write_shapes(tmp_path_factory.mktemp('data') / 'shapes', **SMALL)


def test_an_image_depends_on_its_numbers_only():
    image, mask = draw_image(0, 0, 3)
    np.random.seed(1)
    again, mask_again = draw_image(0, 0, 3)
    np.testing.assert_array_equal(image, again)
    np.testing.assert_array_equal(mask, mask_again)
    for other in ((1, 0, 3), (0, 1, 3), (0, 0, 4)):
        assert (draw_image(*other)[0] != image).any()


def test_images_stay_the_same_between_versions():
    """Raise VERSION and these numbers together. Means, as rounding may differ in the last bit."""
    image, mask = draw_image(0, 0, 0)
    assert image.mean((0, 1)) == pytest.approx(IMAGE_MEAN, abs=0.01)
    assert np.bincount(mask.ravel(), minlength=7) == pytest.approx(MASK_COUNTS, abs=3)


def test_objects_are_visible_and_balanced():
    first = set()
    for index in range(12):
        image, mask = draw_image(0, 0, index)
        assert image.shape == (160, 160, 3) and image.dtype == mask.dtype == np.uint8
        classes = np.unique(mask[mask > 0])
        assert 1 <= len(classes) <= 3
        assert all((mask == k).sum() > 150 for k in classes)
        first.add(index % 6 + 1)
        assert index % 6 + 1 in classes
    assert first == set(range(1, 7))


def test_mask_borders_lie_on_image_edges():
    """The gradient at the border of a mask is far above that of the rest."""
    on, off = [], []
    for index in range(12):
        image, mask = draw_image(0, 0, index)
        gradient = np.linalg.norm(
            [ndimage.gaussian_gradient_magnitude(image[..., c].astype(float), 1) for c in range(3)],
            axis=0,
        )
        border = ndimage.morphological_gradient(mask, size=3) > 0
        near = ndimage.binary_dilation(border, iterations=6)
        on.append(gradient[border].mean())
        off.append(gradient[~near].mean())
    assert np.mean(on) > 3 * np.mean(off)


@pytest.mark.parametrize('name, holes', [('ring', 1), ('gear', 1), ('ladder', 2), ('cross', 0),
                                         ('star', 0), ('crescent', 0)])  # fmt: skip
def test_topology(name, holes):
    """One piece each, with the holes that the class is known by."""
    v, u = np.mgrid[-1.2:1.2:300j, -1.2:1.2:300j]
    for t in (0.0, 0.5, 0.99):
        inside = SHAPES[name](t)(u, v)
        assert ndimage.label(inside, np.ones((3, 3)))[1] == 1  # tips touch at corners
        found = ndimage.label(~inside)[1] - 1
        assert found >= holes and (found == holes or name == 'ladder')
        assert not inside[0].any() and not inside[:, 0].any()  # within reach


def test_folder(folder):
    content = json.loads((folder / 'image_labels.json').read_text())
    assert content['classes'] == list(CLASSES)
    assert len(content['labels']) == 15
    for id_, labels in content['labels'].items():
        mask = read_label(folder / f'SegmentationClass/{id_}.png')
        assert labels == [k for k in np.unique(mask) if k]
        with Image.open(folder / f'JPEGImages/{id_}.jpg') as image:
            assert image.size == mask.shape[::-1] == (96, 96)


def test_data_set_draws_its_folder_once(tmp_path):
    options = dict(
        data_root=str(tmp_path / 'data/shapes'),
        image_labels='image_labels.json',
        shapes=SMALL,
    )
    train = ShapesDataset(ann_file='ImageSets/Segmentation/train.txt', **options)
    before = (tmp_path / 'data/shapes/shapes.json').stat().st_mtime_ns
    val = ShapesDataset(ann_file='ImageSets/Segmentation/val.txt', **options)
    assert (len(train), len(val)) == (12, 3)
    assert train[0]['img_label'].shape == (6,)
    assert (tmp_path / 'data/shapes/shapes.json').stat().st_mtime_ns == before
    assert [p.name for p in (tmp_path / 'data').iterdir()] == ['shapes']  # no drafts left


def test_two_writers_at_once(tmp_path):
    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(write_shapes, tmp_path / 'shapes', **SMALL) for _ in range(3)]
        assert {job.result() for job in jobs} == {tmp_path / 'shapes'}
    assert len(list((tmp_path / 'shapes/JPEGImages').iterdir())) == 15
    assert [p.name for p in tmp_path.iterdir()] == ['shapes']


def test_stale_or_foreign_folder(folder, tmp_path):
    with pytest.raises(ValueError, match="holds .*'seed': 5.*wanted .*'seed': 6.*Delete"):
        write_shapes(folder, **{**SMALL, 'seed': 6})
    (tmp_path / 'notes.txt').touch()
    with pytest.raises(ValueError, match='holds something else'):
        write_shapes(tmp_path, **SMALL)


def test_failed_drawing_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr('mmlevelset.datasets.shapes.draw_image', lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_shapes(tmp_path / 'shapes', **SMALL)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('wrong', [dict(train=0), dict(val=0), dict(size=20)])
def test_too_small(tmp_path, wrong):
    with pytest.raises(ValueError, match='at least 1 image'):
        write_shapes(tmp_path / 'shapes', **{**SMALL, **wrong})


def test_command_line(tmp_path, monkeypatch, capsys):
    arguments = [str(tmp_path / 'shapes'), '--train', '1', '--val', '1', '--size', '64']
    monkeypatch.setattr(sys, 'argv', ['shapes.py', *arguments])
    runpy.run_path(str(ROOT / 'tools/dataset_converters/shapes.py'), run_name='__main__')
    assert '1 train and 1 val images' in capsys.readouterr().out
    assert (tmp_path / 'shapes/JPEGImages/val_00000.jpg').is_file()

"""Data sets of the shape of the real ones."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from mmlevelset.datasets.prepare.facts import COCO, VOC
from mmlevelset.fileio.meta import read_meta
from tools.rehearsal import shared
from tools.rehearsal.coco import (
    PER_MILLE,
    SIZES,
    _annotations,
    _box_runs,
    _Item,
    write_coco,
)
from tools.rehearsal.shared import blob, deal, scaled, write_images
from tools.rehearsal.voc import _counts, _items, write_voc


def tree(root):
    return {p.relative_to(root): p.read_bytes() for p in root.rglob('*') if p.is_file()}


def test_full_size_has_the_counts_of_voc():
    items = _items(1.0, seed=0)
    assert [len(items[name]) for name in ('train', 'val', 'extra')] == [1464, 1449, 9118]
    assert sum(item.sbd for part in items.values() for item in part) == VOC['images']['sbd']
    assert _counts(items['train']) == VOC['classes']['train']
    assert _counts(items['train'] + items['extra']) == VOC['classes']['trainaug']
    assert len({item.id_ for part in items.values() for item in part}) == 12031


def test_labels_are_dealt_exactly():
    counts = [5, 1, 9, 10]
    sets = deal(counts, 10, np.random.default_rng(0))
    assert [sum(k in s for s in sets) for k in range(1, 5)] == counts
    assert all(sets) and all(s == sorted(set(s)) for s in sets)


def test_scaled_counts_are_feasible():
    for images in (1, 2, 7, 1000):
        counts = scaled(VOC['classes']['trainaug'], images / 10582, images)
        assert counts.min() >= 1 and counts.max() <= images and counts.sum() >= images
    np.testing.assert_array_equal(scaled([3, 5], 1.0, 8), [3, 5])


def test_coco_frequencies_give_the_labels_per_image():
    assert len(PER_MILLE) == 80 and sum(PER_MILLE) / 1000 == pytest.approx(2.9, abs=0.05)
    expected = 604907 / COCO['images']['train_labelled']
    item = _Item(0, '', [1, 2, 3])
    objects = np.mean(
        [
            len(json.loads(f'[{_annotations(item._replace(number=n), SIZES, 0)}]'))
            for n in range(200)
        ]
    )
    assert objects / 3 == pytest.approx(expected / 2.9, rel=0.15)


def test_objects_lie_in_the_image():
    rng = np.random.default_rng(0)
    for _ in range(50):
        points = blob(rng, (40, 60), 20, 0.3)
        assert points.shape == (20, 2) and points.min() >= 0
        assert points[:, 0].max() <= 59 and points[:, 1].max() <= 39


def test_runs_of_a_box():
    counts = _box_runs((4, 5), [1.0, 1.0, 2.0, 1.0])['counts']
    flat = np.repeat(np.arange(len(counts)) % 2, counts).reshape(4, 5, order='F')
    expected = np.zeros((4, 5))
    expected[1:3, 1:4] = 1
    np.testing.assert_array_equal(flat, expected)
    assert _box_runs((4, 5), [0.0, 0.0, 1.0, 1.0])['counts'][0] == 0  # begins with the object


def test_same_seed_same_files_and_resumption(tmp_path):
    one, two = tmp_path / 'one', tmp_path / 'two'
    for root, jobs in ((one, 1), (two, 2)):
        write_voc(root, scale=5e-4, jobs=jobs)
        write_coco(root, scale=5e-5, jobs=jobs)
    files = tree(one)
    skipped = {path for path in files if path.suffix == '.mat'}  # scipy writes the date into them
    assert files.keys() == tree(two).keys()
    for path, content in tree(two).items():
        assert path in skipped or content == files[path]
    victims = [
        path for path in files if path.suffix in ('.xml', '.jpg') and 'distinct' not in str(path)
    ][:3]
    for path in victims:
        (one / path).unlink()
    write_voc(one, scale=5e-4, jobs=1)
    write_coco(one, scale=5e-5, jobs=1)
    assert all(tree(one)[path] == files[path] for path in victims)
    other = write_voc(tmp_path / 'other', scale=5e-4, seed=1, jobs=1)
    assert tree(other) != tree(one / 'VOCdevkit/VOC2012')
    assert read_meta(other)['expected']['images']['trainaug'] == 7


def test_sides_make_smaller_images(tmp_path):
    voc = write_voc(tmp_path, scale=5e-4, jobs=1, sides=0.2)
    coco = write_coco(tmp_path, scale=5e-5, jobs=1, sides=0.2)
    for mask in (voc / 'SegmentationClass').glob('*.png'):
        with Image.open(mask) as label, Image.open(voc / f'JPEGImages/{mask.stem}.jpg') as image:
            assert label.size == image.size and max(image.size) == 100
    for item in json.loads((coco / 'annotations/instances_val2014.json').read_text())['images']:
        with Image.open(coco / 'val2014' / item['file_name']) as image:
            assert image.size == (item['width'], item['height']) and max(image.size) in (100, 128)
    assert read_meta(voc)['sides'] == read_meta(coco)['sides'] == 0.2


def test_few_distinct_images_and_grey_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(shared, 'DISTINCT', 2)
    monkeypatch.setattr(shared, 'GREY_EVERY', 2)
    names = [f'{n}.jpg' for n in range(5)]
    write_images(tmp_path / 'a', names, tmp_path / 'pool', [(20, 30, 1.0)], 0, 1, first=3)
    inodes = {os.stat(tmp_path / 'a' / name).st_ino for name in names}
    assert len(inodes) == 2 and len(list((tmp_path / 'pool').iterdir())) == 2
    modes = [Image.open(tmp_path / 'a' / name).mode for name in names]
    assert modes == ['L', 'RGB', 'L', 'RGB', 'L']
    assert Image.open(tmp_path / 'a/0.jpg').size == (30, 20)

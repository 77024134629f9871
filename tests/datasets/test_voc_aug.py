"""VOC 2012 + SBD -> trainaug."""

import json
import shutil

import numpy as np
import pytest
import scipy.io
from PIL import Image

from mmlevelset.datasets import VOCImageLabelDataset
from mmlevelset.datasets.image_labels import read_image_labels
from mmlevelset.datasets.prepare.facts import VOC
from mmlevelset.datasets.prepare.labels import integer_id, write_cls_labels
from mmlevelset.datasets.prepare.rehearsal_voc import write_voc
from mmlevelset.datasets.prepare.voc_aug import convert_voc_aug, read_sbd_mask
from mmlevelset.fileio.ids import read_split
from mmlevelset.fileio.labels import read_label
from mmlevelset.fileio.legacy_npy import load_legacy_npy
from mmlevelset.fileio.meta import read_meta

CLASSES = VOCImageLabelDataset.METAINFO['classes']


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    """2 train, 2 val and 9 more images, not converted yet."""
    return write_voc(tmp_path_factory.mktemp('voc'), scale=1e-3, jobs=1).parents[1]


@pytest.fixture
def data(source, tmp_path):
    return shutil.copytree(source, tmp_path / 'data')


def paths(data):
    return data / 'VOCdevkit/VOC2012', data / 'benchmark_RELEASE'


def convert(data, **kwargs):
    convert_voc_aug(*paths(data), jobs=1, **kwargs)


def test_counts_are_those_of_the_literature():
    assert np.mean(VOC['classes']['trainaug']) * 20 / 10582 == pytest.approx(1.555, abs=5e-4)
    assert len(VOC['classes']['train']) == len(CLASSES) - 1 == 20
    assert all(np.less_equal(VOC['classes']['train'], VOC['classes']['trainaug']))


def test_conversion(data):
    voc, sbd = paths(data)
    convert(data)
    splits = {
        name: read_split(voc / f'ImageSets/Segmentation/{name}.txt')
        for name in ('train', 'val', 'trainaug', 'aug')
    }
    assert [len(splits[name]) for name in ('train', 'val', 'trainaug', 'aug')] == [2, 2, 11, 9]
    assert splits['trainaug'] == sorted({*splits['train'], *splits['aug']})
    assert not set(splits['trainaug']) & set(splits['val'])
    masks = {path.stem: path for path in (voc / 'SegmentationClassAug').glob('*.png')}
    assert sorted(masks) == sorted(splits['trainaug'] + splits['val'])
    for id_, path in masks.items():
        if id_ in splits['aug']:
            mat = scipy.io.loadmat(sbd / f'dataset/cls/{id_}.mat')
            expected = mat['GTcls'][0, 0]['Segmentation']
            assert Image.open(path).getpalette()[3:6] == [128, 0, 0]
        else:
            expected = np.array(Image.open(voc / f'SegmentationClass/{id_}.png'))
            assert 255 in expected
        np.testing.assert_array_equal(read_label(path), expected)
    meta = read_meta(voc / 'SegmentationClassAug')
    assert (meta['images'], meta['from_voc'], meta['from_sbd']) == (13, 4, 9)


def test_image_labels_are_those_of_the_xml(data):
    voc, _ = paths(data)
    convert(data, cls_labels='str')
    ids = sorted(path.stem for path in (voc / 'Annotations').iterdir())
    expected = read_image_labels(voc / 'Annotations', ids, CLASSES)
    for name in ('image_labels.json', 'cls_labels.npy'):
        labels = read_image_labels(voc / name, ids, CLASSES)
        assert all((labels[id_] == expected[id_]).all() for id_ in ids)
    assert list(json.loads((voc / 'image_labels.json').read_text())['labels']) == ids


def test_both_key_styles(tmp_path):
    labels = {'2007_000032': np.eye(20)[14], '2011_003271': np.eye(20)[0]}
    for keys, expected in (('str', list(labels)), ('int', [2007000032, 2011003271])):
        path = tmp_path / f'{keys}.npy'
        write_cls_labels(path, labels, keys)
        assert list(np.load(path, allow_pickle=True).item()) == expected  # as old code reads it
        assert list(load_legacy_npy(path)) == expected
        read = read_image_labels(path, list(labels), CLASSES)
        assert all((read[id_] == label).all() for id_, label in labels.items())
    assert integer_id('COCO_val2014_000000000042') == 42
    with pytest.raises(ValueError, match='must be one of'):
        write_cls_labels(tmp_path / 'a.npy', labels, 'bytes')
    with pytest.raises(ValueError, match='no integer form'):
        write_cls_labels(tmp_path / 'a.npy', {'train_00001': labels['2007_000032']}, 'int')


def test_it_goes_on(data):
    voc, _ = paths(data)
    convert(data)
    masks = sorted((voc / 'SegmentationClassAug').glob('*.png'))
    masks[0].unlink()
    times = [path.stat().st_mtime_ns for path in masks[1:]]
    convert(data)
    assert masks[0].is_file() and times == [path.stat().st_mtime_ns for path in masks[1:]]


def drop(folder, suffix):
    path = min(folder.glob(f'*{suffix}'))
    path.unlink()
    return path.stem


@pytest.mark.parametrize(
    'folder, suffix',
    [('VOCdevkit/VOC2012/JPEGImages', '.jpg'), ('benchmark_RELEASE/dataset/cls', '.mat'),
     ('VOCdevkit/VOC2012/SegmentationClass', '.png')],
)  # fmt: skip
def test_missing_files_are_named(data, folder, suffix):
    id_ = drop(data / folder, suffix)
    with pytest.raises(FileNotFoundError, match=rf'{folder} lacks .*{id_}.*expected \d+. Unpack'):
        convert(data)
    assert not (data / 'VOCdevkit/VOC2012/ImageSets/Segmentation/trainaug.txt').exists()


def test_missing_xml(data):
    id_ = drop(data / 'VOCdevkit/VOC2012/Annotations', '.xml')
    with pytest.raises(ValueError, match=rf'Annotations: no label for 1 id\(s\) \({id_}\)'):
        convert(data)


def test_wrong_counts(data):
    voc, sbd = paths(data)
    split = voc / 'ImageSets/Segmentation/train.txt'
    lines = split.read_text().splitlines()
    split.write_text(lines[0])
    with pytest.raises(ValueError, match=r'train.txt lists 1, expected 2 images'):
        convert(data)
    split.write_text('\n'.join(lines))
    (voc / 'meta.json').unlink()  # now it claims to be the real data set
    with pytest.raises(ValueError, match=r'train.txt lists 2, expected 1,464 images'):
        convert(data)


def test_other_labels_than_those_of_voc(data):
    voc, _ = paths(data)
    id_ = read_split(voc / 'ImageSets/Segmentation/train.txt')[0]
    path = voc / f'Annotations/{id_}.xml'
    absent = next(c for c in CLASSES[1:] if f'<name>{c}<' not in path.read_text())
    path.write_text(path.read_text().replace('</annotation>', (
        f'<object><name>{absent}</name></object></annotation>'
    )))  # fmt: skip
    with pytest.raises(ValueError, match=rf'not those of VOC 2012: {absent} \d+ \(expected'):
        convert(data)


def test_wrong_folders(data):
    voc, sbd = paths(data)
    with pytest.raises(FileNotFoundError, match='JPEGImages: folder not found. Unpack VOCtrainval'):
        convert_voc_aug(data, sbd)
    with pytest.raises(FileNotFoundError, match='no folder cls.*Unpack benchmark.tgz'):
        convert_voc_aug(voc, voc)
    convert_voc_aug(voc, sbd / 'dataset', jobs=1)
    assert (voc / 'image_labels.json').is_file()


def test_damaged_masks(data, tmp_path):
    voc, sbd = paths(data)
    whole = min((sbd / 'dataset/cls').glob('2*.mat'))
    bad = tmp_path / 'bad.mat'
    bad.write_bytes(whole.read_bytes()[:200])
    with pytest.raises(ValueError, match='bad.mat: not readable as a mask of SBD'):
        read_sbd_mask(bad)
    scipy.io.savemat(bad, {'GTcls': {'Segmentation': np.zeros((2, 3))}})
    with pytest.raises(ValueError, match='uint8, got float64'):
        read_sbd_mask(bad)
    extra = sorted(set(p.stem for p in (sbd / 'dataset/cls').iterdir())
                   - {p.stem for p in (voc / 'SegmentationClass').iterdir()})[0]  # fmt: skip
    small = {'GTcls': {'Segmentation': np.zeros((2, 3), np.uint8)}}
    scipy.io.savemat(sbd / f'dataset/cls/{extra}.mat', small)
    with pytest.raises(ValueError, match=rf'{extra}.mat is \(2, 3\) \(H, W\), its image'):
        convert(data)

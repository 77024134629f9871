"""VOC 2012 + SBD -> trainaug."""

import json

import numpy as np
import pytest
import scipy.io
from PIL import Image

from mmlevelset.datasets import VOCImageLabelDataset
from mmlevelset.datasets.image_labels import read_image_labels
from mmlevelset.datasets.prepare.facts import VOC
from mmlevelset.datasets.prepare.labels import integer_id, write_cls_labels
from mmlevelset.datasets.prepare.voc_aug import convert_voc_aug, read_sbd_mask
from mmlevelset.fileio.ids import read_split
from mmlevelset.fileio.legacy_npy import load_legacy_npy
from mmlevelset.fileio.meta import read_meta

CLASSES = VOCImageLabelDataset.METAINFO['classes']


# What each image shows, by hand: VOC's object names and whether VOC calls the object difficult.
OBJECTS = {
    '2007_000001': [('dog', 0), ('dog', 0), ('person', 1)],
    '2007_000002': [('cat', 0)],
    '2007_000003': [('bus', 0)],
    '2007_000004': [('car', 0)],
    '2008_000005': [('aeroplane', 0)],
    '2008_000006': [('tvmonitor', 0), ('person', 0)],
}
TRAIN, VAL = ['2007_000001', '2007_000002'], ['2007_000003', '2007_000004']
IN_SBD = ['2007_000001', '2007_000003', '2008_000005', '2008_000006']
HEIGHT, WIDTH = 4, 6
# Numbers of VOC's 20 classes, from the development kit.
NUMBERS = dict(aeroplane=1, bus=6, car=7, cat=8, dog=12, person=15, tvmonitor=20)


def mask_of_voc(id_: str) -> np.ndarray:
    """The first object's class in the left half, a void column, background."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, :2], mask[:, 2] = NUMBERS[OBJECTS[id_][0][0]], 255
    return mask


def mask_of_sbd(id_: str) -> np.ndarray:
    """Coarser: the class reaches further and nothing is void."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, :3] = NUMBERS[OBJECTS[id_][0][0]]
    return mask


def per_class(ids: list[str]) -> list[int]:
    shown = [{NUMBERS[name] for name, _ in OBJECTS[id_]} for id_ in ids]
    return [sum(number in classes for classes in shown) for number in range(1, 21)]


@pytest.fixture
def data(tmp_path):
    """Six images in the layout of the two archives, written without the project's own writers."""
    root = tmp_path / 'data'
    voc, sbd = root / 'VOCdevkit/VOC2012', root / 'benchmark_RELEASE/dataset'
    for folder in ('JPEGImages', 'Annotations', 'SegmentationClass', 'ImageSets/Segmentation'):
        (voc / folder).mkdir(parents=True)
    (sbd / 'cls').mkdir(parents=True)
    palette = (
        [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0] + [7] * (253 - 4) * 3 + [224, 224, 192] * 3
    )
    for id_, objects in OBJECTS.items():
        Image.new('RGB', (WIDTH, HEIGHT)).save(voc / f'JPEGImages/{id_}.jpg')
        boxes = ''.join(
            f'<object><name>{name}</name><difficult>{hard}</difficult><part><name>head</name></part></object>'
            for name, hard in objects
        )
        (voc / f'Annotations/{id_}.xml').write_text(f'<annotation>{boxes}</annotation>')
        if id_ in TRAIN + VAL:
            image = Image.fromarray(mask_of_voc(id_), 'L').convert('P')
            image.putdata(mask_of_voc(id_).ravel().tolist())
            image.putpalette(palette)
            image.save(voc / f'SegmentationClass/{id_}.png')
        if id_ in IN_SBD:
            fields = {
                'Segmentation': mask_of_sbd(id_),
                'Boundaries': np.zeros(3),
                'CategoriesPresent': 1,
            }
            scipy.io.savemat(sbd / f'cls/{id_}.mat', {'GTcls': fields})
    for folder, name, ids in (
        (voc / 'ImageSets/Segmentation', 'train', TRAIN),
        (voc / 'ImageSets/Segmentation', 'val', VAL),
        (sbd, 'train', IN_SBD[:3]),
        (sbd, 'val', IN_SBD[3:]),
    ):
        (folder / f'{name}.txt').write_text('\n'.join(ids) + '\n')
    trainaug = [*TRAIN, '2008_000005', '2008_000006']
    expected = dict(
        images=dict(train=2, val=2, trainaug=4, sbd=4),
        classes=dict(train=per_class(TRAIN), trainaug=per_class(trainaug)),
    )
    (voc / 'meta.json').write_text(json.dumps(dict(kind='rehearsal', expected=expected)))
    return root


def paths(data):
    return data / 'VOCdevkit/VOC2012', data / 'benchmark_RELEASE'


def convert(data, **kwargs):
    convert_voc_aug(*paths(data), jobs=1, **kwargs)


def test_counts_are_those_of_the_literature():
    # Table 1 of the VOC 2012 development kit, segmentation, train: images of each class.
    train = '88 65 105 78 87 78 128 131 148 64 82 121 68 81 442 82 63 93 83 84'
    assert VOC['classes']['train'] == [int(n) for n in train.split()]
    # cls_labels.npy of IRN: 1.555 labels an image, and 4,155 images of persons.
    assert round(sum(VOC['classes']['trainaug']) / 10582, 3) == 1.555
    assert VOC['classes']['trainaug'][CLASSES.index('person') - 1] == 4155
    assert VOC['images'] == dict(train=1464, val=1449, trainaug=10582, sbd=11355)
    assert VOC['images']['trainaug'] + VOC['images']['val'] == 12031
    assert all(np.less_equal(VOC['classes']['train'], VOC['classes']['trainaug']))


def test_conversion(data):
    voc, _ = paths(data)
    convert(data)
    lists = voc / 'ImageSets/Segmentation'
    # SBD's 2007_000003 is in VOC's val and must not be trained on.
    assert (lists / 'trainaug.txt').read_text().split() == [
        '2007_000001',
        '2007_000002',
        '2008_000005',
        '2008_000006',
    ]
    assert (lists / 'aug.txt').read_text().split() == ['2008_000005', '2008_000006']
    masks = voc / 'SegmentationClassAug'
    assert sorted(path.stem for path in masks.glob('*.png')) == sorted(OBJECTS)
    for id_ in OBJECTS:
        written = Image.open(masks / f'{id_}.png')
        own = id_ in TRAIN + VAL  # VOC's mask wins where there are two
        np.testing.assert_array_equal(written, mask_of_voc(id_) if own else mask_of_sbd(id_))
        assert written.mode == 'P' and written.getpalette()[3:6] == [128, 0, 0]
    meta = read_meta(masks)
    assert (meta['images'], meta['from_voc'], meta['from_sbd']) == (6, 4, 2)


def test_difficult_objects_count_and_parts_do_not(data):
    voc, _ = paths(data)
    convert(data)
    labels = json.loads((voc / 'image_labels.json').read_text())
    assert labels['labels'] == {
        '2007_000001': [12, 15],
        '2007_000002': [8],
        '2007_000003': [6],
        '2007_000004': [7],
        '2008_000005': [1],
        '2008_000006': [15, 20],
    }
    assert labels['classes'] == list(CLASSES)


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

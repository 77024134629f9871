"""VOC 2012 + SBD -> voc8 and voc20."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmlevelset.datasets import VOCImageLabelDataset
from mmlevelset.datasets.prepare import small_voc
from mmlevelset.datasets.prepare.small_voc import CLASSES, VOC8, VOC20, convert_small_voc
from mmlevelset.fileio.ids import read_split
from mmlevelset.fileio.labels import read_label, voc_palette, write_label

VOC = VOCImageLabelDataset.METAINFO['classes']
SPLITS = dict(train=['2007_000002', '2007_000001'], val=['2008_000003'])
# (W, H) of the images, and the side lengths at a long side of 320.
SIZES = {
    '2007_000002': ((500, 375), (320, 240)),
    '2007_000001': ((334, 500), (214, 320)),
    '2008_000003': ((100, 50), (320, 160)),
}
# Classes of the left, the middle and the right third, from VOC's 20 and void.
THIRDS = {
    '2007_000002': ('cat', 'aeroplane', 'chair'),
    '2007_000001': ('person', 'void', 'cow'),
    '2008_000003': ('background', 'sofa', 'background'),
}
EXPECTED = {
    '2007_000002': (1, 255, 8),
    '2007_000001': (6, 255, 5),
    '2008_000003': (0, 7, 0),
}
LABELS = {'2007_000002': [1, 8], '2007_000001': [5, 6], '2008_000003': [7]}


@pytest.fixture
def source(tmp_path):
    """A VOC2012 with masks and an image that is red above and blue below."""
    root = tmp_path / 'VOC2012'
    (root / 'JPEGImages').mkdir(parents=True)
    for id_, ((width, height), _) in SIZES.items():
        image = np.zeros((height, width, 3), np.uint8)
        image[: height // 2, :, 0] = image[height // 2 :, :, 2] = 200
        Image.fromarray(image).save(root / f'JPEGImages/{id_}.jpg', quality=95)
        values = [255 if name == 'void' else VOC.index(name) for name in THIRDS[id_]]
        third = np.minimum(np.arange(width) * 3 // width, 2)
        mask = np.broadcast_to(np.array(values, np.uint8)[third], (height, width))
        write_label(root / f'SegmentationClassAug/{id_}.png', mask)
    return root


@pytest.fixture
def out(tmp_path):
    return tmp_path / 'voc8'


def convert(source, out):
    convert_small_voc(source, out, VOC8, SPLITS, jobs=1)


def test_lists():
    splits = {
        name: read_split(Path(small_voc.__file__).with_name(f'voc8_{name}.txt'))
        for name in ('train', 'val')
    }
    assert [len(splits[name]) for name in ('train', 'val')] == [1124, 225]
    ids = splits['train'] + splits['val']
    assert len(set(ids)) == 1349 and all(re.fullmatch(r'20\d\d_\d{6}', id_) for id_ in ids)
    assert all(members == sorted(members) for members in splits.values())


def test_classes():
    kept = {VOC.index(name): i for i, name in enumerate(CLASSES)}
    assert kept == {0: 0, 8: 1, 12: 2, 13: 3, 17: 4, 10: 5, 15: 6, 18: 7, 9: 8}
    assert VOC8.table().tolist() == [kept.get(label, 255) for label in range(256)]
    assert VOC20.table().tolist() == [*range(21), *[255] * 235]


def test_conversion(source, out):
    convert(source, out)
    for id_, (_, size) in SIZES.items():
        with Image.open(out / f'JPEGImages/{id_}.jpg') as image:
            assert image.size == size and image.mode == 'RGB'
            pixels = np.asarray(image).astype(int)
        assert np.abs(pixels[10, 10] - (200, 0, 0)).max() < 5
        assert np.abs(pixels[-10, -10] - (0, 0, 200)).max() < 5
        mask = read_label(out / f'SegmentationClass/{id_}.png')
        assert mask.shape == size[::-1]
        centres = mask[size[1] // 2, [size[0] * k // 6 for k in (1, 3, 5)]]
        assert tuple(centres) == EXPECTED[id_]
        # Nearest neighbour invents no labels between those of neighbours.
        assert set(np.unique(mask)) == set(EXPECTED[id_])
        # Thirds stay thirds: the sampling is not shifted.
        ends = np.flatnonzero(np.diff(mask[0].astype(int))) + 1
        assert np.abs(ends - np.array([1, 2]) * size[0] / 3).max() < 2 * size[0] / SIZES[id_][0][0]


def test_masks_are_sampled_at_the_centres_of_pixels(source, out):
    """At a third of the size, the middle of each 3 x 3 pixels counts."""
    id_, width, height = '2007_000002', 960, 480
    expected = np.random.default_rng(0).choice([0, 2], (height // 3, width // 3))
    label = np.full((height, width), VOC.index('cow'))
    label[1::3, 1::3] = np.where(expected, VOC.index('dog'), 0)
    Image.new('RGB', (width, height)).save(source / f'JPEGImages/{id_}.jpg')
    write_label(source / f'SegmentationClassAug/{id_}.png', label)
    convert(source, out)
    np.testing.assert_array_equal(read_label(out / f'SegmentationClass/{id_}.png'), expected)


def test_lists_and_labels(source, out):
    convert(source, out)
    for name, ids in SPLITS.items():
        assert read_split(out / f'ImageSets/Segmentation/{name}.txt') == ids
    content = json.loads((out / 'image_labels.json').read_text())
    assert content == dict(classes=list(CLASSES), labels=LABELS)
    assert list(content['labels']) == SPLITS['train'] + SPLITS['val']


def test_the_data_set_reads_it(source, out):
    convert(source, out)
    data = VOCImageLabelDataset(
        data_root=str(out),
        ann_file='ImageSets/Segmentation/train.txt',
        image_labels='image_labels.json',
        metainfo=dict(classes=CLASSES),
        data_prefix=dict(seg_map_path='SegmentationClass'),
        pipeline=[],
    )
    label = data.get_data_info(0)['img_label']
    assert np.flatnonzero(label).tolist() == [index - 1 for index in LABELS[SPLITS['train'][0]]]


def test_palette(source, out):
    convert(source, out)
    with Image.open(out / 'SegmentationClass/2007_000002.png') as mask:
        assert mask.mode == 'P'
        palette = np.array(mask.getpalette()).reshape(-1, 3)
    np.testing.assert_array_equal(palette[:9], voc_palette(9))
    assert palette[255].tolist() == [224, 224, 192]


def test_it_goes_on(source, out):
    convert(source, out)
    files = sorted(p for p in out.rglob('200*') if p.suffix in ('.jpg', '.png'))
    assert len(files) == 6
    gone = [out / 'JPEGImages/2007_000001.jpg', out / 'SegmentationClass/2008_000003.png']
    times = {p: p.stat().st_mtime_ns for p in files if p.stem == '2007_000002'}
    before = {p: p.read_bytes() for p in files}
    for path in gone:
        path.unlink()
    convert(source, out)
    assert {p: p.read_bytes() for p in files} == before
    assert {p: p.stat().st_mtime_ns for p in times} == times


def test_other_masks_are_not_continued(source, out):
    convert(source, out)
    with pytest.raises(ValueError, match='made with other settings.*images: 3 -> 2'):
        convert_small_voc(source, out, VOC8, dict(train=SPLITS['train']), jobs=1)


@pytest.mark.parametrize(
    'folder, suffix, hint',
    [
        ('JPEGImages', '.jpg', 'Unpack VOCtrainval'),
        ('SegmentationClassAug', '.png', 'Run tools/dataset_converters/voc_aug.py'),
    ],
)
def test_missing_files_are_named(source, out, folder, suffix, hint):
    name = f'2007_000001{suffix}'
    (source / folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=rf'{folder} lacks 1 id.*{name}.* of 3. {hint}'):
        convert(source, out)
    assert not out.exists()
    (source / folder).rename(source / 'other')
    with pytest.raises(FileNotFoundError, match=rf'{folder}: folder not found. {hint}'):
        convert(source, out)


def test_default_lists_are_those_of_voc8(source, out):
    with pytest.raises(FileNotFoundError, match=r'1,349.*Unpack.*1,349.*Run tools'):
        convert_small_voc(source, out, VOC8, jobs=1)


def test_damaged_files(source, out):
    image, mask = (
        source / f'{folder}/2007_000002{suffix}'
        for folder, suffix in (('JPEGImages', '.jpg'), ('SegmentationClassAug', '.png'))
    )
    whole = mask.read_bytes()
    write_label(mask, np.full((375, 500), 21))
    with pytest.raises(
        ValueError, match=rf'{mask}: holds the labels \[21\], expected 0..20 and 255'
    ):
        convert(source, out)
    write_label(mask, np.zeros((240, 320), int))
    with pytest.raises(ValueError, match=rf'{mask} is \(240, 320\)'):
        convert(source, out)
    mask.write_bytes(whole)
    image.write_bytes(image.read_bytes()[:-900])
    with pytest.raises(ValueError, match=rf'{image}: cannot be read'):
        convert(source, out)
    assert not (out / 'image_labels.json').exists()


def test_lists_of_voc20():
    """The lists of a matrix: 100 and 400 lie in train, train in train_mid, val apart from all."""
    lists = {
        name: set(read_split(Path(small_voc.__file__).with_name(f'voc20_{name}.txt')))
        for name in VOC20.lists
    }
    assert {name: len(ids) for name, ids in lists.items()} == dict(
        train_mid=1800, train=847, val=445, train_100=100, train_400=400
    )
    assert (
        lists['train_100'] < lists['train_400'] | lists['train']
        and lists['train_400'] < lists['train']
    )
    assert lists['train'] < lists['train_mid'] and not lists['val'] & lists['train_mid']


def test_voc20(source, out):
    """All 20 classes, labels of the XML files, and an image that two lists name is written once."""
    splits = dict(train_mid=[*SPLITS['train']], train=SPLITS['train'][:1], val=SPLITS['val'])
    with pytest.raises(FileNotFoundError, match='Annotations: folder not found. Unpack'):
        convert_small_voc(source, out, VOC20, splits, jobs=1)
    (source / 'Annotations').mkdir()
    for id_ in SIZES:
        (source / f'Annotations/{id_}.xml').write_text(
            '<annotation><object><name>boat</name></object><object><name>cat</name></object></annotation>'
        )
    convert_small_voc(source, out, VOC20, splits, jobs=1)
    mask = read_label(out / 'SegmentationClass/2007_000002.png')
    assert np.unique(mask).tolist() == sorted(VOC.index(name) for name in THIRDS['2007_000002'])
    content = json.loads((out / 'image_labels.json').read_text())
    assert content == dict(classes=list(VOC), labels={id_: [4, 8] for id_ in SIZES})
    assert len(list((out / 'JPEGImages').iterdir())) == 3
    assert read_split(out / 'ImageSets/Segmentation/train.txt') == SPLITS['train'][:1]

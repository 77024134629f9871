"""COCO 2014: annotations -> masks and labels, against official masks and a plain JSON parser."""

import builtins
import json
import random
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from PIL import Image

from mmlevelset.datasets import CheckedLoadImage, COCO14Dataset
from mmlevelset.datasets.coco14 import coco_number
from mmlevelset.datasets.prepare.coco14 import convert_coco14
from mmlevelset.datasets.prepare.coco_json import Instances, parse
from mmlevelset.datasets.prepare.coco_masks import draw_mask
from mmlevelset.fileio.coco_labels import CATEGORIES, LABELS, UNUSED
from mmlevelset.fileio.labels import read_label
from mmlevelset.fileio.legacy_npy import load_legacy_npy
from mmlevelset.fileio.meta import read_meta
from mmlevelset.registry import DATASETS
from tools.rehearsal.coco import write_coco

ROOT = Path(__file__).resolve().parents[2]
CLASSES = COCO14Dataset.METAINFO['classes']


@pytest.fixture(scope='module')
def golden():
    with np.load(ROOT / 'tests/data/coco_mask.npz', allow_pickle=False) as file:
        data = {key: file[key] for key in file.files}
    data['annotations'] = json.loads(str(data['annotations']))
    return data


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    """8 train and 4 val images, not converted yet."""
    return write_coco(tmp_path_factory.mktemp('coco'), scale=1e-4, jobs=1)


@pytest.fixture
def coco(source, tmp_path):
    """A copy whose big files are links."""
    for path in source.rglob('*'):
        target = tmp_path / path.relative_to(source)
        if path.is_dir():
            target.mkdir()
        else:
            target.hardlink_to(path)
    return tmp_path


@pytest.fixture(scope='module')
def converted(tmp_path_factory):
    root = write_coco(tmp_path_factory.mktemp('converted'), scale=1e-4, jobs=1)
    convert_coco14(root, cls_labels='int', jobs=1)
    return root


def draw(golden, **convention):
    return draw_mask(golden['annotations']['annotations'], (64, 80), **convention)


def test_categories_become_labels_by_rank(golden):
    np.testing.assert_array_equal(list(LABELS.items()), golden['id_map_91_to_81'])
    assert len(CATEGORIES) == 80 == len(CLASSES) - 1 and not set(CATEGORIES) & set(UNUSED)
    assert (CLASSES[LABELS[1]], CLASSES[LABELS[62]], CLASSES[LABELS[90]]) == (
        'person', 'chair', 'toothbrush',
    )  # fmt: skip


def test_small_on_top_with_crowds_is_coco2voc(golden):
    table = np.zeros(91, np.uint8)
    table[list(LABELS)] = list(LABELS.values())
    expected = table[golden['coco2voc_original_ids']]
    np.testing.assert_array_equal(draw(golden), expected)


def test_annotation_order_without_crowds_is_lpcam(golden):
    mask = draw(golden, overlap='annotation_order', crowd='drop')
    np.testing.assert_array_equal(mask, golden['lpcam_contiguous'])


def test_first_annotation_wins(golden):
    mask = draw(golden, overlap='annotation_order_first')
    # The person comes first and hides the toothbrush inside it and part of the chair.
    assert mask[25, 25] == LABELS[1] and mask[35, 35] == LABELS[1] and mask[30, 50] == LABELS[62]
    assert LABELS[90] not in mask


def test_crowds_are_ignored_where_nothing_else_is(golden):
    annotations = golden['annotations']['annotations']
    crowd = next(a for a in annotations if a['iscrowd'])
    over = dict(annotations[0], segmentation=[[60, 5, 66, 5, 66, 15, 60, 15]], area=1)
    mask = draw_mask([over, *annotations], (64, 80), crowd='ignore255')
    alone = draw_mask([crowd], (64, 80)) > 0
    np.testing.assert_array_equal(mask == 255, alone & (mask != LABELS[1]))
    assert (mask[6:15, 60:66] == LABELS[1]).all() and (mask == 255).sum() == 200 - 60


def test_compressed_runs_are_read(golden):
    from pycocotools import mask as coder

    crowd = next(a for a in golden['annotations']['annotations'] if a['iscrowd'])
    runs = coder.frPyObjects(crowd['segmentation'], 64, 80)
    packed = dict(crowd, segmentation=dict(runs, counts=runs['counts'].decode()))
    np.testing.assert_array_equal(draw_mask([packed], (64, 80)), draw_mask([crowd], (64, 80)))


def test_wrong_conventions_and_categories(golden):
    with pytest.raises(ValueError, match="overlap must be one of .*'small_on_top'"):
        draw(golden, overlap='largest')
    item = dict(golden['annotations']['annotations'][0], category_id=12)
    with pytest.raises(ValueError, match='category 12 is none of the 80'):
        draw_mask([item], (64, 80))


def test_missing_pycocotools_names_the_extra(golden, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith('pycocotools'):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', without)
    with pytest.raises(ImportError, match=r'pip install -e "\.\[coco\]"'):
        draw(golden)


@pytest.mark.parametrize('indent', [None, 1])
def test_instances_equal_a_plain_parser(tmp_path, indent):
    rng = random.Random(0)
    images = [
        dict(id=i, file_name=f'{i}é.jpg', height=4, width=5, url='"]}') for i in range(9, 0, -1)
    ]
    annotations = [
        dict(id=n, image_id=rng.randint(1, 8), category_id=rng.choice(CATEGORIES), note='}],[\\"')
        for n in range(60)
    ]
    content = dict(
        info=dict(annotations=[1]), annotations=annotations, images=images,
        categories=[dict(id=c) for c in CATEGORIES], licenses=[],
    )  # fmt: skip
    path = tmp_path / 'instances.json'
    path.write_text(json.dumps(content, indent=indent, ensure_ascii=False), encoding='utf-8')
    instances = Instances(path)
    assert [i['id'] for i in instances.images] == list(range(1, 10)) and len(instances) == 60
    sets = list(instances.category_sets())
    for image, text, categories in zip(instances.images, instances.texts(), sets, strict=True):
        mine = [a for a in annotations if a['image_id'] == image['id']]
        assert parse(text) == mine  # none for image 9
        assert categories.tolist() == sorted({a['category_id'] for a in mine})


@pytest.mark.parametrize(
    'change, message',
    [
        (lambda text: text[: len(text) // 2], r'not readable .* has \d[\d,]* bytes'),
        (lambda text: text[:-1], 'not readable'),
        (lambda text: text.replace('"annotations"', '"captions"'), r"no \['annotations'\]"),
        (lambda text: text.replace('"id": 2}', '"id": 1}'), r'images \[1\] are listed twice'),
        (lambda text: text.replace('"image_id": 2', '"image_id": 7'), r'missing images \[7\]'),
    ],
)
def test_damaged_annotation_files(tmp_path, change, message):
    images = [dict(file_name=f'{i}.jpg', height=4, width=5, id=i) for i in (1, 2)]
    annotations = [dict(image_id=i, category_id=1) for i in (1, 2)]
    text = json.dumps(dict(images=images, annotations=annotations, categories=[]))
    path = tmp_path / 'instances.json'
    path.write_text(change(text))
    with pytest.raises(ValueError, match=message):
        Instances(path)


def test_conversion(converted):
    root = converted
    for split, count in (('train', 8), ('val', 4)):
        content = json.loads((root / f'annotations/instances_{split}2014.json').read_text())
        lines = (root / f'ImageSets/{split}.txt').read_text().splitlines()
        assert lines == sorted(Path(i['file_name']).stem for i in content['images'])
        meta = read_meta(root / f'SegmentationClass/{split}2014')
        assert (meta['overlap'], meta['crowd'], meta['images']) == (
            'small_on_top',
            'include',
            count,
        )
        labels = json.loads((root / 'image_labels.json').read_text())['labels']
        empty = 0
        for image in content['images']:
            mine = [a for a in content['annotations'] if a['image_id'] == image['id']]
            id_ = Path(image['file_name']).stem
            mask = read_label(root / f'SegmentationClass/{split}2014/{id_}.png')
            np.testing.assert_array_equal(mask, draw_mask(mine, (image['height'], image['width'])))
            assert labels[id_] == sorted({LABELS[a['category_id']] for a in mine})
            empty += not mine
            if not mine:
                assert not mask.any()
        labelled = (root / f'ImageSets/{split}_labelled.txt').read_text().splitlines()
        assert empty == 1 and len(labelled) == count - 1
    vectors = load_legacy_npy(root / 'cls_labels.npy')
    assert len(vectors) == 12 and all(type(key) is int for key in vectors)


def test_another_convention_is_refused(converted):
    before = (converted / 'SegmentationClass/train2014/meta.json').read_text()
    with pytest.raises(ValueError, match='crowd: include -> drop'):
        convert_coco14(converted, crowd='drop', jobs=1)
    assert (converted / 'SegmentationClass/train2014/meta.json').read_text() == before


def test_conversion_goes_on_and_keeps_the_other_split(coco):
    convert_coco14(coco, splits=['val'], jobs=1)
    convert_coco14(coco, splits=['train'], jobs=1)
    labels = json.loads((coco / 'image_labels.json').read_text())['labels']
    assert len(labels) == 12
    masks = sorted((coco / 'SegmentationClass/train2014').glob('*.png'))
    masks[0].unlink()
    times = {path: path.stat().st_mtime_ns for path in masks[1:]}
    convert_coco14(coco, splits=['train'], jobs=1)
    assert masks[0].is_file()
    assert times == {path: path.stat().st_mtime_ns for path in masks[1:]}


def test_partial_downloads(coco):
    jpeg = min((coco / 'val2014').glob('*.jpg'))
    jpeg.rename(jpeg.with_name('COCO_val2014_000000000001.jpg'))
    with pytest.raises(FileNotFoundError, match=rf'lacks 1 id\(s\) \({jpeg.name}\) of 4'):
        convert_coco14(coco, jobs=1)
    jpeg.with_name('COCO_val2014_000000000001.jpg').unlink()
    with pytest.raises(ValueError, match='val2014 holds 3 images, expected 4: .*val2014.zip'):
        convert_coco14(coco, jobs=1)
    assert not (coco / 'SegmentationClass').exists()
    (coco / 'meta.json').unlink()  # now it claims to be the real data set
    with pytest.raises(ValueError, match='holds 8 images, expected 82,783'):
        convert_coco14(coco, jobs=1)
    with pytest.raises(FileNotFoundError, match='Unpack train2014.zip'):
        convert_coco14(coco / 'annotations', jobs=1)


@pytest.mark.parametrize(
    'token', ['COCO_train2014_000000279803', 'COCO_val2014_000000279803', '000000279803', '279803']
)
def test_ids_have_one_number(token):
    assert coco_number(token) == '000000279803'


def test_base_config_builds_and_loads(converted):
    init_default_scope('mmseg')
    cfg = Config.fromfile(ROOT / 'configs/seed/mctformer/deit-s_v2_coco14.py')
    train, test = cfg.train_dataloader.dataset, cfg.test_dataloader.dataset
    assert 'seg_map_path' not in train.data_prefix
    train.data_root = test.data_root = str(converted)
    test.test_mode = True
    assert len(DATASETS.build(train)) == 8
    dataset = DATASETS.build(test)
    assert dataset.metainfo['overlap'] == 'small_on_top'
    assert dataset.metainfo['crowd'] == 'include'
    sample = dataset[0]['data_samples']
    assert sample.img_label.shape == (80,)
    present = np.unique(sample.gt_sem_seg.data)
    assert set(present[present > 0] - 1) <= set(np.flatnonzero(sample.img_label))


@pytest.mark.parametrize('labels', ['image_labels.json', 'cls_labels.npy'])
@pytest.mark.parametrize('style', ['{:012}', '{}'])
def test_bare_ids_and_integer_keys(converted, tmp_path, labels, style):
    ids = (converted / 'ImageSets/train.txt').read_text().splitlines()
    bare = [style.format(int(id_[-12:])) for id_ in ids]
    (tmp_path / 'bare.txt').write_text('\n'.join(bare))
    options = dict(
        data_root=str(converted), image_labels=labels,
        data_prefix=dict(img_path='train2014', seg_map_path='SegmentationClass/train2014'),
    )  # fmt: skip
    listed = COCO14Dataset(ann_file='ImageSets/train.txt', **options)
    loose = COCO14Dataset(ann_file=str(tmp_path / 'bare.txt'), **options)
    for a, b in zip(listed, loose, strict=True):
        np.testing.assert_array_equal(a.pop('img_label'), b.pop('img_label'))
        assert a == b and a['img_id'] in ids


def test_an_image_listed_in_two_forms(converted, tmp_path):
    id_ = (converted / 'ImageSets/train.txt').read_text().split()[0]
    (tmp_path / 'twice.txt').write_text(f'{id_}\n{int(id_[-12:])}\n')
    with pytest.raises(ValueError, match=f'{id_[-12:]}.* listed more than once'):
        COCO14Dataset(
            data_root=str(converted),
            ann_file=str(tmp_path / 'twice.txt'),
            data_prefix=dict(img_path='train2014'),
        )


def test_grey_images_get_three_channels(tmp_path):
    Image.new('L', (8, 6), 7).save(tmp_path / 'a.jpg')
    assert CheckedLoadImage()(dict(img_path=str(tmp_path / 'a.jpg')))['img'].shape == (6, 8, 3)


BOX = dict(id=42, category_id=2, iscrowd=0, area=100, segmentation=[[5, 5, 20, 5, 20, 15, 5, 15]])


@pytest.mark.parametrize(
    'segmentation', [[], [[5, 5, 20, 15]], [[5, 5]], [[]], dict(counts=[2400], size=[40, 60])]
)
def test_objects_without_area_are_nowhere(segmentation):
    item = dict(id=41, category_id=1, iscrowd=0, area=0, segmentation=segmentation)
    expected = draw_mask([BOX], (40, 60))
    assert (expected == 2).sum() > 100
    np.testing.assert_array_equal(draw_mask([item, BOX], (40, 60)), expected)
    item['segmentation'] = (
        [*segmentation, *BOX['segmentation']] if isinstance(segmentation, list) else None
    )
    if item['segmentation']:  # parts without area do not spoil the others
        assert (draw_mask([item], (40, 60)) == 1).sum() == (expected == 2).sum()


@pytest.mark.parametrize(
    'segmentation',
    [
        dict(counts=[3, 4], size=[40, 60]),  # pycocotools leaves the rest of the memory as it is
        dict(counts=[0, 10**8], size=[40, 60]),
        dict(counts=[4], size=[2, 2]),
        dict(counts=b'PPPPPPPPo', size=[40, 60]),
        dict(size=[40, 60]),
        [[1, 2, 'x', 4, 5, 6]],
        None,
    ],
)
def test_damaged_segmentations_are_named(tmp_path, segmentation):
    pytest.importorskip('pycocotools')
    item = dict(id=41, category_id=1, iscrowd=0, area=9, segmentation=segmentation)
    with pytest.raises(ValueError, match='annotation 41: the segmentation is damaged'):
        draw_mask([item], (40, 60))


def test_masks_that_no_converter_finished(converted):
    """A converter that is killed leaves its mark; another run of it takes it away."""
    folder = converted / 'SegmentationClass/val2014'
    meta = json.loads((folder / 'meta.json').read_text())
    assert meta['complete'] is True and meta['images'] == len(list(folder.glob('*.png')))
    prefix = dict(img_path='val2014', seg_map_path='SegmentationClass/val2014')
    options = dict(data_root=str(converted), ann_file='ImageSets/val.txt', data_prefix=prefix)
    COCO14Dataset(**options)
    (folder / 'meta.json').write_text(json.dumps({**meta, 'complete': False}))
    with pytest.raises(ValueError, match='val2014 is unfinished'):
        COCO14Dataset(**options)
    convert_coco14(converted, jobs=1)
    COCO14Dataset(**options)

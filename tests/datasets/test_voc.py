"""VOCImageLabelDataset on a small folder."""

import json

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image

from mmlevelset.apis.train_labels import check_labels
from mmlevelset.datasets import VOCImageLabelDataset
from mmlevelset.fileio.labels import read_label, write_label
from mmlevelset.fileio.meta import write_meta

CLASSES = ['background', 'dog', 'sheep', 'sofa']  # neither a subset in VOC's order nor 21
LABELS = {'2007_000032': [1, 3], '2007_000033': [2], '2007_000039': []}


@pytest.fixture
def root(tmp_path):
    for folder in ('JPEGImages', 'SegmentationClass', 'ImageSets/Segmentation'):
        (tmp_path / folder).mkdir(parents=True)
    for id_, labels in LABELS.items():
        Image.new('RGB', (8, 6)).save(tmp_path / f'JPEGImages/{id_}.jpg')
        mask = np.zeros((6, 8), np.uint8)
        mask[0, : len(labels)] = labels
        Image.fromarray(mask).save(tmp_path / f'SegmentationClass/{id_}.png')
    (tmp_path / 'ImageSets/Segmentation/train.txt').write_text('\n'.join(LABELS))
    (tmp_path / 'image_labels.json').write_text(json.dumps(dict(classes=CLASSES, labels=LABELS)))
    return tmp_path


def build(root, **kwargs):
    options = dict(
        data_root=str(root),
        ann_file='ImageSets/Segmentation/train.txt',
        image_labels='image_labels.json',
        metainfo=dict(classes=CLASSES),
    )
    return VOCImageLabelDataset(**{**options, **kwargs})


def test_built_from_a_config_of_mmseg(root):
    init_default_scope('mmseg')
    dataset = DATASETS.build(
        dict(
            type='mmlevelset.VOCImageLabelDataset',
            data_root=str(root),
            ann_file='ImageSets/Segmentation/train.txt',
            image_labels='image_labels.json',
            metainfo=dict(classes=CLASSES),
            pipeline=[
                dict(type='mmlevelset.CheckedLoadImage'),
                dict(type='PackSegInputs', meta_keys=('img_id', 'img_label')),
            ],
        )
    )
    assert len(dataset) == 3
    sample = dataset[0]['data_samples']
    assert sample.img_id == '2007_000032'
    assert sample.img_label.dtype == np.float32
    np.testing.assert_array_equal(sample.img_label, [1, 0, 1])


def test_masks_only_if_asked_for(root):
    assert all('seg_map_path' not in item for item in build(root))
    item = build(root, data_prefix=dict(seg_map_path='SegmentationClass')).get_data_info(1)
    assert item['seg_map_path'] == str(root / 'SegmentationClass/2007_000033.png')
    assert item['img_path'] == str(root / 'JPEGImages/2007_000033.jpg')
    none = build(root, data_prefix=dict(img_path='JPEGImages', seg_map_path=None))
    assert 'seg_map_path' not in none.get_data_info(0)


def test_metainfo_states_split_and_masks(root):
    plain = build(root, test_mode=True).metainfo
    assert plain['split'] == 'train' and 'gt_dir' not in plain
    prefix = dict(seg_map_path='SegmentationClass')
    stated = build(root, data_prefix=prefix, test_mode=True).metainfo
    assert stated['gt_dir'] == str(root / 'SegmentationClass') and 'overlap' not in stated
    write_meta(root / 'SegmentationClass', overlap='small_on_top', crowd='include', images=3)
    stated = build(root, data_prefix=prefix, test_mode=True).metainfo
    assert (stated['overlap'], stated['crowd']) == ('small_on_top', 'include')
    assert 'images' not in stated


def test_labels_only_if_asked_for(root):
    assert 'img_label' not in build(root, image_labels=None).get_data_info(0)


def test_another_class_list_is_not_remapped(root):
    dataset = build(
        root,
        data_prefix=dict(seg_map_path='SegmentationClass'),
        pipeline=[dict(type='mmlevelset.CheckedLoadImage'), dict(type='mmseg.LoadAnnotations')],
    )
    assert dataset.metainfo['label_map'] is None
    assert list(dataset[0]['gt_seg_map'][0, :3]) == [1, 3, 0]
    assert len(dataset.metainfo['palette']) == 4


def test_twenty_classes_by_default():
    classes, palette = (VOCImageLabelDataset.METAINFO[key] for key in ('classes', 'palette'))
    assert len(classes) == len(palette) == 21
    # VOC2012 devkit: aeroplane, person, tvmonitor
    assert palette[1] == [128, 0, 0] and palette[15] == [192, 128, 128] and palette[20][2] == 128
    assert (classes[1], classes[15], classes[20]) == ('aeroplane', 'person', 'tvmonitor')


def test_labels_from_masks(root):
    prefix = dict(seg_map_path='SegmentationClass')
    from_masks = build(root, image_labels='masks', data_prefix=prefix)
    for one, other in zip(from_masks, build(root), strict=True):
        np.testing.assert_array_equal(one['img_label'], other['img_label'])
    with pytest.raises(ValueError, match="image_labels='masks' needs data_prefix"):
        build(root, image_labels='masks')


def test_indices_take_the_first_images(root):
    assert [item['img_id'] for item in build(root, indices=2)] == list(LABELS)[:2]


def test_missing_images_are_counted_and_named(root):
    (root / 'JPEGImages/2007_000033.jpg').unlink()
    with pytest.raises(
        FileNotFoundError, match=r'JPEGImages lacks .*1 id.*2007_000033.* of 3 \(looked for \.jpg, '
    ):
        build(root)


def test_missing_masks_are_counted_and_named(root):
    (root / 'SegmentationClass/2007_000039.png').unlink()
    assert len(build(root)) == 3
    with pytest.raises(
        FileNotFoundError, match=r'SegmentationClass lacks .*2007_000039.*for \.png\)'
    ):
        build(root, data_prefix=dict(seg_map_path='SegmentationClass'))


@pytest.mark.parametrize('prefix', [dict(img_path='Images'), dict(seg_map_path='Masks')])
def test_missing_folder(root, prefix):
    (key, name) = next(iter(prefix.items()))
    with pytest.raises(FileNotFoundError, match=rf"{name}: folder not found.*'{key}'"):
        build(root, data_prefix=prefix)


def test_classes_of_another_data_set(root):
    with pytest.raises(ValueError, match=r'Pass metainfo=dict\(classes=\['):
        build(root, metainfo=None)
    with pytest.raises(ValueError, match="first class must be 'background'"):
        build(root, metainfo=dict(classes=CLASSES[1:]))


def test_several_lists_in_one_training(root):
    """mmengine's ConcatDataset wants one metainfo; what differs is stated for tests alone."""
    init_default_scope('mmseg')
    (root / 'ImageSets/Segmentation/more.txt').write_text('2007_000033\n')
    shared = dict(
        type='mmlevelset.VOCImageLabelDataset', data_root=str(root), image_labels='image_labels.json',
        data_prefix=dict(seg_map_path='SegmentationClass'), metainfo=dict(classes=CLASSES),
    )  # fmt: skip
    parts = [dict(shared, ann_file=f'ImageSets/Segmentation/{n}.txt') for n in ('train', 'more')]
    assert len(DATASETS.build(dict(type='ConcatDataset', datasets=parts))) == 4
    for part in parts:
        part['test_mode'] = True  # results of both cannot be stated as those of one
    with pytest.raises(ValueError, match='does not match'):
        DATASETS.build(dict(type='ConcatDataset', datasets=parts))


def test_empty_labels_inside_wrappers(root):
    """Those of mmengine and mmsegmentation show the check the data sets that they hold."""
    init_default_scope('mmseg')
    for path in (root / 'SegmentationClass').iterdir():
        write_label(path, np.zeros_like(read_label(path)))
    part = dict(
        type='mmlevelset.VOCImageLabelDataset', data_root=str(root), metainfo=dict(classes=CLASSES),
        ann_file='ImageSets/Segmentation/train.txt', data_prefix=dict(seg_map_path='SegmentationClass'),
        pipeline=[dict(type='mmlevelset.CheckedLoadImage'), dict(type='mmlevelset.CheckedLoadAnnotations')],
    )  # fmt: skip
    mixed = dict(type='MultiImageMixDataset', dataset=part, pipeline=[])
    joined = dict(type='ConcatDataset', datasets=[part])
    for wrapped in (part, mixed, joined, dict(type='RepeatDataset', times=2, dataset=joined)):
        with pytest.raises(ValueError, match='class 0 alone'):
            check_labels(DATASETS.build(wrapped))


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        (
            dict(image_labels=[1, 2]),
            r'image_labels=\[1, 2\], expected the path of a file or folder',
        ),
        (dict(image_labels=True), 'image_labels=True, expected the path'),
        (dict(ann_file=3), 'ann_file=3, expected the path of a list'),
        (dict(data_root=['a']), r"data_root=\['a'\], expected the path of a folder"),
        (dict(data_prefix='JPEGImages'), "data_prefix='JPEGImages', expected a dict"),
        (dict(data_prefix=dict(seg_map='a')), r"data_prefix has \['seg_map'\], .* seg_map_path"),
        (dict(data_prefix=dict(img='a')), r"data_prefix has \['img'\], which nothing reads"),
        (dict(metainfo=['cat']), r"metainfo=\['cat'\], expected a dict"),
        (dict(metainfo=dict(classes='cat')), "metainfo.classes='cat', expected a list of names"),
        (
            dict(metainfo=dict(classes=['background', 1])),
            'metainfo.classes=.* expected a list of names',
        ),
    ],
)
def test_arguments_of_wrong_types(root, option, message):
    with pytest.raises(ValueError, match=f'VOCImageLabelDataset: {message}'):
        build(root, **option)


@pytest.mark.parametrize('suffix', ['JPG', 'jpeg', 'png', 'PNG', 'bmp', 'tif'])
def test_other_suffixes(root, suffix):
    path = root / 'JPEGImages/2007_000033.jpg'
    Image.open(path).save(root / f'JPEGImages/2007_000033.{suffix}')
    path.unlink()
    info = build(root).get_data_info(1)
    assert info['img_path'].endswith(f'2007_000033.{suffix}') and info['img_id'] == '2007_000033'


@pytest.mark.parametrize('name', ['IMG 0001', 'x (copy) 2', '2019123456', 'caf\u00e9', '7'])
def test_other_names(root, name):
    """The id is the name of the file, whatever looks like a date or a separator in it."""
    for folder, suffix in (('JPEGImages', 'jpg'), ('SegmentationClass', 'png')):
        (root / f'{folder}/2007_000033.{suffix}').rename(root / f'{folder}/{name}.{suffix}')
    (root / 'ImageSets/Segmentation/train.txt').write_text(f'{name}\n')
    (root / 'image_labels.json').write_text(json.dumps({name: [2]}))
    info = build(root, data_prefix=dict(seg_map_path='SegmentationClass')).get_data_info(0)
    assert info['img_id'] == name and info['img_label'].tolist() == [0, 1, 0]
    assert info['seg_map_path'].endswith(f'{name}.png')


def test_accents_in_their_two_forms(root):
    """Macs write the accent as a letter of its own into file names, editors do not into lists."""
    (root / 'JPEGImages/2007_000033.jpg').rename(root / 'JPEGImages/cafe\u0301.jpg')
    (root / 'ImageSets/Segmentation/train.txt').write_text('caf\u00e9\n')
    (root / 'image_labels.json').write_text(json.dumps({'caf\u00e9': [2]}))
    assert build(root).get_data_info(0)['img_id'] == 'cafe\u0301'


def test_masks_that_mark_objects_as_255(root):
    for path in (root / 'SegmentationClass').iterdir():
        Image.fromarray(np.eye(6, 8, dtype=np.uint8) * 255).save(path)
    with pytest.raises(
        ValueError,
        match='SegmentationClass: the masks of 3 images .* 255 is void.*they hold no object',
    ):
        build(root, data_prefix=dict(seg_map_path='SegmentationClass'))
    Image.fromarray(np.eye(6, 8, dtype=np.uint8)).save(path)
    build(root, data_prefix=dict(seg_map_path='SegmentationClass'))


def test_labels_that_are_shifted_in_masks_only(root):
    with pytest.raises(ValueError, match='reduce_zero_label would shift'):
        build(root, reduce_zero_label=True)


def test_a_label_beyond_the_classes_in_training(root):
    Image.fromarray(np.full((6, 8), 4, np.uint8)).save(root / 'SegmentationClass/2007_000039.png')
    pipeline = [
        dict(type='mmlevelset.CheckedLoadImage'),
        dict(type='mmlevelset.CheckedLoadAnnotations'),
    ]
    dataset = build(root, data_prefix=dict(seg_map_path='SegmentationClass'), pipeline=pipeline)
    with pytest.raises(ValueError, match=r'2007_000039.png: holds the labels \[4\]'):
        dataset[2]

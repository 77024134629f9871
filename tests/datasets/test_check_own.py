"""check-data of a user's own folder: every fault is an error of its own, and what is odd a warning."""

import json
import shutil
import warnings

import numpy as np
import pytest
from PIL import Image

from mmlevelset.apis.new_project import new_project
from mmlevelset.datasets import VOCImageLabelDataset
from mmlevelset.datasets.prepare.check_own import check_own
from mmlevelset.fileio.labels import write_label

LISTS = 'ImageSets/Segmentation'


@pytest.fixture
def own(tmp_path):
    """A user's folder: photographs of several kinds, labels, masks of some."""
    root, classes = tmp_path / 'mine', ['background', 'a', 'b']
    for folder in ('JPEGImages', 'SegmentationClass', LISTS):
        (root / folder).mkdir(parents=True)
    for name in ('IMG 1.JPG', 'x.png', 'y.jpeg'):
        Image.new('RGB', (8, 6)).save(root / 'JPEGImages' / name)
    write_label(root / 'SegmentationClass/IMG 1.png', np.eye(6, 8, dtype=np.uint8))
    (root / LISTS / 'train.txt').write_text('x\ny\n')
    (root / LISTS / 'val.txt').write_text('IMG 1\n')
    labels = {'x': [1], 'y': [2], 'IMG 1': [1]}
    (root / 'image_labels.json').write_text(json.dumps(dict(classes=classes, labels=labels)))
    return root


def test_own_folder(own):
    report = check_own(own, jobs=1)
    assert not report.errors
    assert len(report.warnings) == 1 and 'no mask of 2 images' in report.warnings[0]
    shutil.rmtree(own / 'SegmentationClass')
    report = check_own(own, jobs=1)
    assert not report.errors and 'no masks' in report.warnings[0]


@pytest.mark.parametrize('name', ['2021010203', 'ba\u0308r'])
def test_masks_whose_names_have_another_form_than_their_ids(own, name):
    """Ten digits that look like VOC's, and accents as Macs write them."""
    for folder, old, suffix in (
        ('JPEGImages', 'IMG 1', 'JPG'),
        ('SegmentationClass', 'IMG 1', 'png'),
    ):
        (own / folder / f'{old}.{suffix}').rename(own / folder / f'{name}.{suffix}')
    (own / LISTS / 'val.txt').write_text(f'{name}\n')
    labels = dict(classes=['background', 'a', 'b'], labels={'x': [1], 'y': [2], name: [1]})
    (own / 'image_labels.json').write_text(json.dumps(labels))
    report = check_own(own, jobs=1)
    assert not report.errors and 'no mask of 2 images' in report.warnings[0]


def test_an_own_folder_without_one_of_the_two_lists(own):
    for name in ('train', 'val'):
        path = own / LISTS / f'{name}.txt'
        path.rename(path.with_name('other.txt'))
        report = check_own(own, jobs=1)
        assert not report.errors
        assert any(f'no {name}.txt, which new-project expects' in text for text in report.warnings)
        path.with_name('other.txt').rename(path)


def test_an_own_folder_whose_classes_have_no_names(own, refuse):
    """The cure is the last sentence on stderr."""
    (own / 'image_labels.json').write_text('{"x": [1], "y": [1], "IMG 1": [1]}')
    text = refuse('dataset_converters/check.py', 'own', str(own))
    assert 'image_labels.json states no classes' in text and 'with --classes' in text
    (own / 'image_labels.json').write_text('{"x": [1], "x": [2]}')
    assert 'comes twice' in refuse('dataset_converters/check.py', 'own', str(own))
    (own / 'image_labels.json').unlink()
    text = refuse('dataset_converters/check.py', 'own', str(own))
    assert 'mine: no image-level labels, expected one of' in text and 'with --classes' in text
    (own / 'Annotations').mkdir()
    text = refuse('dataset_converters/check.py', 'own', str(own))
    assert 'Annotations states no classes, give their names with --classes' in text


def test_images_are_looked_at_although_one_is_missing(own):
    (own / 'JPEGImages/y.jpeg').unlink()
    (own / 'JPEGImages/x.png').write_bytes(b'GIF89a')
    errors = check_own(own, jobs=1).errors
    assert len(errors) == 2 and 'lacks the files of 1 id(s) (y)' in errors[0]
    assert 'x.png: cannot be read' in errors[1]


def test_what_is_there_twice(own):
    """One of each is taken; which, is said."""
    Image.new('RGB', (8, 6)).save(own / 'JPEGImages/x.jpg')
    (own / 'Annotations').mkdir()
    warnings = check_own(own, jobs=1).warnings
    assert any('several files of 1 id(s) (x); one of them' in text for text in warnings)
    assert any('image_labels.json is read, Annotations beside it not' in text for text in warnings)


def test_many_wrong_labels_of_a_mask_are_cut(own):
    """As of a mask that was resized like a photograph."""
    write_label(own / 'SegmentationClass/IMG 1.png', np.arange(48, dtype=np.uint8).reshape(6, 8))
    (error,) = (text for text in check_own(own, jobs=1).errors if 'labels other than' in text)
    assert error.endswith('IMG 1.png: [3, 4, 5, 6, 7, …]')


def test_a_list_that_cannot_be_read_says_nothing_of_the_classes(own):
    """The class b is in train.txt alone."""
    (own / LISTS / 'train.txt').write_text('x\nx\ny\n')
    report = check_own(own, jobs=1)
    assert any('listed more than once' in text for text in report.errors)
    assert not any('no image shows' in text or 'every image' in text for text in report.warnings)


def test_labels_that_are_all_empty(own):
    path = own / 'image_labels.json'
    content = json.loads(path.read_text())
    content['labels'] = dict.fromkeys(content['labels'], [])
    path.write_text(json.dumps(content))
    report = check_own(own, jobs=1)
    assert any('no image shows any class' in text for text in report.errors)
    with pytest.raises(
        ValueError, match='none of the 2 images of train shows any class.*expected the cl'
    ):
        new_project(own.parent / 'project', own)
    options = dict(data_root=str(own), image_labels='image_labels.json', pipeline=[])
    options.update(ann_file=f'{LISTS}/train.txt', metainfo=dict(classes=content['classes']))
    with pytest.warns(UserWarning, match='none of 2 images of .*train.txt shows any class'):
        VOCImageLabelDataset(**options)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        VOCImageLabelDataset(**options, test_mode=True)  # pictures without an object may be tested


def test_a_class_that_every_image_shows(own):
    facts = dict(classes=['background', 'a', 'b'], labels={'x': [1], 'y': [1, 2], 'IMG 1': [1]})
    (own / 'image_labels.json').write_text(json.dumps(facts))
    assert any("every image shows ['a']" in text for text in check_own(own, jobs=1).warnings)


def test_a_class_name_with_a_comma(own, refuse):
    facts = dict(classes=['background', 'a,b'], labels={'x': [1], 'y': [1], 'IMG 1': [1]})
    (own / 'image_labels.json').write_text(json.dumps(facts))
    text = refuse('dataset_converters/check.py', 'own', str(own))
    assert "got the classes ['a,b'], expected names without a comma" in text


def test_faults_of_an_own_folder(own):
    lists, labels, mask = (
        own / LISTS,
        own / 'image_labels.json',
        own / 'SegmentationClass/IMG 1.png',
    )

    def fault(message, path, content):
        before = path.read_bytes() if path.exists() else None
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        assert any(message in error for error in check_own(own, jobs=1).errors), message
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)

    fault('lacks the files of 1 id(s) (y)', own / 'JPEGImages/y.jpeg', None)
    fault('y.jpeg: cannot be read', own / 'JPEGImages/y.jpeg', b'GIF89a')
    fault('are the same image', own / 'JPEGImages/y.JPEG', b'')
    fault('share 1 images', lists / 'val.txt', b'x\n')
    fault('val.txt: the list is empty', lists / 'val.txt', b'')
    fault(
        'no label for 1 id(s) (y)',
        labels,
        b'{"classes": ["background", "a"], "labels": {"x": [1], "IMG 1": [1]}}',
    )
    for wrong in (b'1', b'"a"', b'[true]', b'[3]'):
        stated = b'{"classes": ["background", "a", "b"], "labels": {"x": [1], "y": ' + wrong
        fault('image_labels.json, id y: ', labels, stated + b', "IMG 1": [1]}}')
    Image.fromarray(np.eye(6, 8, dtype=np.uint8) * 255).save(own / 'void.png')
    fault('255 is void', mask, (own / 'void.png').read_bytes())
    Image.new('RGB', (8, 6)).save(own / 'colours.png')
    fault('masks in colours', mask, (own / 'colours.png').read_bytes())
    assert check_own(own, ['background', 'a', 'c'], jobs=1).errors  # other classes than stated
    (error,) = check_own(own / 'JPEGImages', jobs=1).errors
    assert 'not the folder of the data' in error

"""One clear finding per fault, none where all is well."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmlevelset.datasets.prepare.check import check_coco, check_voc
from mmlevelset.datasets.prepare.check_own import check_own
from mmlevelset.datasets.prepare.coco14 import convert_coco14
from mmlevelset.datasets.prepare.files import Pair, inspect
from mmlevelset.datasets.prepare.findings import SAMPLES, Report, sampled
from mmlevelset.datasets.prepare.voc_aug import convert_voc_aug
from mmlevelset.fileio.labels import write_label
from tools.rehearsal.coco import write_coco
from tools.rehearsal.voc import write_voc

ROOT = Path(__file__).resolve().parents[2]
LISTS = 'ImageSets/Segmentation'


@pytest.fixture(scope='module')
def voc_source(tmp_path_factory):
    root = write_voc(tmp_path_factory.mktemp('voc'), scale=1e-3, jobs=1)
    convert_voc_aug(root, root.parents[1] / 'benchmark_RELEASE', jobs=1)
    return root


@pytest.fixture(scope='module')
def coco_source(tmp_path_factory):
    root = write_coco(tmp_path_factory.mktemp('coco'), scale=1e-4, jobs=1)
    convert_coco14(root, jobs=1)
    return root


@pytest.fixture
def voc(voc_source, tmp_path):
    return shutil.copytree(voc_source, tmp_path / 'VOC2012')


@pytest.fixture
def coco(coco_source, tmp_path):
    return shutil.copytree(coco_source, tmp_path / 'coco14')


def first(folder, suffix=''):
    return min(path for path in folder.iterdir() if path.name.endswith(suffix))


def only_error(report):
    assert len(report.errors) == 1, report.errors
    return report.errors[0]


def test_complete_folders(voc_source, coco_source, capsys):
    for report in (check_voc(voc_source, jobs=2), check_coco(coco_source, jobs=1)):
        assert (report.errors, report.warnings) == ([], [])
    text = capsys.readouterr().out
    assert 'trainaug: images per class' in text and 'overlap=small_on_top, crowd=include' in text


@pytest.mark.slow
def test_command_line(tmp_path):
    command = [sys.executable, 'tools/dataset_converters/check.py', 'voc', str(tmp_path)]
    wrong = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert wrong.returncode == 1 and f'{tmp_path}: not the folder of the data' in wrong.stdout
    assert '1 error, 0 warnings' in wrong.stdout


def test_wrong_folders(voc, coco):
    wrong = only_error(check_voc(voc.parent, jobs=1))
    assert 'it has no JPEGImages / ' in wrong and wrong.endswith('VOCdevkit/VOC2012.')
    assert 'it has no train2014 / ' in only_error(check_coco(coco.parent, jobs=1))
    shutil.rmtree(voc / 'Annotations')
    assert f'{voc}/Annotations: folder not found' in only_error(check_voc(voc, jobs=1))


def test_before_the_converter_ran(voc):
    shutil.rmtree(voc / 'SegmentationClassAug')
    (voc / LISTS / 'trainaug.txt').unlink()
    errors = check_voc(voc, jobs=1).errors
    assert len(errors) == 2 and all('Run tools/dataset_converters/voc_aug.py' in e for e in errors)


@pytest.mark.parametrize('folder', ['JPEGImages', 'SegmentationClass', 'SegmentationClassAug'])
def test_a_missing_file(voc, folder):
    path = first(voc / folder, 'g')
    path.unlink()
    assert f'{folder} lacks 1 id(s) ({path.name})' in only_error(check_voc(voc, jobs=1))


def test_a_truncated_image(voc):
    path = first(voc / 'JPEGImages')
    path.write_bytes(path.read_bytes()[:-9000])
    error = only_error(check_voc(voc, jobs=1))  # once, though two folders hold a mask of it
    assert f'1 damaged or unusable files; copy them again: {path}' in error


def test_bytes_after_the_end_of_an_image_are_fine(voc):
    path = first(voc / 'JPEGImages')
    path.write_bytes(path.read_bytes() + bytes(10))
    assert not check_voc(voc, jobs=1).errors
    path.write_bytes(path.read_bytes() + bytes(10000))  # beyond the tail: decoded, not refused
    assert not inspect(Pair(path)).problems


def test_a_mask_of_another_size(voc):
    path = first(voc / 'SegmentationClass')
    write_label(path, np.zeros((5, 7), np.uint8))
    error = only_error(check_voc(voc, jobs=1))
    assert 'masks of another size (H, W) than the image' in error and f'{path}: (5, 7)' in error


def test_a_mask_in_colours(voc):
    path = first(voc / 'SegmentationClass')
    Image.open(path).convert('RGB').save(path)
    assert 'masks in colours' in only_error(check_voc(voc, jobs=1))


def test_an_unknown_label(voc):
    path = first(voc / 'SegmentationClass')
    label = np.array(Image.open(path))
    label[0, 0] = 21
    write_label(path, label)
    report = check_voc(voc, jobs=1)
    assert f'labels other than 0..20 and 255: {path}: [21]' in only_error(report)
    assert 'classes that the image labels lack' in report.warnings[0]


def test_an_unknown_class(voc):
    path = first(voc / 'Annotations')
    path.write_text(path.read_text().replace('<object><name>', '<object><name>x', 1))
    assert f"{path}: unknown class ['x" in only_error(check_voc(voc, jobs=1))


def test_a_repeated_and_a_shared_id(voc):
    lists = voc / LISTS
    val = (lists / 'val.txt').read_text().splitlines()
    original = (lists / 'trainaug.txt').read_text()
    (lists / 'trainaug.txt').write_text(original.replace(original.splitlines()[5], val[0]))
    assert any('share 1 images' in e for e in check_voc(voc, jobs=1).errors)
    (lists / 'trainaug.txt').write_text(original + original.splitlines()[0])
    assert 'listed more than once' in only_error(check_voc(voc, jobs=1))


def test_other_class_counts(voc):
    path = first(voc / 'Annotations')
    name = path.read_text().split('<object><name>')[1].split('<')[0]
    other = 'sofa' if name != 'sofa' else 'cow'
    path.write_text(path.read_text().replace(f'<object><name>{name}<', f'<object><name>{other}<'))
    errors = check_voc(voc, jobs=1).errors
    assert any(f'{name} ' in e and 'images per class differ' in e for e in errors)


def test_coco_faults(coco):
    (coco / 'SegmentationClass/val2014/meta.json').unlink()
    mask = first(coco / 'SegmentationClass/train2014', '.png')
    mask.unlink()
    grey = first(coco / 'val2014')
    grey_image = Image.open(grey).convert('L')
    grey.unlink()
    grey_image.save(grey)
    report = check_coco(coco, jobs=1)
    assert f'lacks 1 id(s) ({mask.name})' in only_error(report)
    assert 'no meta.json that states the conventions' in report.warnings[0]
    (coco / 'ImageSets/val.txt').write_text((coco / 'ImageSets/train.txt').read_text())
    assert any('share images' in e for e in check_coco(coco, jobs=1).errors)


def truncate(root):
    path = first(root / 'train2014')
    path.write_bytes(path.read_bytes()[:-9000])
    return f'1 damaged or unusable files; copy them again: {path}'


def shrink_a_mask(root):
    path = first(root / 'SegmentationClass/train2014', '.png')
    write_label(path, np.zeros((5, 7), np.uint8))
    return f'1 masks of another size (H, W) than the image: {path}: (5, 7)'


def add_a_label(root):
    path = first(root / 'SegmentationClass/train2014', '.png')
    label = np.array(Image.open(path))
    label[0, 0] = 90  # COCO's own number of the toothbrush
    write_label(path, label)
    return f'1 masks with labels other than 0..80 and 255: {path}: [90]'


def add_a_class(root):
    path = root / 'image_labels.json'
    content = json.loads(path.read_text())
    id_ = next(iter(content['labels']))
    content['labels'][id_].append(81)
    path.write_text(json.dumps(content))
    return f'{path}, id {id_}: class 81 is unknown'


def repeat_an_id(root):
    path = root / 'ImageSets/train.txt'
    path.write_text(path.read_text() + path.read_text().splitlines()[0])
    return 'listed more than once'


def repeat_a_number(root):
    path = root / 'ImageSets/train.txt'
    path.write_text(path.read_text() + path.read_text().splitlines()[0].rpartition('_')[2])
    return 'listed more than once'


@pytest.mark.parametrize(
    'fault', [truncate, shrink_a_mask, add_a_label, add_a_class, repeat_an_id, repeat_a_number]
)
def test_each_fault_of_coco_is_one_error(coco, fault):
    message = fault(coco)
    assert message in only_error(check_coco(coco, jobs=1))


def test_samples_are_spread():
    assert sampled(3).all() and not len(sampled(0))
    chosen = np.flatnonzero(sampled(10 * SAMPLES))
    assert len(chosen) == SAMPLES and chosen[0] == 0 and chosen[-1] == 10 * SAMPLES - 1


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
    assert 'image_labels.json does not exist' in text and 'with --classes' in text


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


def test_a_class_that_every_image_shows(own):
    facts = dict(classes=['background', 'a', 'b'], labels={'x': [1], 'y': [1, 2], 'IMG 1': [1]})
    (own / 'image_labels.json').write_text(json.dumps(facts))
    assert any("every image shows ['a']" in text for text in check_own(own, jobs=1).warnings)


def test_a_class_name_with_a_comma(own, refuse):
    facts = dict(classes=['background', 'a,b'], labels={'x': [1], 'y': [1], 'IMG 1': [1]})
    (own / 'image_labels.json').write_text(json.dumps(facts))
    text = refuse('dataset_converters/check.py', 'own', str(own))
    assert "got the classes ['a,b'], expected names without a comma" in text


def test_counts_of_errors():
    report = Report()
    assert report.summary() == '0 errors, 0 warnings'
    report.error('a')
    report.warn('b')
    assert report.summary() == '1 error, 1 warning'


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
    assert 'not the folder of the data' in only_error(check_own(own / 'JPEGImages', jobs=1))

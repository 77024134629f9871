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


def test_counts_of_errors():
    report = Report()
    assert report.summary() == '0 errors, 0 warnings'
    report.error('a')
    report.warn('b')
    assert report.summary() == '1 error, 1 warning'

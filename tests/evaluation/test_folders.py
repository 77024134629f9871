"""Folders on disk: evaluation, thresholding into pseudo-labels, and the two command lines."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from mmlevelset.apis import config_classes
from mmlevelset.evaluation import SeedSweep, boundary_report, evaluate_labels, evaluate_seeds
from mmlevelset.evaluation.boundary import count_boundaries
from mmlevelset.fileio.labels import read_label, write_label
from mmlevelset.fileio.meta import read_meta, write_meta
from mmlevelset.fileio.seeds import read_seed, seed_to_label, write_seed
from mmlevelset.refine.threshold import make_pseudo_labels, seed_threshold

TOOLS = Path(__file__).parents[2] / 'tools'
CLASSES = ['background', 'cat', 'dog']
IDS = ['2007_000001', '2007_000002', '2007_000003']


@pytest.fixture
def folders(tmp_path):
    """Three noisy seeds, the last image without any class, and their ground truth."""
    rng = np.random.RandomState(0)
    seeds, truth = tmp_path / 'seeds', tmp_path / 'gt'
    for index, name in enumerate(IDS):
        field = ndimage.gaussian_filter(rng.randn(40, 50), 4)
        target = (field > 0).astype(np.uint8) * (index % 2 + 1)
        keys = [] if index == 2 else [index]
        if index == 2:
            target[:] = 0
        soft = ndimage.gaussian_filter((target > 0).astype(float), 2) + 0.1 * rng.rand(40, 50)
        target[:, 0] = 255
        write_seed(seeds / f'{name}.npz', keys, soft.clip(0, 1)[None][: len(keys)], (40, 50))
        write_label(truth / f'{name}.png', target)
    write_meta(seeds, classes=CLASSES, split='train')
    return seeds, truth


def run_tool(monkeypatch, name, *args):
    monkeypatch.setattr(sys, 'argv', [name, *map(str, args)])
    try:
        runpy.run_path(str(TOOLS / name), run_name='__main__')
    except SystemExit as stop:
        raise stop.__context__ from None


def test_conventions_of_the_masks_are_stated(folders, tmp_path):
    seeds, truth = folders
    assert 'overlap' not in evaluate_seeds(seeds, truth, CLASSES)['facts']
    stated = dict(overlap='annotation_order', crowd='drop')
    write_meta(truth, kind='masks', **stated)
    result = evaluate_seeds(seeds, truth, CLASSES)
    assert result['facts'].items() >= stated.items()
    assert '\n  overlap: annotation_order\n  crowd: drop\n' in result['table']
    assert evaluate_labels(truth, truth, CLASSES)['facts'].items() >= stated.items()


def test_seed_folder_scores_equal_the_parts(folders):
    seeds, truth = folders
    result = evaluate_seeds(seeds, truth, CLASSES[1:], radii=(2,))
    pairs = [(read_seed(seeds / f'{i}.npz'), read_label(truth / f'{i}.png')) for i in IDS]
    sweep = SeedSweep(2)
    report = sweep.report([sweep.count(seed.keys, seed.scores, target) for seed, target in pairs])
    scores = result['scores']
    assert scores['mIoU'] == pytest.approx(100 * report.scores.miou)
    assert 50 < scores['mIoU'] <= scores['oracle_mIoU'] == pytest.approx(100 * report.curve.max())
    for key, threshold in (('boundary', 'threshold'), ('oracle_boundary', 'oracle_threshold')):
        counts = [
            count_boundaries(seed_to_label(seed, scores[threshold]), target, 3, radii=(2,))
            for seed, target in pairs
        ]
        assert result[key] == boundary_report(counts, CLASSES, (2,))
    assert result['images'] == 3


def test_pseudo_labels_score_as_the_seeds_they_come_from(folders, tmp_path):
    seeds, truth = folders
    value = make_pseudo_labels(seeds, tmp_path / 'labels')
    scores = evaluate_seeds(seeds, truth, CLASSES)['scores']
    assert value == scores['threshold'] == seed_threshold(seeds, 'otsu')
    labels = evaluate_labels(tmp_path / 'labels', truth, CLASSES, IDS)
    for key in ('mIoU', 'FP', 'FN', 'IoU.cat'):
        assert labels['scores'][key] == pytest.approx(scores[key])
    assert labels['scores']['unsure'] == 0
    meta = read_meta(tmp_path / 'labels')
    assert meta['threshold'] == value and meta['threshold_rule'] == 'otsu'
    assert meta['split'] == 'train' and meta['classes'] == CLASSES and meta['images'] == 3


def test_pseudo_labels_resume_only_with_the_same_settings(folders, tmp_path):
    seeds, _ = folders
    out = tmp_path / 'labels'
    make_pseudo_labels(seeds, out, 0.5)
    before = {name: read_label(out / f'{name}.png') for name in IDS}
    write_label(out / f'{IDS[0]}.png', np.full((40, 50), 7))
    (out / f'{IDS[1]}.png').unlink()
    make_pseudo_labels(seeds, out, '0.5')
    assert (read_label(out / f'{IDS[0]}.png') == 7).all()
    np.testing.assert_array_equal(read_label(out / f'{IDS[1]}.png'), before[IDS[1]])
    with pytest.raises(ValueError, match=r'threshold: 0.5 -> 0.6'):
        make_pseudo_labels(seeds, out, 0.6)
    with pytest.raises(ValueError, match='ignore_band'):
        make_pseudo_labels(seeds, out, 0.5, ignore_band=(0.4, 0.6))


def test_unsure_pixels_are_left_out_or_background(folders, tmp_path):
    seeds, truth = folders
    out = tmp_path / 'labels'
    make_pseudo_labels(seeds, out, 0.5, ignore_band=(0.3, 0.8))
    plain = evaluate_seeds(seeds, truth, CLASSES, threshold=0.5)['scores']
    left_out = evaluate_labels(out, truth, CLASSES)['scores']
    background = evaluate_labels(out, truth, CLASSES, unsure='background')['scores']
    assert left_out['unsure'] == background['unsure'] > 0
    assert left_out['mIoU'] > plain['mIoU'] > background['mIoU']
    strict = evaluate_seeds(seeds, truth, CLASSES, threshold=0.8)['scores']
    assert background['mIoU'] == pytest.approx(strict['mIoU'])


def test_mistakes_are_named(folders, tmp_path):
    seeds, truth = folders
    with pytest.raises(ValueError, match='enclose'):
        make_pseudo_labels(seeds, tmp_path / 'a', 0.5, ignore_band=(0.6, 0.8))
    with pytest.raises(FileNotFoundError, match='lacks 1 of 2 .npz'):
        evaluate_seeds(seeds, truth, CLASSES, [IDS[0], 'other'])
    with pytest.raises(FileNotFoundError, match='holds no .png'):
        evaluate_labels(seeds, truth, CLASSES)
    with pytest.raises(ValueError, match=IDS[1]):
        evaluate_seeds(seeds, truth, CLASSES[:2])
    with pytest.raises(ValueError, match='unsure'):
        evaluate_labels(truth, truth, CLASSES, unsure='drop')


def test_command_lines(folders, tmp_path, monkeypatch, capsys):
    seeds, truth = folders
    split = tmp_path / 'train.txt'
    split.write_text(''.join(f'/JPEGImages/{i}.jpg /SegmentationClassAug/{i}.png\n' for i in IDS))
    out, file = tmp_path / 'labels', tmp_path / 'scores.json'
    band = ('--ignore-band', '0.4', '0.6')
    run_tool(monkeypatch, 'make_pseudo_labels.py', seeds, out, '--threshold', '0.5', *band)
    assert 'threshold 0.5' in capsys.readouterr().out
    assert 255 in read_label(out / f'{IDS[0]}.png')

    args = ('--gt', truth, '--split', split, '--json', file)
    run_tool(monkeypatch, 'eval_seeds.py', seeds, *args)
    text = capsys.readouterr().out
    assert 'oracle' in text and 'trimap_mIoU@3' in text and str(split) in text
    numbers = json.loads(file.read_text())
    assert numbers['scores']['mIoU'] == pytest.approx(
        evaluate_seeds(seeds, truth, CLASSES)['scores']['mIoU']
    )
    assert len(numbers['sweep']['mIoU']) == 100 and numbers['oracle_boundary']['mBIoU'] > 0

    run_tool(monkeypatch, 'eval_seeds.py', out, *args, '--unsure', 'background', '--radii', '2')
    numbers = json.loads(file.read_text())
    assert numbers['kind'] == 'labels' and numbers['boundary']['trimap_mIoU@2'] > 0
    assert numbers['facts']['unsure_pixels'] == 'background'


def test_class_names_from_a_config(folders, tmp_path, monkeypatch):
    seeds, truth = folders
    (seeds / 'meta.json').unlink()
    config = tmp_path / 'config.py'
    config.write_text(
        "test_dataloader = dict(dataset=dict(type='mmlevelset.VOCImageLabelDataset'))\n"
    )
    file = tmp_path / 'scores.json'
    args = (seeds, '--gt', truth, '--json', file)
    with pytest.raises(ValueError, match='--classes or --config'):
        run_tool(monkeypatch, 'eval_seeds.py', *args)
    run_tool(monkeypatch, 'eval_seeds.py', *args, '--config', config)
    scores = json.loads(file.read_text())['scores']
    assert scores['IoU.bicycle'] > 50 and scores['IoU.tvmonitor'] is None


@pytest.mark.parametrize(
    ('dataset', 'names'),
    [
        ("type='mmlevelset.ShapesDataset'", ['background', 'cross']),
        ("type='PascalVOCDataset'", ['background', 'aeroplane']),
        ("type='BaseSegDataset', metainfo=dict(classes=('ground', 'cat'))", ['ground', 'cat']),
    ],
)
def test_classes_of_a_config(dataset, names, tmp_path):
    """Ours, mmseg's without its scope, and those that the config gives itself."""
    config = tmp_path / 'config.py'
    config.write_text(f'test_dataloader = dict(dataset=dict({dataset}))\n')
    assert config_classes(config)[:2] == names


@pytest.mark.parametrize(
    ('text', 'kind'),
    [
        ('', None),
        ('test_dataloader = None', None),
        ("test_dataloader = dict(dataset=dict(type='BaseSegDataset'))", 'BaseSegDataset'),
        ("test_dataloader = dict(dataset=dict(type='NoSuchDataset'))", 'NoSuchDataset'),
    ],
)
def test_a_config_without_classes_is_named(text, kind, tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(text)
    with pytest.raises(ValueError, match=f'config.py: got .* of type {kind} .*METAINFO'):
        config_classes(config)
    with pytest.raises(FileNotFoundError, match='no config at'):
        config_classes(tmp_path / 'other.py')

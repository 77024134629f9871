"""What evaluation refuses, with the name of the file: nothing is scored in silence."""

import re
import runpy
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmlevelset.evaluation import BoundaryMetric, SeedMetric, evaluate_labels, evaluate_seeds
from mmlevelset.fileio.labels import write_label
from mmlevelset.fileio.meta import read_meta, write_meta
from mmlevelset.fileio.output import finished_ids, resumed_folder
from mmlevelset.fileio.seeds import read_seed, write_seed

from .test_metrics import evaluate, make_sample

ROOT = Path(__file__).resolve().parents[2]
CLASSES = ['background', 'cat', 'dog']
MASK = np.kron(np.array([[0, 1], [2, 0]], np.uint8), np.ones((8, 8), np.uint8))


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """Perfect seeds and labels of three images, and their ground truth."""
    folders = {name: tmp_path / name for name in ('seeds', 'labels', 'gt')}
    for name in 'abc':
        scores = np.stack([MASK == 1, MASK == 2]).astype(np.float32)
        write_seed(folders['seeds'] / f'{name}.npz', [0, 1], scores, MASK.shape)
        write_label(folders['labels'] / f'{name}.png', MASK)
        write_label(folders['gt'] / f'{name}.png', MASK)
    for kind in ('seeds', 'labels'):
        write_meta(folders[kind], kind=kind, classes=CLASSES, images=3, complete=True)
    return folders


def score(folders: dict[str, Path], kind: str, **options: object) -> dict:
    function = evaluate_seeds if kind == 'seeds' else evaluate_labels
    return function(folders[kind], folders['gt'], CLASSES, **options)


def test_what_is_right_scores_100(folders: dict[str, Path]) -> None:
    with warnings.catch_warnings(action='error'):
        results = [score(folders, kind) for kind in ('seeds', 'labels')]
    assert [result['scores']['mIoU'] for result in results] == [100, 100]
    assert results[1]['facts']['scored_classes'] == '3 of 3'


@pytest.mark.parametrize('kind', ['seeds', 'labels'])
@pytest.mark.parametrize('values', [(0, 255, 255), (255, 255, 255), (0, 0, 0)])
def test_ground_truth_that_shows_no_class(
    folders: dict[str, Path], kind: str, values: tuple[int, ...]
) -> None:
    for name in 'abc':
        write_label(folders['gt'] / f'{name}.png', np.array(values, np.uint8)[MASK])
    with pytest.raises(ValueError, match=r'of 3 images shows no class.*void \(255\).*write the'):
        score(folders, kind)


@pytest.mark.parametrize('metric', [SeedMetric, BoundaryMetric])
def test_metrics_of_ground_truth_that_shows_no_class(metric: type) -> None:
    samples = [make_sample(i) for i in range(2)]
    for sample in samples:
        truth = sample.gt_sem_seg.data
        sample.gt_sem_seg = PixelData(data=torch.where(truth > 0, 255, 0))
    with pytest.raises(ValueError, match='of 2 images shows no class'):
        evaluate(metric(), samples)


@pytest.mark.parametrize('kind', ['seeds', 'labels'])
@pytest.mark.parametrize(
    ('mask', 'complaint'),
    [(np.where(MASK == 1, 3, MASK), r'labels \[3\], expected 0\.\.2 or 255'), (MASK[1:], 'size')],
)
def test_masks_that_do_not_fit_are_named(
    folders: dict[str, Path], kind: str, mask: np.ndarray, complaint: str
) -> None:
    write_label(folders['gt'] / 'b.png', mask)
    with pytest.raises(ValueError, match=rf'gt/b\.png: .*{complaint}'):
        score(folders, kind)


@pytest.mark.parametrize('metric', [SeedMetric, BoundaryMetric])
def test_metrics_name_the_mask(metric: type) -> None:
    sample = make_sample(1)
    sample.set_metainfo(dict(seg_map_path='masks/001.png'))
    sample.gt_sem_seg = PixelData(data=torch.full_like(sample.gt_sem_seg.data, 7))
    with pytest.raises(ValueError, match=r'masks/001\.png: ground truth holds the labels \[7\]'):
        evaluate(metric(), [sample])


def test_labels_that_are_unsure_everywhere(folders: dict[str, Path]) -> None:
    for name in 'abc':
        write_label(folders['labels'] / f'{name}.png', np.full_like(MASK, 255))
    with pytest.raises(ValueError, match=r'labels are unsure \(255\) wherever'):
        score(folders, 'labels')
    assert score(folders, 'labels', unsure='background')['scores']['unsure'] == 100


@pytest.mark.parametrize('kind', ['seeds', 'labels'])
@pytest.mark.parametrize('options', [dict(radii=()), dict(radii=(0,)), dict(ratio=0), dict(ids=[])])
def test_options_that_would_score_nothing(
    folders: dict[str, Path], kind: str, options: dict
) -> None:
    with pytest.raises(ValueError, match='expected a ratio|empty list'):
        score(folders, kind, **options)


def test_classes_with_one_name(folders: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match=r"have \['cat'\] more than once"):
        evaluate_seeds(folders['seeds'], folders['gt'], ['cat', 'cat'])


@pytest.mark.parametrize('kind', ['seeds', 'labels', 'gt'])
def test_unfinished_folders(folders: dict[str, Path], kind: str) -> None:
    write_meta(folders[kind], **dict(read_meta(folders[kind]), complete=False))
    with pytest.raises(ValueError, match=f'{folders[kind]} is unfinished'):
        score(folders, 'labels' if kind == 'labels' else 'seeds')


@pytest.mark.parametrize(
    ('arguments', 'complaint'),
    [
        (['seeds', '--unsure', 'ignore'], 'holds seeds, which --unsure does not concern'),
        (['labels', '--threshold', '0.4'], 'holds label maps, which --threshold does not concern'),
        (['seeds', '--classes', 'dog', 'cat'], r'says \[.background., .cat., .dog.\]; leave'),
        (['nothing'], 'no folder .*nothing; check the path'),
        (
            ['seeds', '--threshold', '1.5'],
            r"'otsu', a number in \[0, 1\), or the .json .*, got '1.5'",
        ),
    ],
)
def test_command_line(
    folders: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    arguments: list[str],
    complaint: str,
) -> None:
    folder = folders['gt'].parent / arguments[0]
    command = ['eval_seeds.py', str(folder), '--gt', str(folders['gt']), *arguments[1:]]
    monkeypatch.setattr(sys, 'argv', command)
    with pytest.raises(SystemExit):
        runpy.run_path(str(ROOT / 'tools/eval_seeds.py'), run_name='__main__')
    assert re.search(complaint, capsys.readouterr().err)


def export(folder: Path, count: int, stop_at: int = 99, **source: str) -> None:
    """Export images 0 .. count - 1, or be killed before image ``stop_at``."""
    metric = SeedMetric(out_dir=str(folder), source=source)
    metric.dataset_meta = dict(classes=('background', 'cat', 'dog', 'cow'))
    for index in range(min(count, stop_at)):
        metric.process(None, [make_sample(index).to_dict()])
    if stop_at >= count:
        metric.evaluate(count)


def test_an_export_over_an_older_one_keeps_none_of_it(tmp_path: Path) -> None:
    export(tmp_path, 4, weights_hash='old')
    assert finished_ids(tmp_path, '.npz') == ['000', '001', '002', '003']
    export(tmp_path, 4, stop_at=1, weights_hash='new')
    assert [path.name for path in tmp_path.glob('*.npz')] == ['000.npz']
    with pytest.raises(ValueError, match='unfinished'):
        finished_ids(tmp_path, '.npz')
    export(tmp_path, 2, weights_hash='new')
    meta = read_meta(tmp_path)
    assert (meta['weights_hash'], meta['images'], meta['complete']) == ('new', 2, True)
    assert finished_ids(tmp_path, '.npz') == ['000', '001']
    assert read_seed(tmp_path / '001.npz').size == (21, 30)


def test_two_exports_into_one_folder(tmp_path: Path) -> None:
    first = SeedMetric(out_dir=str(tmp_path), source=dict(weights_hash='one'))
    first.dataset_meta = dict(classes=('background', 'cat', 'dog', 'cow'))
    first.process(None, [make_sample(0).to_dict()])
    with pytest.raises(ValueError, match=f'another run .*{tmp_path}'):
        export(tmp_path, 1, weights_hash='two')
    first.evaluate(1)
    assert read_meta(tmp_path)['weights_hash'] == 'one'


def test_an_export_does_not_touch_what_it_did_not_make(tmp_path: Path) -> None:
    meta = dict(kind='seeds', method='SEAM')
    with resumed_folder(tmp_path, '.npz', ['x'], meta, ['method']):
        write_seed(tmp_path / 'x.npz', [0], np.zeros((1, 2, 2), np.float32), (2, 2))
    with pytest.raises(ValueError, match='1 .npz files that this command did not make'):
        export(tmp_path, 1)
    assert (tmp_path / 'x.npz').exists()


def test_images_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    metric = SeedMetric(out_dir=str(tmp_path))
    metric.dataset_meta = dict(classes=('background', 'cat', 'dog', 'cow'))
    for folder in 'ab':
        sample: SegDataSample = make_sample(0)
        sample.set_metainfo(dict(img_path=f'{folder}/0.jpg'))
        metric.process(None, [sample.to_dict()])
    with pytest.raises(ValueError, match='holds 1 seeds of 2 images: some images have the same'):
        metric.evaluate(2)

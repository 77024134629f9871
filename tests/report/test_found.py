"""What a report finds in the work folder of a pipeline."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from mmlevelset.fileio.atomic import write_json
from mmlevelset.fileio.meta import write_meta
from mmlevelset.report.choice import choose_arms, choose_crop, choose_images
from mmlevelset.report.found import search

from .conftest import write_training


@pytest.fixture
def copy(work_dir: Path, tmp_path: Path) -> Path:
    return shutil.copytree(work_dir, tmp_path / 'copy')


def test_a_finished_run(work_dir):
    found = search(work_dir)
    assert [training.name for training in found.trainings] == ['cam', 'levelset']
    assert found.trainings[0].scalars['loss'] == [
        (10, 0.1),
        (20, 0.05),
        (30, pytest.approx(1 / 30)),
    ]
    assert not {'iter', 'epoch', 'step'} & set(found.trainings[0].scalars)
    assert [(s.name, s.threshold, s.sweep[1]) for s in found.scores] == [
        ('cam/seeds', 0.5, (0.5, 40.0)),
        ('levelset/seeds', 0.5, (0.5, 40.0)),
    ]
    assert found.scores[0].classes('IoU') == {'cat': 60.0, 'cow': None}
    assert found.scores[0].classes('BIoU') == {'cat': 30.0}
    assert [(s.name, s.seconds) for s in found.stages] == [
        ('train_cam', 60),
        ('train_levelset', 120),
    ]
    assert [(m.name, m.level_set) for m in found.maps] == [
        ('cam/labels', False),
        ('levelset/labels', True),
    ]
    assert not found.missing


def test_a_resumed_training_is_one_curve(copy):
    """The numbers of the later run count, and its killed last line does not."""
    write_training(copy / 'cam', '20260102_000000', 30, 50)
    path = copy / 'cam/20260102_000000/vis_data/scalars.json'
    path.write_text(path.read_text().replace('"loss": 0.03', '"loss": 0.07') + '{"loss": 0.0')
    (cam,) = (t for t in search(copy).trainings if t.name == 'cam')
    assert [i for i, _ in cam.scalars['loss']] == [10, 20, 30, 40, 50]
    assert cam.scalars['loss'][2][1] > 0.07


def test_what_is_not_there_is_named(copy):
    (copy / 'results.json').unlink()
    (copy / '.started').mkdir()
    (copy / '.started/retrain_cam').write_text('x')
    write_meta(copy / 'cam/labels', kind='labels', complete=False)
    for path in copy.rglob('seeds.json'):
        path.unlink()
    for path in copy.rglob('scalars.json'):
        path.unlink()
    found = search(copy)
    text = ' '.join(found.missing)
    for words in (
        'result table',
        'retrain_cam',
        'cam/labels',
        'training curves',
        'scores of seeds',
    ):
        assert words in text
    assert [m.name for m in found.maps] == ['levelset/labels']


def test_runs_that_were_set_aside_are_left_out(copy):
    (copy / 'cam').rename(copy / 'cam.old')
    found = search(copy)
    assert {m.name for m in found.maps} == {'levelset/labels'}
    assert {t.name for t in found.trainings} == {'levelset'}


def test_random_seeds_are_told_from_arms(copy):
    (copy / 'levelset').rename(copy / 'levelset_s3')
    assert [(s.name, s.arm) for s in search(copy).scores] == [
        ('cam/seeds', 'cam/seeds'),
        ('levelset_s3/seeds', 'levelset/seeds'),
    ]


def test_no_work_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match='expected the work folder of a pipeline'):
        search(tmp_path)


def test_images_at_the_quantiles_of_the_change(work_dir):
    arms = choose_arms(search(work_dir).maps)
    assert [arm.name for arm in arms] == ['cam/labels', 'levelset/labels']
    # 0, 4, 8, 16 and 32 of 64 columns have changed.
    shown = [(s.id, s.change, s.quantile) for s in choose_images(arms)]
    assert shown == [
        ('b', 4 / 64, 0.25),
        ('c', 8 / 64, 0.5),
        ('d', 16 / 64, 0.75),
        ('e', 0.5, 0.95),
    ]
    # Of one arm, the share of the cat: 0, 16, 24, 28 and 32 columns.
    assert [s.id for s in choose_images(arms[1:])] == ['d', 'c', 'b', 'a']


def test_arms_of_one_kind(work_dir):
    maps = search(work_dir).maps
    assert [arm.name for arm in choose_arms(maps[:1])] == ['cam/labels']
    assert [arm.name for arm in choose_arms([maps[0], maps[0]._replace(name='again')])] == [
        'cam/labels',
        'again',
    ]
    assert choose_arms([]) == []
    # Of several lists, as of train and val, those of the first.
    val = maps[0]._replace(meta=dict(maps[0].meta, split='val'), name='val')
    assert [arm.name for arm in choose_arms([maps[0], val])] == ['cam/labels']
    # What a trained model predicts, mostly of other images, is no arm.
    model = maps[0]._replace(meta=dict(maps[0].meta, method='predictions'), name='model')
    assert [arm.name for arm in choose_arms([model, maps[0]])] == ['cam/labels']


@pytest.mark.parametrize('corner', [(0, 0), (30, 44), (12, 20)])
def test_the_crop_holds_what_has_changed(corner):
    before, after = np.zeros((2, 48, 64), np.uint8)
    top, left = corner
    after[top : top + 18, left : left + 18] = 3
    rows, columns = choose_crop(before, after)
    side = 19  # 0.4 of 48
    assert rows.stop - rows.start == columns.stop - columns.start == side
    assert (after[rows, columns] == 3).sum() == 18 * 18


def test_scores_of_other_files_are_not_taken(copy):
    """JSON files of other kinds lie in work folders, too."""
    write_json(copy / 'cam/test/metrics.json', dict(mIoU=1.0))
    (copy / 'cam/list.json').write_text('[1, 2]')
    assert len(search(copy).scores) == 2

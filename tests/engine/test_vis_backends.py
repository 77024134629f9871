"""Curves and pictures of level sets reach the programs that ``configs/_base_/vis`` names."""

from pathlib import Path

import pytest
from mmengine.visualization import Visualizer

from mmlevelset.config import read_config
from mmlevelset.engine import LevelSetVisualizationHook
from mmlevelset.fileio.images import read_image

from .test_visualization_hook import HEAD, make_batch, make_runner

ROOT = Path(__file__).resolve().parents[2]
LEAF = ROOT / 'configs/seed/cam/efficientnet-lite0_levelset_shapes.py'


def train(tmp_path: Path, program: str) -> Path:
    """A picture and a curve of two iterations, by a leaf as the pages show it; where they are kept."""
    leaf = tmp_path / 'leaf.py'
    base = ROOT / f'configs/_base_/vis/{program}.py'
    leaf.write_text(
        f'_base_ = [{str(LEAF)!r}, {str(base)!r}]\nvisualizer = dict(vis_backends=_base_.{program})\n'
    )
    cfg = read_config(str(leaf))
    cfg.work_dir = str(tmp_path / 'run')  # as every training has it
    runner = make_runner(tmp_path, HEAD)
    runner.visualizer = Visualizer(
        name=program, vis_backends=cfg.visualizer.vis_backends, save_dir=str(tmp_path / 'run')
    )
    runner.visualizer.add_config(cfg)
    runner.visualizer.add_scalars(dict(loss=0.25), step=1)
    LevelSetVisualizationHook(interval=2, images=2).after_train_iter(runner, 1, make_batch())
    runner.visualizer.close()
    assert (tmp_path / 'level_sets/iter_2.png').is_file()
    kept = tmp_path / 'run/vis_data'
    assert not list(kept.glob('vis_image/*')), 'the local backend would keep the same picture twice'
    assert '0.25' in (kept / 'scalars.json').read_text()
    return kept


def test_tensorboard(tmp_path):
    pytest.importorskip('tensorboard')
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(train(tmp_path, 'tensorboard')))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars('loss')] == [(1, 0.25)]
    (picture,) = events.Images('level_sets')
    assert picture.step == 2 and picture.width == 6 * 224


def test_wandb(tmp_path, monkeypatch):
    pytest.importorskip('wandb')
    monkeypatch.setenv('WANDB_SILENT', 'true')
    kept = train(tmp_path, 'wandb')
    (run,) = kept.glob('wandb/offline-run-*')
    assert list(run.glob('files/media/images/level_sets_*.png'))
    assert list(run.glob('*.wandb'))


def test_mlflow(tmp_path, monkeypatch):
    mlflow = pytest.importorskip('mlflow')
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'work_dirs').mkdir()
    train(tmp_path, 'mlflow')
    client = mlflow.MlflowClient('sqlite:///work_dirs/mlflow.db')
    (run,) = client.search_runs([client.get_experiment_by_name('mmlevelset').experiment_id])
    assert run.data.metrics == {'loss': 0.25}
    (picture,) = (tmp_path / 'work_dirs/mlflow').rglob('level_sets/iter_2.png')
    assert read_image(picture).shape[1] == 6 * 224

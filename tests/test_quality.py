"""The floor under the method: on the generated data the level set must beat the CAM by far more than its spread.

A shortened run of ``configs/pipeline/shapes_efficientnet-lite0_levelset.py``: host, then both variants
for as long as each other, from the same weights, with the same random seed.
"""

from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from mmlevelset.apis import build_runner, load_config, set_seed_folder, set_tta
from mmlevelset.apis.runner import train
from mmlevelset.datasets import ShapesDataset
from mmlevelset.evaluation.score_folder import evaluate_seeds

CONFIGS = Path(__file__).resolve().parents[1] / 'configs/seed/cam'
HOST_EPOCHS, EPOCHS = 4, 7


def config(folder: Path, name: str, **options: Any) -> Config:
    """A config of the shapes whose data and features lie in ``folder``."""
    path = CONFIGS / f'efficientnet-lite0_{name}.py'
    lies = {
        f'{loader}.dataset.data_root': str(folder / 'shapes')
        for loader in ('train_dataloader', 'test_dataloader')
    }
    lies['model.backbone.frozen_cache'] = str(folder / 'frozen_cache')
    return load_config(str(path), str(folder / name), cfg_options={**lies, **options})


def seed_scores(folder: Path, name: str, weights: Path, threshold: str | float) -> dict[str, float]:
    """Train a variant, export the seeds of the training images and score them at a label-free threshold."""
    train(config(folder, name, load_from=str(weights), **{'train_cfg.max_epochs': EPOCHS}))
    cfg = config(folder, name, load_from=str(folder / f'{name}/epoch_{EPOCHS}.pth'))
    set_tta(cfg)
    set_seed_folder(cfg, str(folder / f'{name}/seeds'))
    build_runner(cfg).test()
    masks, classes = folder / 'shapes/SegmentationClass', ShapesDataset.METAINFO['classes']
    result = evaluate_seeds(folder / f'{name}/seeds', masks, classes, threshold=threshold)
    return dict(miou=result['scores']['mIoU'], boundary=result['boundary']['mBIoU'])


@pytest.mark.slow
def test_the_level_set_beats_the_cam(tmp_path: Path) -> None:
    train(config(tmp_path, 'shapes_host', **{'train_cfg.max_epochs': HOST_EPOCHS}))
    host = tmp_path / f'shapes_host/epoch_{HOST_EPOCHS}.pth'
    cam = seed_scores(tmp_path, 'shapes', host, 'otsu')
    level_set = seed_scores(tmp_path, 'levelset_shapes', host, 0.5)
    assert level_set['miou'] > cam['miou'] + 8, (cam, level_set)
    assert level_set['boundary'] > cam['boundary'] + 15, (cam, level_set)

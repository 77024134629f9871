"""Every config of a refiner builds, and what one of them names another one writes."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import OPTIMIZERS, PARAM_SCHEDULERS, init_default_scope
from mmseg.registry import DATASETS, MODELS

from mmlevelset.config import read_config
from mmlevelset.refine import evolution as level_set
from mmlevelset.refine import irn, psa
from mmlevelset.registry import REFINERS

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted((ROOT / 'configs/refine').glob('*.py'))
TRAINED = [p for p in CONFIGS if p.name.startswith(('affinitynet_', 'irnet_'))]
PRESETS = sorted(set(CONFIGS) - set(TRAINED))


def build_on_meta(config: str | Config, checkpoint: str, device: str = 'cpu') -> torch.nn.Module:
    """In the place of ``load_model``: checks the names, reads no weights."""
    cfg = config if isinstance(config, Config) else read_config(str(ROOT / config))
    loop = cfg.train_cfg
    last = f'iter_{loop.max_iters}' if 'max_iters' in loop else f'epoch_{loop.max_epochs}'
    assert Path(checkpoint).stem == last
    init_default_scope('mmseg')
    with torch.device('meta'):
        return MODELS.build(cfg.model)


def test_the_lists_are_complete():
    assert len(TRAINED) >= 7 and len(PRESETS) > 15


@pytest.mark.parametrize('path', PRESETS, ids=lambda path: path.stem)
def test_preset(path, monkeypatch):
    for module in (psa, irn, level_set):
        monkeypatch.setattr(module, 'load_model', build_on_meta)
    cfg = read_config(str(path)).to_dict()
    assert 'image_dir' not in cfg  # of the data set, which the seeds know
    refiners = cfg.get('refiners') or dict(one=cfg['refiner'])
    for refiner in refiners.values():
        if refiner.get('background') == dict(score='otsu'):  # found in the seeds by tools/refine.py
            refiner['background'] = dict(score=0.4)
        assert REFINERS.build(refiner)


@pytest.mark.parametrize('path', TRAINED, ids=lambda path: path.stem)
def test_training(path):
    cfg = read_config(str(path))
    init_default_scope(cfg.default_scope)
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    assert any(p.requires_grad for p in model.decode_head.parameters())
    dataset = cfg.train_dataloader.dataset
    DATASETS.build(dict(dataset, lazy_init=True))
    Compose(dataset.pipeline)
    # Masks, where there are any, are what tools/refine.py wrote.
    masks = dataset.get('data_prefix', {}).get('seg_map_path', 'work_dirs/')
    assert masks.startswith('work_dirs/')
    optimizer = OPTIMIZERS.get(cfg.optim_wrapper.optimizer.type)
    assert optimizer and all(PARAM_SCHEDULERS.get(s.type) for s in cfg.param_scheduler)

"""Label maps of images that have no ground truth."""

from pathlib import Path

import pytest
from mmengine.config import Config

from mmlevelset.apis import require_masks, set_label_folder

LOAD = [dict(type='mmlevelset.CheckedLoadImage'), dict(type='mmlevelset.CheckedLoadAnnotations')]


def test_no_mask_is_read() -> None:
    pack, flip = dict(type='PackSegInputs'), dict(type='RandomFlip', prob=1.0)
    branches = [[flip], [dict(type='LoadAnnotations')], [pack]]
    tta = dict(type='TestTimeAug', transforms=branches)
    dataset = dict(data_prefix=dict(seg_map_path='masks'), pipeline=[*LOAD, tta])
    evaluator = [dict(type='IoUMetric'), dict(type='mmlevelset.BoundaryMetric')]
    cfg = Config(dict(test_dataloader=dict(dataset=dataset), test_evaluator=evaluator))
    set_label_folder(cfg, 'out')
    assert cfg.test_evaluator.type == 'mmlevelset.LabelMetric'
    assert cfg.test_evaluator.out_dir == 'out' and 'weights_hash' in cfg.test_evaluator.source
    dataset = cfg.test_dataloader.dataset
    assert dataset.data_prefix == dict(seg_map_path=None)
    assert dataset.pipeline == [LOAD[0], dict(type='TestTimeAug', transforms=[[flip], [pack]])]


def test_scored_seeds_without_masks_name_the_option_that_needs_none(tmp_path: Path) -> None:
    dataset = dict(data_root=str(tmp_path), data_prefix=dict(seg_map_path='masks'))
    cfg = Config(dict(test_dataloader=dict(dataset=dataset)))
    with pytest.raises(FileNotFoundError, match=f'{tmp_path}/masks: .*--seeds-only in its place'):
        require_masks(cfg)
    (tmp_path / 'masks').mkdir()
    require_masks(cfg)
    cfg.test_dataloader.dataset.data_prefix = None  # nothing to score: an export alone
    require_masks(cfg)

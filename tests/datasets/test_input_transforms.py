"""Test-time augmentation of the configs, and what is packed, against the same written out in full."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from PIL import Image

from mmlevelset.apis import drop_masks
from mmlevelset.datasets import MultiScaleFlip, PackImageLabels

init_default_scope('mmseg')
FLIPS = [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)]


@pytest.fixture(autouse=True)
def scope() -> None:
    init_default_scope('mmseg')


@pytest.fixture
def sample(tmp_path: Path) -> dict:
    """An image of 30 x 40 (H, W) with a mask, as a data set describes it."""
    pixels = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / 'a.png')
    Image.fromarray(pixels[..., 0] // 128).save(tmp_path / 'mask.png')
    return dict(
        img_path=str(tmp_path / 'a.png'),
        seg_map_path=str(tmp_path / 'mask.png'),
        img_id='a',
        img_label=np.array([1.0, 0.0], np.float32),
        seg_fields=[],
        reduce_zero_label=False,
    )


@pytest.mark.parametrize(
    ('options', 'sizes'),
    [
        (
            dict(ratios=(0.5, 1.5)),
            [dict(type='Resize', scale_factor=r, keep_ratio=True) for r in (0.5, 1.5)],
        ),
        (
            dict(ratios=(0.5, 1.5), interpolation='bicubic'),
            [
                dict(type='Resize', scale_factor=r, keep_ratio=True, interpolation='bicubic')
                for r in (0.5, 1.5)
            ],
        ),
        (
            dict(ratios=(0.5, 1.5), resize='mmlevelset.ResizeByRatio'),
            [dict(type='mmlevelset.ResizeByRatio', ratio=r) for r in (0.5, 1.5)],
        ),
        (dict(scales=[(32, 48)]), [dict(type='Resize', scale=(32, 48), keep_ratio=False)]),
        (
            dict(scales=[(32, 48)], interpolation='bicubic'),
            [dict(type='Resize', scale=(32, 48), keep_ratio=False, interpolation='bicubic')],
        ),
        (dict(), []),
    ],
)
@pytest.mark.parametrize('flip', [True, False])
def test_equals_the_branches_written_out(
    sample: dict, options: dict, sizes: list[dict], flip: bool
) -> None:
    load = dict(type='mmlevelset.CheckedLoadImage')
    branches = [sizes, FLIPS if flip else [], [dict(type='mmlevelset.CheckedLoadAnnotations')]]
    branches += [[dict(type='PackSegInputs')]]
    tta = dict(type='TestTimeAug', transforms=[branch for branch in branches if branch])
    expected = Compose([load, tta])(dict(sample))
    found = Compose([load, dict(type='mmlevelset.MultiScaleFlip', flip=flip, **options)])(
        dict(sample)
    )
    assert len(found['inputs']) == max(len(sizes), 1) * (1 + flip)
    for got, want in zip(found['inputs'], expected['inputs'], strict=True):
        assert got.equal(want)
    for got, want in zip(found['data_samples'], expected['data_samples'], strict=True):
        assert got.gt_sem_seg.data.equal(want.gt_sem_seg.data)
        assert got.metainfo.get('flip') == want.metainfo.get('flip')
        np.testing.assert_array_equal(got.metainfo['img_label'], [1, 0])
        assert got.metainfo['img_id'] == 'a' and 'img_id' not in want.metainfo


def test_without_masks(sample: dict) -> None:
    del sample['seg_map_path']
    pipeline = [dict(type='mmlevelset.CheckedLoadImage'), dict(type='mmlevelset.MultiScaleFlip')]
    cfg = Config(dict(test_dataloader=dict(dataset=dict(pipeline=pipeline))))
    drop_masks(cfg)
    views = Compose(cfg.test_dataloader.dataset.pipeline)(dict(sample))['data_samples']
    assert len(views) == 2 and not any('gt_sem_seg' in view for view in views)


def test_packs_what_there_is() -> None:
    packed = PackImageLabels()(dict(img=np.zeros((4, 4, 3), np.uint8), img_label=np.ones(1)))
    assert packed['data_samples'].metainfo_keys() == ['img_label']


def test_wrong_options() -> None:
    with pytest.raises(ValueError, match=r'ratios=\(1.0,\) and scales=.*one of them'):
        MultiScaleFlip(ratios=(1.0,), scales=[(8, 8)])
    with pytest.raises(ValueError, match="one of .*'Resize'.*got 'Zoom'"):
        MultiScaleFlip(ratios=(1.0,), resize='Zoom')
    with pytest.raises(ValueError, match="ResizeByRatio has a filter of its own, got .*'bicubic'"):
        MultiScaleFlip((1.0,), resize='mmlevelset.ResizeByRatio', interpolation='bicubic')

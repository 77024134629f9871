"""The data sets of configs/_base_/datasets load, and their pipelines fit the contract."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from PIL import Image

from mmlevelset.registry import DATASETS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
NAMES = ['shapes', 'voc8', 'voc8_288', 'voc12', 'voc12_irn', 'voc12_psa', 'voc12_seam']
NAMES = [f'_base_/datasets/{name}' for name in NAMES] + ['seed/mctformer/deit-s_v2_coco14']


@pytest.fixture(params=NAMES)
def config(request):
    init_default_scope('mmseg')
    return Config.fromfile(CONFIGS / f'{request.param}.py')


@pytest.fixture
def item(tmp_path):
    Image.new('RGB', (320, 240)).save(tmp_path / 'a.jpg')
    Image.new('L', (320, 240)).save(tmp_path / 'a.png')
    return dict(
        img_path=str(tmp_path / 'a.jpg'), seg_map_path=str(tmp_path / 'a.png'), img_id='a',
        img_label=np.ones(3, np.float32), reduce_zero_label=False, label_map=None, seg_fields=[],
    )  # fmt: skip


def test_training_sees_no_masks(config, item):
    train = config.train_dataloader.dataset
    assert 'seg_map_path' not in train.get('data_prefix', {})
    assert train.image_labels
    packed = Compose(train.pipeline)(item)
    sample = packed['data_samples']
    assert 'gt_sem_seg' not in sample and sample.img_id == 'a'
    np.testing.assert_array_equal(sample.img_label, 1)
    expected = config.get('crop_size') or config.img_scale
    assert all(a <= b for a, b in zip(packed['inputs'].shape[1:], expected, strict=True))


def test_testing_sees_masks_at_the_original_size(config, item):
    test = config.test_dataloader.dataset
    assert test.data_prefix.seg_map_path and test.image_labels
    sample = Compose(test.pipeline)(item)['data_samples']
    assert sample.gt_sem_seg.shape == (240, 320) and sample.img_label.sum() == 3


def test_views_are_scales_times_flips(config, item):
    views = Compose(config.tta_pipeline)(item)
    scales = config.test_evaluator.scales
    assert len(views['inputs']) == 2 * len(scales)
    assert [s.flip for s in views['data_samples']] == [False, True] * len(scales)
    if 'img_ratios' in config:
        heights = [view.shape[1] for view in views['inputs'][::2]]
        assert heights == [round(240 * scale) for scale in scales]
    assert all(s.gt_sem_seg.shape == (240, 320) for s in views['data_samples'])


def test_data_set_is_registered(config):
    dataset = config.train_dataloader.dataset
    classes = dataset.get('metainfo', {}).get('classes')
    classes = classes or DATASETS.get(dataset.type).METAINFO['classes']
    assert classes[0] == 'background'
    assert config.test_dataloader.dataset.type == dataset.type

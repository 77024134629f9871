"""PSAWalk: geometry and wiring; its numbers are in test_random_walk.py."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch.nn import functional as F

from mmlevelset.config import read_config
from mmlevelset.fileio.seeds import Seed
from mmlevelset.refine import PSAWalk
from mmlevelset.refine.psa import feature_walk

CONFIG = """
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='mmlevelset.LevelSetPreProcessor', mean=[120.0, 110.0, 100.0], std=[60.0, 60.0, 60.0],
        bgr_to_rgb=True, size=(448, 448)),
    backbone=dict(type='mmlevelset.ResNet38', base_channels=4),
    decode_head=dict(
        type='mmlevelset.AffinityNet', in_channels=(32, 64, 256), in_index=(0, 1, 2), widths=(4, 4, 4)),
    test_cfg=dict(mode='whole'),
)
"""
SETTINGS = dict(background=dict(alpha=6), beta=8, logt=6)


@pytest.fixture(scope='module')
def files(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp('psa')
    config, checkpoint = folder / 'config.py', folder / 'net.pth'
    config.write_text(CONFIG)
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(read_config(str(config)).model)
    model.decode_head.init_weights()
    torch.save(dict(state_dict=model.state_dict()), checkpoint)
    return dict(config=str(config), checkpoint=str(checkpoint))


def scene(height: int, width: int) -> tuple[np.ndarray, Seed]:
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    scores = random.random((2, height, width), dtype=np.float32)
    return image, Seed(np.array([3, 14]), scores, (height, width))


def test_walk_of_an_image(files):
    """Zero padding after the normalisation, RGB order, averaging, walking, resizing, cropping."""
    image, seed = scene(69, 83)
    refiner = PSAWalk(**files, **SETTINGS)
    soft = refiner(image, seed)
    assert soft.shape == (3, 69, 83) and soft.dtype == np.float32

    x = (torch.tensor(image).float() - torch.tensor([120.0, 110.0, 100.0])) / 60
    x = F.pad(x.permute(2, 0, 1)[None], (0, 5, 0, 3))
    background = (1 - seed.scores.max(0, keepdims=True)) ** 6
    scores = F.pad(torch.tensor(np.concatenate([background, seed.scores])), (0, 5, 0, 3))
    with torch.no_grad():
        features = refiner.model.decode_head(refiner.model.backbone(x))[0]
    walked = feature_walk(F.avg_pool2d(scores, 8), features, 5, 8, 64)
    expected = F.interpolate(walked[None], size=(72, 88), mode='bilinear')[0, :, :69, :83]
    np.testing.assert_allclose(soft, expected, atol=1e-6)


@pytest.mark.parametrize('size', [(1, 1), (8, 9), (40, 30)])
def test_small_images(files, size):
    """Fewer pixels than a half disc of the grid: padded until one fits."""
    image, seed = scene(*size)
    soft = PSAWalk(**files, **SETTINGS)(image, seed)
    assert soft.shape == (3, *size) and np.isfinite(soft).all() and soft.max() <= 1


def test_image_without_foreground(files):
    image, seed = scene(20, 20)
    seed = Seed(seed.keys[:0], seed.scores[:0], seed.size)
    np.testing.assert_array_equal(PSAWalk(**files, **SETTINGS)(image, seed), np.ones((1, 20, 20)))


def test_a_grid_of_another_stride(files):
    with pytest.raises(ValueError, match=r'not of stride 16; set the stride'):
        PSAWalk(**files, **SETTINGS, stride=16)(*scene(160, 160))


def test_missing_or_wrong_checkpoint(files, tmp_path):
    with pytest.raises(FileNotFoundError, match='no file nowhere.pth; train it with'):
        PSAWalk(files['config'], 'nowhere.pth', **SETTINGS)
    other = tmp_path / 'other.pth'
    torch.save(dict(state_dict=dict(weight=torch.zeros(1))), other)
    with pytest.raises(
        ValueError, match='other.pth has no weights for .* give the config it was trained with'
    ):
        PSAWalk(files['config'], str(other), **SETTINGS)

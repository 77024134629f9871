"""An evolution of the user's own, in a file and a config of the user's own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch.nn import functional as F

from mmlevelset.config import read_config
from mmlevelset.fileio.seeds import Seed
from mmlevelset.levelset import seed_scores, standardise
from mmlevelset.refine import LevelSetRefiner

MODULE = """
import torch
from mmseg.registry import MODELS

from mmlevelset.levelset import Evolution


@MODELS.register_module()
class {name}(Evolution):
    grouped = {grouped}

    def __init__(self, pixels, **kwargs):
        super().__init__(**kwargs)
        self.pixels = torch.nn.Parameter(torch.tensor(float(pixels)))
        self.seen = []

    def forward(self, phi, image, features):
        self.seen.append((phi, image, features))
        return phi + self.pixels
"""
CONFIG = """
default_scope = 'mmseg'
custom_imports = dict(imports=['{name}'])
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='mmlevelset.LevelSetPreProcessor', mean=[127.0] * 3, std=[128.0] * 3, size_divisor=32),
    backbone=dict(type='mmlevelset.EfficientNet', arch='lite0', out_indices=(1, 2)),
    decode_head=dict(type='mmlevelset.CAMHead', in_channels=40, num_classes=4),
    auxiliary_head=dict(
        type='mmlevelset.LevelSetHead', in_channels=(24, 40), in_index=(0, 1), channels=8, num_classes=4,
        truncate=12.0, evolution=dict(type='{name}', pixels=3),
        loss_energy=dict(type='mmlevelset.LevelSetEnergyLoss')),
    test_cfg=dict(mode='whole'))
"""


@pytest.fixture(params=[True, False], ids=['grouped', 'alone'])
def config(request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name = 'GrowGrouped' if request.param else 'GrowAlone'
    (tmp_path / f'{name}.py').write_text(MODULE.format(name=name, grouped=request.param))
    (tmp_path / 'config.py').write_text(CONFIG.format(name=name))
    monkeypatch.syspath_prepend(tmp_path)
    yield str(tmp_path / 'config.py')
    MODELS.module_dict.pop(name, None)
    sys.modules.pop(name, None)


def build(config: str) -> torch.nn.Module:
    cfg = read_config(config)
    init_default_scope(cfg.default_scope)
    return MODELS.build(cfg.model)


def test_a_module_that_is_not_there(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(CONFIG.format(name='nowhere_at_all'))
    with pytest.raises(
        ValueError, match=r'custom_imports names a module .*nowhere_at_all.*PYTHONPATH=FOLDER'
    ):
        read_config(str(path))


def test_training(config, make_samples, make_blobs):
    """It gets phi^0 in pixels, x in [0, 1] and standardised F on one grid, and it is trained."""
    model = build(config)
    head = model.auxiliary_head
    # 12 pixels of the image are 3 of a map of stride 4, the image that an evolution sees
    assert (head.evolution.num_classes, head.evolution.truncate) == (4, 3)
    labels, image = [[1, 0, 1, 0], [0, 1, 0, 0]], torch.rand(2, 3, 64, 64)
    feats = model.extract_feat(image)
    trace = head.trace(feats, image, make_blobs(2, 4), torch.tensor(labels))
    torch.testing.assert_close(trace.phi, trace.phi0 + 3)
    ((phi, x, features),) = head.evolution.seen
    if head.evolution.grouped:
        torch.testing.assert_close(phi, 3 * head(feats))
        n = torch.arange(2)
    else:
        torch.testing.assert_close(phi, trace.phi0)
        n = trace.images
    torch.testing.assert_close(x, F.avg_pool2d(image, 4)[n])
    expected = F.interpolate(standardise(feats[-1]), (16, 16), mode='bilinear')
    torch.testing.assert_close(features, expected[n])

    optimiser = OptimWrapper(torch.optim.SGD(head.evolution.parameters(), lr=1.0))
    losses = head.loss(feats, make_samples(labels, make_blobs(2, 4), torch.randn(2, 3, 64, 64)))
    optimiser.update_params(losses['loss_energy_features'] + losses['loss_energy_edge'])
    assert head.evolution.pixels != 3


def test_seeds_and_refinement(config, tmp_path):
    model, image = build(config).eval(), torch.rand(1, 3, 64, 64)
    labels = torch.tensor([[0, 1, 0, 1]])
    with torch.inference_mode():
        feats = model.extract_feat(image)
        phi = 3 * model.auxiliary_head(feats)[:, [1, 3]] + 3
        seeds = model.auxiliary_head.seeds(feats, image, labels)
    torch.testing.assert_close(seeds[:, [1, 3]], seed_scores(phi, 3))
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'net.pth')
    refiner = LevelSetRefiner(config, str(tmp_path / 'net.pth'), background=dict(score=0.4))
    scores = np.zeros((1, 64, 64), np.float32)
    scores[:, 20:40, 20:40] = 0.9
    soft = refiner(np.zeros((64, 64, 3), np.uint8), Seed(np.array([2]), scores, (64, 64)))
    grown = soft[1] > 0.5
    assert grown[20:40, 20:40].all() and 1000 < grown.sum() < 2500  # 12 pixels of the image wider

"""LevelSetVisualizationHook: a picture of a training batch, and nothing changed by drawing it."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmlevelset.engine import LevelSetVisualizationHook
from mmlevelset.visualization.panels import CAPTION, GAP

HEAD = dict(
    type='mmlevelset.LevelSetHead', in_channels=(24,), in_index=(0,), channels=8, num_classes=2
)


def make_runner(tmp_path, auxiliary_head: dict | None) -> SimpleNamespace:
    init_default_scope('mmseg')
    model = MODELS.build(
        dict(
            type='EncoderDecoder',
            data_preprocessor=dict(type='mmlevelset.LevelSetPreProcessor', size_divisor=32),
            backbone=dict(type='mmlevelset.EfficientNet', arch='lite0', out_indices=(1, 6)),
            decode_head=dict(type='mmlevelset.CAMHead', in_channels=320, num_classes=2),
            auxiliary_head=auxiliary_head,
            test_cfg=dict(mode='whole'),
        )
    )
    visualizer = SimpleNamespace(_vis_backends={})
    return SimpleNamespace(
        model=model.train(), work_dir=tmp_path, iter=1, max_iters=10, visualizer=visualizer
    )


def make_batch(n: int = 3) -> dict:
    samples = [SegDataSample(metainfo=dict(img_label=np.ones(2, np.float32))) for _ in range(n)]
    return dict(inputs=[torch.randint(255, (3, 64, 64)) for _ in range(n)], data_samples=samples)


def test_picture(tmp_path):
    runner, hook = make_runner(tmp_path, HEAD), LevelSetVisualizationHook(interval=2, images=2)
    before = {k: v.clone() for k, v in runner.model.state_dict().items()}
    batch = make_batch()
    hook.after_train_iter(runner, 1, batch)
    picture = cv2.imread(str(tmp_path / 'level_sets' / 'iter_2.png'))
    assert picture.shape == (CAPTION + 2 * (220 + GAP), 6 * (220 + GAP), 3)
    assert runner.model.training and 'input_image' not in batch['data_samples'][0]
    assert all(torch.equal(v, before[k]) for k, v in runner.model.state_dict().items())


def test_guide_of_the_data_set(tmp_path, monkeypatch):
    """The picture shows what the level sets learn from, which is not the CAM where there is a guide."""
    runner, batch = make_runner(tmp_path, HEAD), make_batch()
    for sample in batch['data_samples']:
        sample.set_data(dict(guide=torch.rand(2, 64, 64)))
    seen = []
    trace = runner.model.auxiliary_head.trace
    monkeypatch.setattr(
        runner.model.auxiliary_head, 'trace', lambda *args: seen.append(args[2]) or trace(*args)
    )
    LevelSetVisualizationHook(interval=2, images=2).after_train_iter(runner, 1, batch)
    guides = torch.stack([sample.guide for sample in batch['data_samples'][:2]])
    torch.testing.assert_close(seen[0], guides)
    hook = LevelSetVisualizationHook()
    head, source = runner.model.auxiliary_head, runner.model.decode_head
    titles = [panel.title for panel in hook._rows(runner.model.eval(), head, source, batch)[0]]
    assert titles[1:3] == ['map of guide_dir', 'SDF of the map of guide_dir']


def test_only_every_interval(tmp_path):
    hook = LevelSetVisualizationHook(interval=3)
    hook.after_train_iter(make_runner(tmp_path, HEAD), 1, make_batch())
    assert not (tmp_path / 'level_sets').exists()


def test_model_without_level_sets(tmp_path):
    hook = LevelSetVisualizationHook(interval=1)
    with pytest.raises(ValueError, match='needs a LevelSetHead'):
        hook.after_train_iter(make_runner(tmp_path, None), 0, make_batch())


@pytest.mark.parametrize('options', [dict(interval=0), dict(interval=-1), dict(images=0)])
def test_numbers_that_draw_nothing(options):
    with pytest.raises(
        ValueError, match='LevelSetVisualizationHook: .* whole number of at least 1'
    ):
        LevelSetVisualizationHook(**options)

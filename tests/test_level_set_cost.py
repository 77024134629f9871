"""tools/analysis_tools/level_set_cost.py on a network whose cost can be written down."""

import importlib.util
from pathlib import Path

import pytest
import torch

PATH = Path(__file__).resolve().parents[1] / 'tools/analysis_tools/level_set_cost.py'
BASELINE = """
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='mmlevelset.LevelSetPreProcessor', mean=[127.0] * 3, std=[128.0] * 3, size_divisor=32),
    backbone=dict(type='mmlevelset.EfficientNet', arch='lite0', out_indices=(1, 2)),
    decode_head=dict(type='mmlevelset.CAMHead', in_channels=40, num_classes=4))
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=10.0))  # a step ends the contours
train_dataloader = dict(batch_size=8)
"""
LEVEL_SET = """
_base_ = 'baseline.py'
model = dict(auxiliary_head=dict(
    type='mmlevelset.LevelSetHead', in_channels=(24, 40), in_index=(0, 1), channels=8, num_classes=4,
    evolution=dict(type='mmlevelset.FNOEvolution', condition_channels=3, width=4, shared=True),
    loss_energy=dict(type='mmlevelset.LevelSetEnergyLoss')))
"""


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('level_set_cost', PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def configs(tmp_path) -> tuple[str, str]:
    paths = tmp_path / 'baseline.py', tmp_path / 'levelset.py'
    for path, text in zip(paths, (BASELINE, LEVEL_SET), strict=True):
        path.write_text(text)
    return tuple(map(str, paths))


def test_the_level_set_adds(tool, configs):
    baseline, level_set = pair = tool.compare(*configs, size=64, images=2, repeats=2)
    for training in pair:
        weights = sum(p.nbytes for p in training.model.parameters())
        moved = sum(p.nbytes for p in training.optimiser.optimizer.state)
        assert 0 < moved < weights  # the last stages are not read
        # Weights, gradients, two moments of Adam and its counters.
        assert training.cost.fixed == pytest.approx(2 * weights + 2 * moved, rel=1e-3)
    one, other = baseline.cost, level_set.cost
    assert (one.level_sets, other.level_sets) == (0, 3)  # one class, then two
    assert one.operations < other.operations and one.kept < other.kept
    assert 0 < one.seconds < float('inf') and 0 < other.seconds < float('inf')
    text = tool.table(pair)
    assert '| memory with 8 images, GiB ' in text and '3 level sets in 2 images' in text


def test_what_is_counted(tool, configs):
    """A convolution: 2 C K h w forward, twice that backward; it keeps its input, not its weight."""
    training = tool.Training(configs[0], size=64, images=1)
    training.model.train_step = lambda batch, optimiser: step()
    head = training.model.decode_head.conv_seg
    x = torch.rand(1, 40, 8, 8, requires_grad=True)

    def step() -> None:
        head(x).sum().backward()

    training.count()
    assert training.cost.operations == 3 * 2 * 40 * 4 * 64
    assert training.cost.kept == x.nbytes


def test_configs_in_the_wrong_order(tool, configs):
    with pytest.raises(ValueError, match='baseline.py has 0; give a baseline and, second'):
        tool.compare(*configs[::-1], size=64, images=1, repeats=0)

"""ResNet38: geometry, what is frozen, where channels are dropped. Its numbers: test_seam.py."""

import pytest
import torch
from torch import nn

from mmlevelset.models import ResNet38


def tiny(**options) -> ResNet38:
    return ResNet38(base_channels=4, **options)


@pytest.mark.parametrize(('side', 'grid'), [((33, 47), (5, 6)), ((64, 64), (8, 8))])
def test_features_have_stride_8_rounded_up(side, grid):
    features = tiny()(torch.randn(2, 3, *side))
    assert [f.shape for f in features] == [(2, c, *grid) for c in (32, 64, 256)]
    assert all(f.min() == 0 and f.max() > 0 for f in features)


def test_strides_and_dilations():
    """All 3x3 convolutions that are not plain; the strided ones start b2, b3 and b4."""
    found = {}
    for name, module in tiny().named_modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3):
            stride, dilation = module.stride[0], module.dilation[0]
            if (stride, dilation) != (1, 1):
                found[name] = stride, dilation
            assert module.padding[0] == dilation and module.bias is None
    expected = {f'b{stage}.conv_branch2a': (2, 1) for stage in (2, 3, 4)}
    expected['b5.conv_branch2b1'] = 1, 2
    for block in ('b5_1', 'b5_2'):
        expected[f'{block}.conv_branch2a'] = expected[f'{block}.conv_branch2b1'] = 1, 2
    expected['b6.conv_branch2b1'] = expected['b7.conv_branch2b1'] = 1, 4
    assert found == expected


@pytest.mark.parametrize(('stages', 'prefixes'), [(0, ()), (1, ('conv1a',)), (2, ('conv1a', 'b2'))])
def test_frozen(stages, prefixes):
    """The stages asked for, and every batch norm: no gradient, running statistics."""
    net = tiny(frozen_stages=stages)
    before = {key: value.clone() for key, value in net.named_buffers()}
    sum(f.mean() for f in net(torch.randn(2, 3, 40, 40))).backward()
    for key, parameter in net.named_parameters():
        frozen = key.startswith(prefixes) or 'bn' in key
        assert (parameter.grad is None) == frozen, key
    assert all(torch.equal(value, before[key]) for key, value in net.named_buffers())
    assert net.train() is net and net.b7.dropout.training and not net.bn7.training
    assert net.eval() is net and not net.b7.dropout.training


def test_frozen_stages_out_of_range():
    with pytest.raises(ValueError, match='frozen_stages=8, expected 0'):
        tiny(frozen_stages=8)


@pytest.mark.parametrize(('name', 'rate'), [('b6', 0.3), ('b7', 0.5)])
def test_whole_channels_are_dropped_before_the_second_and_third_convolution(name, rate):
    block = ResNet38(base_channels=16).get_submodule(name)
    for key, parameter in block.named_parameters():
        if 'bn' in key:
            parameter.data.fill_(key.endswith('bias'))  # all ones, so no channel is zero by itself
    dropped = []
    for layer in (block.conv_branch2a, block.conv_branch2b1, block.conv_branch2b2):
        layer.register_forward_pre_hook(
            lambda _, x: dropped.append((x[0] == 0).flatten(2).all(2).float().mean().item())
        )
    x = torch.randn(4, block.conv_branch1.in_channels, 3, 3)
    with torch.no_grad():
        block.train()(x)
        block.eval()(x)
    assert dropped[0] == 0 and dropped[1:3] == pytest.approx([rate] * 2, abs=0.05)
    assert dropped[3:] == [0] * 3


def test_official_file_initialises(tmp_path):
    """PSA's res38_cls.pth holds ResNet38's own names and a classifier."""
    state = {key: torch.full_like(value, 2) for key, value in tiny().state_dict().items()}
    torch.save({**state, 'fc8.weight': torch.zeros(20, 256, 1, 1)}, tmp_path / 'res38_cls.pth')
    net = tiny(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'res38_cls.pth')))
    net.init_weights()
    assert all((value == 2).all() for value in net.state_dict().values())

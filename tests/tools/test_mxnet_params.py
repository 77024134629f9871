"""The reader of MXNet's .params files against a writer of its three versions, and the ResNet38 converter."""

import importlib.util
import struct
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from mmlevelset.models import ResNet38
from tools.model_converters.mxnet_params import read_mxnet_params

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ('legacy', 'v1', 'v2')
DTYPES = ('float32', 'float64', 'float16', 'uint8', 'int32', 'int8', 'int64')


def pack_array(array: np.ndarray, version: str, storage: int = 0) -> bytes:
    kind = DTYPES.index(array.dtype.name)
    head = b''
    if version == 'v1':
        head = struct.pack('<I', 0xF993FAC8)
    elif version == 'v2':
        head = struct.pack('<Ii', 0xF993FAC9, storage)
    size = 'I' if version == 'legacy' else 'q'
    shape = struct.pack(f'<I{array.ndim}{size}', array.ndim, *array.shape)
    return head + shape + struct.pack('<iii', 1, 0, kind) + array.tobytes()


def pack(arrays: Mapping[str, np.ndarray], version: str) -> bytes:
    parts = [struct.pack('<QQQ', 0x112, 0, len(arrays))]
    parts += [pack_array(array, version) for array in arrays.values()]
    parts += [struct.pack('<Q', len(arrays))]
    parts += [struct.pack('<Q', len(name.encode())) + name.encode() for name in arrays]
    return b''.join(parts)


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    result = {f'arg:{dtype}': (100 * rng.random((2, 3))).astype(dtype) for dtype in DTYPES}
    return {**result, 'aux:empty': np.zeros((0, 4), np.float32), 'plain': np.ones((1, 2, 1, 2))}


@pytest.fixture
def file(tmp_path):
    def write(data: bytes) -> Path:
        (tmp_path / 'x.params').write_bytes(data)
        return tmp_path / 'x.params'

    return write


@pytest.mark.parametrize('version', VERSIONS)
def test_versions(file, version):
    """Values, shapes, dtypes and order; the prefixes go."""
    found, expected = read_mxnet_params(file(pack(arrays(), version))), arrays()
    assert list(found) == [name.split(':')[-1] for name in expected]
    for ours, array in zip(found.values(), expected.values(), strict=True):
        assert ours.dtype == array.dtype
        np.testing.assert_array_equal(ours, array)


@pytest.mark.parametrize('version', VERSIONS)
def test_cut_off_anywhere(file, version):
    """Every beginning of a file is refused, by an error that names it."""
    data = pack({'arg:a': np.ones((2, 3), np.float32), 'b': np.zeros(2)}, version)
    for end in range(len(data)):
        with pytest.raises(ValueError, match=r'x\.params: .* are left .*download it again'):
            read_mxnet_params(file(data[:end]))


@pytest.mark.parametrize('version', VERSIONS)
def test_any_changed_byte(file, version):
    """A changed byte gives other numbers, another name or the ValueError, and never another error."""
    data = pack({'arg:a': np.ones((2, 3), np.float32), 'b': np.zeros(2)}, version)
    refused = 0
    for i in range(len(data)):
        for value in (0x7F, 0xFF):
            try:
                read_mxnet_params(file(data[:i] + bytes([value]) + data[i + 1 :]))
            except ValueError as error:
                refused += 'x.params' in str(error)
    assert refused > len(data) / 3


LIST = struct.pack('<QQQ', 0x112, 0, 1)
ONE = np.ones(2, np.float32)


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        (b'\x80\x02}q\x00.' * 9, r'begins with 0x\w+, expected 0x112 \(byte 0\)'),
        (struct.pack('<QQQ', 0x112, 0, 2**63), 'array 1 of 9223372036854775808 needs 4 bytes'),
        (LIST + pack_array(ONE, 'v2', storage=1), r'sparse \(storage 1\)'),
        (LIST + struct.pack('<I', 0xF993FACA), '4187224778 dimensions or an unknown version'),
        (LIST + struct.pack('<II', 0xF993FAC8, 0), '0 dimensions'),
        (LIST + struct.pack('<IIqiii', 0xF993FAC8, 1, -1, 1, 0, 0), r'shape \(-1,\)'),
        (LIST + struct.pack('<IIiii', 1, 2, 1, 0, 12), 'unknown dtype 12'),
        (
            LIST + struct.pack('<IIIIiii', 3, *[2**32 - 1] * 3, 1, 0, 0),
            r'needs \d{30} bytes, 0 are',
        ),
        (LIST + pack_array(ONE, 'v1') + struct.pack('<Q', 3), '3 names for 1 arrays'),
        (LIST + pack_array(ONE, 'v1') + struct.pack('<QQ2s', 1, 2, b'\xff\xff'), 'is no text'),
        (pack({'arg:a': ONE, 'aux:a': ONE}, 'v1'), "'a' comes twice"),
        (pack({'a': ONE}, 'v2') + b'..', '2 bytes follow the last name'),
    ],
)
def test_refused(file, data, message):
    with pytest.raises(ValueError, match=message):
        read_mxnet_params(file(data))


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='download them first'):
        read_mxnet_params(tmp_path / 'none.params')


def mxnet_name(key: str) -> str:
    """ademxapp's name of the tensor ``key`` of ResNet38."""
    module, value = key.rsplit('.', 1)
    values = dict(bias='beta', running_mean='moving_mean', running_var='moving_var')
    value = values.get(value, 'gamma' if 'bn' in module else 'weight')
    if '.' not in module:  # conv1a, bn7
        return f'{module}_{value}'
    block, layer = module.split('.')
    stage, _, number = block[1:].partition('_')
    kind, branch = layer.split('_')
    return f'{"res" if kind == "conv" else "bn"}{stage}{f"b{number}" if number else "a"}_{branch}_{value}'


def test_converter(tmp_path, monkeypatch):
    """A file of ademxapp's names loads into ResNet38, strictly; ImageNet's classifier is left out."""
    path = ROOT / 'tools/model_converters/mxnet_resnet38.py'
    monkeypatch.syspath_prepend(path.parent)
    spec = importlib.util.spec_from_file_location('mxnet_resnet38', path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    net = ResNet38(base_channels=2)
    state = {k: torch.rand(v.shape) for k, v in net.state_dict().items() if 'tracked' not in k}
    source = {f'arg:{mxnet_name(key)}': value.numpy() for key, value in state.items()}
    for name in ('conv1a_weight', 'res4b5_branch2b1_weight', 'bn6a_branch2b2_moving_var'):
        assert f'arg:{name}' in source
    source['arg:linear1000_weight'] = np.zeros((1000, 128), np.float32)
    (tmp_path / 'in.params').write_bytes(pack(source, 'legacy'))

    monkeypatch.setattr(tool, 'ResNet38', partial(ResNet38, base_channels=2))
    monkeypatch.setattr(sys, 'argv', ['tool', f'{tmp_path}/in.params', f'{tmp_path}/out.pth'])
    tool.main()
    net.load_state_dict(torch.load(tmp_path / 'out.pth', weights_only=True)['state_dict'])
    assert all(torch.equal(net.state_dict()[key], value) for key, value in state.items())

    source['arg:res8a_branch1_weight'] = source.pop('arg:res2a_branch1_weight')
    (tmp_path / 'in.params').write_bytes(pack(source, 'legacy'))
    with pytest.raises(ValueError, match='(?s)unknown: res8a_branch1.*missing: b2.conv_branch1'):
        tool.main()

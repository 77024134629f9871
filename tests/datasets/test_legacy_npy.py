"""Pickled .npy files: read what they hold, never run what they ask for."""

import io
import os
import pickle

import numpy as np
import pytest
import torch

from mmlevelset.fileio.legacy_npy import load_legacy_npy, save_legacy_npy

CONTENT = {'2007_000032': np.array([0, 1], np.float32), 7: np.arange(4).reshape(2, 2)}


def save(path, payload: bytes) -> None:
    """An object .npy file whose pickle is ``payload``."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, dict(descr='|O', fortran_order=False, shape=()))
    path.write_bytes(header.getvalue() + payload)


def check(content: dict) -> None:
    assert list(content) == list(CONTENT)
    for key, value in CONTENT.items():
        assert content[key].dtype == value.dtype
        np.testing.assert_array_equal(content[key], value)


def test_numpys_own_file(tmp_path):
    np.save(tmp_path / 'a.npy', CONTENT)
    check(load_legacy_npy(tmp_path / 'a.npy'))


@pytest.mark.parametrize('protocol', [0, 2, 3, 4, 5])
def test_any_protocol(tmp_path, protocol):
    save(tmp_path / 'a.npy', pickle.dumps(np.array(CONTENT, object), protocol))
    check(load_legacy_npy(tmp_path / 'a.npy'))


def test_numpy_1_names(tmp_path):
    payload = pickle.dumps(np.array(CONTENT, object), 2)
    payload = payload.replace(b'numpy._core.multiarray', b'numpy.core.multiarray')
    assert b'numpy.core.multiarray' in payload
    save(tmp_path / 'a.npy', payload)
    check(load_legacy_npy(tmp_path / 'a.npy'))


def test_plain_array(tmp_path):
    np.save(tmp_path / 'a.npy', np.arange(3))
    np.testing.assert_array_equal(load_legacy_npy(tmp_path / 'a.npy'), [0, 1, 2])


class Attack:
    def __init__(self, path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_code_is_not_run(tmp_path):
    np.save(tmp_path / 'a.npy', {'a': Attack(tmp_path / 'harm')}, allow_pickle=True)
    with pytest.raises(ValueError, match='a.npy: cannot be read safely: .*mkdir'):
        load_legacy_npy(tmp_path / 'a.npy')
    assert not (tmp_path / 'harm').exists()


@pytest.mark.parametrize('protocol', [2, 3, 4])
def test_tensors(tmp_path, protocol):
    """IRN's seeds hold torch tensors; strides and offsets survive."""
    base = torch.arange(24.0).view(2, 3, 4)
    content = dict(keys=torch.tensor([2, 14]), cam=base[1].t(), half=base.half())
    save(tmp_path / 'a.npy', pickle.dumps(np.array(content, object), protocol))
    loaded = load_legacy_npy(tmp_path / 'a.npy')
    assert list(loaded) == list(content)
    assert all(torch.equal(loaded[key], value) for key, value in content.items())


def test_code_inside_a_tensor_is_not_run(tmp_path):
    """The bytes of a storage are a pickle of their own, which torch reads unrestricted."""
    inner = io.BytesIO()
    torch.save(Attack(tmp_path / 'harm'), inner, _use_new_zipfile_serialization=False)

    class Storage:
        def __reduce__(self):
            return torch.storage._load_from_bytes, (inner.getvalue(),)

    np.save(tmp_path / 'a.npy', {'cam': Storage()}, allow_pickle=True)
    with pytest.raises(ValueError, match=r'a\.npy: cannot be read safely: [^!]*mkdir'):
        load_legacy_npy(tmp_path / 'a.npy')
    assert not (tmp_path / 'harm').exists()


@pytest.mark.parametrize('name', [b'load', b'hub.load', b'storage._load_from_bytes'])
def test_torch_itself_is_not_reachable(tmp_path, name):
    save(
        tmp_path / 'a.npy',
        pickle.PROTO + b'\x04' + b'\x8c\x05torch\x8c' + bytes([len(name)]) + name + b'\x93.',
    )
    with pytest.raises(ValueError, match='torch.*is no array'):
        load_legacy_npy(tmp_path / 'a.npy')


def test_written_files_suit_numpy_1_and_2(tmp_path):
    content = dict(CONTENT, cam=torch.rand(2, 3))
    save_legacy_npy(tmp_path / 'a.npy', content)
    data = (tmp_path / 'a.npy').read_bytes()
    assert b'numpy.core.multiarray' in data and b'numpy._core' not in data
    plain = np.load(tmp_path / 'a.npy', allow_pickle=True).item()
    for loaded in (plain, load_legacy_npy(tmp_path / 'a.npy')):
        assert torch.equal(loaded.pop('cam'), content['cam'])
        check(loaded)


@pytest.mark.parametrize('name', [b'eval', b'getattr', b'__import__'])
def test_builtins_are_not_reachable(tmp_path, name):
    save(tmp_path / 'a.npy', b'cbuiltins\n' + name + b'\n.')
    with pytest.raises(ValueError, match='cannot be read safely'):
        load_legacy_npy(tmp_path / 'a.npy')


@pytest.mark.parametrize('payload', [b'', b'no numpy file', b'\x93NUMPY\x01\x00'])
def test_damaged_file(tmp_path, payload):
    (tmp_path / 'a.npy').write_bytes(payload)
    with pytest.raises(ValueError, match='a.npy'):
        load_legacy_npy(tmp_path / 'a.npy')


def test_truncated_pickle(tmp_path):
    save(tmp_path / 'a.npy', pickle.dumps(np.array(CONTENT, object), 2)[:60])
    with pytest.raises(ValueError, match='a.npy'):
        load_legacy_npy(tmp_path / 'a.npy')

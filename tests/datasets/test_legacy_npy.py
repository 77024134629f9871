"""Pickled .npy files: read what they hold, never run what they ask for."""

import io
import os
import pickle

import numpy as np
import pytest

from mmlevelset.datasets.legacy_npy import load_legacy_npy

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


@pytest.mark.parametrize('protocol', [0, 2, 3, 4])
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

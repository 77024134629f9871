"""Pickled .npy files: read what they hold, never run what they ask for."""

import io
import os
import pickle
import struct
import tracemalloc
from collections import OrderedDict

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


RECONSTRUCT, FROM_BUFFER = np.zeros(1).__reduce__()[0], np.zeros(1).__reduce_ex__(5)[0]
SCALAR = np.float32(1).__reduce__()[0]


class Crafted:
    """Pickled as a call and a state of our choice."""

    def __init__(self, *reduced) -> None:
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced


def dtype(name, flags=0, size=-1):
    """A type whose state is set, as a pickle of numpy sets it."""
    return Crafted(np.dtype, (name, False, True), (3, '|', None, None, None, size, size, flags))


def array(shape, kind, content):
    return Crafted(RECONSTRUCT, (np.ndarray, (0,), b'b'), (1, shape, kind, False, content))


STORAGE = torch.zeros(4).storage()
NUMBERS = np.dtype('f4')
ATTACKS = {
    'objects from bytes': array((1,), dtype('O8'), b'A' * 8),
    'objects from bytes, of no dimension': array((), dtype('O8'), b'A' * 8),
    'objects from bytes, by a buffer': Crafted(FROM_BUFFER, (b'A' * 8, dtype('O8'), (1,), 'C')),
    'an object from bytes': Crafted(SCALAR, (dtype('O8'), b'A' * 8)),
    'numbers that are called objects': dtype('f4', flags=63),
    'numbers of another size': array((1,), dtype('f4', size=800), b'A' * 800),
    'records with objects': Crafted(np.dtype, ([('a', 'O')],)),
    'too few objects': array((10**6,), np.dtype(object), [None]),
    'text that is called objects': Crafted(
        np.dtype, ('U2', False, True), (0, '<', None, None, None, 8, 4, 8)
    ),
    'letters beyond Unicode': array((1,), np.dtype('<U1'), b'\xff' * 4),
    'objects inside': array((1,), np.dtype(object), [1]),
    'too few numbers': array((10**12,), NUMBERS, b'A' * 8),
    'negative sides': array((-2, -1), NUMBERS, b'A' * 8),
    'an array of any size': Crafted(np.ndarray, ((10**12,), NUMBERS)),
    'a view of an array that goes': Crafted(FROM_BUFFER, (np.zeros(2), NUMBERS, (4,), 'C')),
    'a tensor beyond its storage': Crafted(
        torch._utils._rebuild_tensor_v2, (STORAGE, 0, (10**12,), (0,), False, {})
    ),
    'a tensor before its storage': Crafted(
        torch._utils._rebuild_tensor_v2, (STORAGE, -9, (1,), (1,), False, {})
    ),
    'a state for a dict': Crafted(OrderedDict, (), {'a': 1}),
}


@pytest.mark.parametrize('what', ATTACKS)
@pytest.mark.parametrize('protocol', [2, 5])
def test_crafted_pickles_are_refused(tmp_path, what, protocol):
    """Memory is made only where the file fills it, and bytes never become pointers to objects."""
    save(tmp_path / 'a.npy', pickle.dumps({'a': ATTACKS[what]}, protocol))
    with pytest.raises(ValueError, match='a.npy: cannot be read safely'):
        load_legacy_npy(tmp_path / 'a.npy')


def test_functions_of_other_libraries_stay_as_they_are(tmp_path):
    """A pickle can set attributes of what it may name."""
    for module, name in load_legacy_npy.__globals__['_ArrayUnpickler'].ALLOWED:
        payload = b'\x80\x02c' + f'{module}\n{name}\n'.encode() + b'}U\x04evilK\x01sb.'
        save(tmp_path / 'a.npy', payload)
        with pytest.raises(ValueError, match='a state for a'):
            load_legacy_npy(tmp_path / 'a.npy')


@pytest.mark.parametrize(
    'opcode', [pickle.BYTEARRAY8, pickle.BINBYTES8, pickle.BINUNICODE8, pickle.FRAME]
)
def test_lengths_beyond_the_file(tmp_path, opcode):
    save(tmp_path / 'a.npy', b'\x80\x05' + opcode + struct.pack('<Q', 10**12) + b'abc.')
    tracemalloc.start()
    with pytest.raises(ValueError, match='a.npy: cannot be read safely'):
        load_legacy_npy(tmp_path / 'a.npy')
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


def test_byte_order_and_text(tmp_path):
    content = {'a': np.arange(3, dtype='>i4'), 'b': np.array(['x', 'yz']), 'c': np.float16(0.5)}
    for protocol in (2, 5):
        save(tmp_path / 'a.npy', pickle.dumps(np.array(content, object), protocol))
        loaded = load_legacy_npy(tmp_path / 'a.npy')
        for key, value in content.items():
            np.testing.assert_array_equal(loaded[key], value)
    assert np.dtype('i4').isnative and np.dtype('f4').isnative  # numpy's own are as they were

"""Reads and writes pickled ``.npy`` files of older projects; reading executes nothing they contain."""

import io
import math
import pickle
import struct
import sys
from collections import OrderedDict
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np
import torch

from mmlevelset.fileio.atomic import atomic_path

KINDS = 'biufcSU'  # bool, numbers and text; no objects, records or dates
_Unpickler: Any = pickle._Unpickler  # whose methods type checkers do not know
_NDARRAY = object()  # stands for numpy's class, which would make arrays of any size


def _refuse(text: str) -> NoReturn:
    raise pickle.UnpicklingError(text)


def _encode(text: str, encoding: str) -> bytes:
    # Protocol 2 stores bytes as ``_codecs.encode(text, 'latin1')``; other codecs are not needed.
    if encoding not in ('latin1', 'latin-1'):
        _refuse(f'codec {encoding!r} is not allowed')
    return text.encode('latin1')


def _dtype(name: str | bytes, *_: Any) -> np.dtype:
    dtype = np.dtype(str(name, 'ascii') if isinstance(name, bytes) else str(name))
    if dtype.kind not in f'{KINDS}O' or dtype.fields:
        _refuse(f'arrays of {dtype} are not allowed')
    return np.dtype(dtype, copy=True)  # not numpy's own, whose byte order the pickle would set


def _reconstruct(kind: object, *_: Any) -> np.ndarray:
    if kind is not _NDARRAY:
        _refuse('subclasses of arrays are not allowed')
    return np.empty(0, np.uint8)  # its state comes next


def _from_bytes(data: Any, dtype: np.dtype, shape: Any = (), order: Any = 'C') -> np.ndarray:
    _check_array(shape, dtype, data)
    return np.frombuffer(data, dtype).reshape(shape, order=order)


def _scalar(dtype: np.dtype, data: bytes | str) -> Any:
    data = data.encode('latin1') if isinstance(data, str) else data  # of Python 2
    return _from_bytes(data, dtype)[()]


def _load_storage(data: bytes) -> Any:
    # torch's own function of this name unpickles without restrictions.
    return torch.load(io.BytesIO(data), map_location='cpu', weights_only=True)


def _tensor(storage: Any, offset: int, size: Any, stride: Any, *_: Any) -> torch.Tensor:
    if not isinstance(storage, torch.storage.TypedStorage) or math.prod(size) > storage._size():
        _refuse(f'a tensor {tuple(size)} is larger than what the file holds')
    return torch._utils._rebuild_tensor_v2(storage, offset, size, stride, False, OrderedDict())


def _check_array(shape: Any, dtype: Any, data: Any) -> None:
    """Refuse an array whose bytes are not all there."""
    if not isinstance(dtype, np.dtype) or dtype.kind not in KINDS:
        _refuse(f'arrays of {dtype} are not allowed')
    if not all(isinstance(side, int) and side >= 0 for side in shape):
        _refuse(f'an array of shape {shape}')
    # A view of an array that the pickle changes afterwards would look at freed memory.
    if not isinstance(data, bytes | bytearray | str):
        _refuse(f'an array of a {type(data).__name__}')
    if len(data) != math.prod(shape) * dtype.itemsize:
        _refuse(f'an array {shape} of {dtype} with {len(data):,} bytes')
    if dtype.kind == 'U':
        raw = data.encode('latin1') if isinstance(data, str) else data
        letters = np.frombuffer(raw, np.dtype('u4').newbyteorder(dtype.byteorder))
        if letters.max(initial=0) > sys.maxunicode:
            _refuse('text with letters that Unicode has not')


class _ArrayUnpickler(_Unpickler):
    """Knows numpy arrays and scalars, torch tensors, and the containers that need no import.

    Python's own unpickler, not the one in C: it lets us look at the state that an object is to get,
    and reserves no memory for what the file does not hold. numpy takes any state: flags that call raw
    bytes objects would end the process.
    """

    ALLOWED = {
        ('numpy', 'ndarray'): _NDARRAY,
        ('numpy', 'dtype'): _dtype,
        ('_codecs', 'encode'): _encode,
        ('collections', 'OrderedDict'): OrderedDict,
        ('torch._utils', '_rebuild_tensor_v2'): _tensor,
        ('torch.storage', '_load_from_bytes'): _load_storage,
    }
    for core in ('numpy.core', 'numpy._core'):  # numpy 1 and numpy 2
        ALLOWED[f'{core}.multiarray', '_reconstruct'] = _reconstruct
        ALLOWED[f'{core}.multiarray', 'scalar'] = _scalar
        ALLOWED[f'{core}.numeric', '_frombuffer'] = _from_bytes

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding='latin1')
        self.size = len(data)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ALLOWED:
            _refuse(f'{module}.{name} is no array, tensor or plain container')
        return self.ALLOWED[module, name]

    def load_build(self) -> None:
        target, state = self.stack[-2:]
        if isinstance(target, np.dtype):
            # Of its own state only the byte order may differ; in states of old versions the flags mean
            # something else.
            own = target.__reduce__()[2]
            if state[:1] + state[2:] != own[:1] + own[2:] or state[1] not in ('<', '>', '|', '='):
                _refuse(f'a type {target} with the state {state}')
        elif isinstance(target, np.ndarray):
            _, shape, dtype, _, data = state
            if isinstance(dtype, np.dtype) and dtype.kind == 'O':
                # What np.save(path, dict) writes; no other array of objects is needed.
                if shape != () or not isinstance(data, list) or len(data) != 1:
                    _refuse('arrays of objects are not allowed')
            else:
                _check_array(shape, dtype, data)
        else:
            _refuse(f'a state for a {type(target).__name__}')
        super().load_build()

    def load_bytearray8(self) -> None:
        (size,) = struct.unpack('<Q', self.read(8))
        if size > self.size:
            _refuse(f'an array of {size:,} bytes in a file of {self.size:,}')
        self.append(bytearray(self.read(size)))

    dispatch = {
        **_Unpickler.dispatch,
        pickle.BUILD[0]: load_build,
        pickle.BYTEARRAY8[0]: load_bytearray8,
    }


def load_legacy_npy(path: str | Path) -> Any:
    """Load an object ``.npy`` file (``np.save`` of a dict) through a restricted unpickler.

    Args:
        path (str | Path): File written by ``np.save``, Python 2 or 3, numpy 1 or 2.

    Returns:
        Any: The array, or the object inside where the array has no dimension (a dict, usually).

    Raises:
        ValueError: The file is no ``.npy`` file, claims more than it holds, or contains anything but
            arrays, tensors and containers; names the file and what it asks for.
    """
    data = Path(path).read_bytes()
    file = io.BytesIO(data)
    try:
        if _check_header(file, len(data)).hasobject:
            array = _ArrayUnpickler(file.read()).load()
        else:
            file.seek(0)
            array = np.load(file, allow_pickle=False)
        return array.item() if isinstance(array, np.ndarray) and array.ndim == 0 else array
    except Exception as error:  # a damaged pickle raises whatever its bytes lead to
        raise ValueError(
            f'{path}: cannot be read safely: {str(error) or type(error).__name__}. Expected an .npy file with arrays, '
            f'tensors and plain containers; convert it to JSON or .npz where you trust it.'
        ) from error


def _check_header(file: IO[bytes], size: int) -> np.dtype:
    """Read the header of an ``.npy`` file and compare the array that it claims with the file.

    Args:
        file: Open at its first byte.
        size: Its size, in bytes.

    Returns:
        np.dtype: Type of the array; its bytes come next, or a pickle where it has objects.

    Raises:
        ValueError: It is no such file, or has not the bytes of the array.
    """
    version = np.lib.format.read_magic(file)
    read_header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = read_header(file)
    need, left = math.prod(shape) * dtype.itemsize, size - file.tell()
    if not dtype.hasobject and (min(shape, default=0) < 0 or need != left):
        raise ValueError(f'an array {shape} of {dtype} has {need:,} bytes, the file {left:,}')
    return dtype


def save_legacy_npy(path: str | Path, content: dict) -> None:
    """Write what ``np.save(path, content)`` of numpy 1 writes, which numpy 1 and 2 read.

    Args:
        path (str | Path): The file.
        content (dict): Arrays, tensors and plain containers.
    """
    # Protocol 3 names globals in plain text; numpy 2 keeps the old module for such files.
    payload = pickle.dumps(np.array(content, dtype=object), protocol=3)
    payload = payload.replace(b'cnumpy._core.multiarray\n', b'cnumpy.core.multiarray\n')
    header = dict(descr='|O', fortran_order=False, shape=())
    with atomic_path(path) as temporary, open(temporary, 'wb') as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(payload)

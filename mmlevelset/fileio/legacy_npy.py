"""Reads and writes pickled ``.npy`` files of older projects; reading executes nothing they contain."""

import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmlevelset.fileio.atomic import atomic_path

# What damaged or hostile pickles raise, besides the refusals below.
_ERRORS = (
    pickle.UnpicklingError,
    ValueError,
    EOFError,
    AttributeError,
    ImportError,
    LookupError,
    RuntimeError,
    TypeError,
)


def _encode(text: str, encoding: str) -> bytes:
    # Protocol 2 stores bytes as ``_codecs.encode(text, 'latin1')``; other codecs are not needed.
    if encoding not in ('latin1', 'latin-1'):
        raise pickle.UnpicklingError(f'codec {encoding!r} is not allowed')
    return text.encode('latin1')


def _load_storage(data: bytes) -> Any:
    # torch's own function of this name unpickles without restrictions.
    return torch.load(io.BytesIO(data), map_location='cpu', weights_only=True)


def _allowed() -> dict[tuple[str, str], Any]:
    array = np.zeros(1, np.float32)
    reconstruct, scalar = array.__reduce__()[0], array[0].__reduce__()[0]
    table = {
        ('numpy', 'ndarray'): np.ndarray,
        ('numpy', 'dtype'): np.dtype,
        ('_codecs', 'encode'): _encode,
        ('collections', 'OrderedDict'): OrderedDict,
        ('torch._utils', '_rebuild_tensor_v2'): torch._utils._rebuild_tensor_v2,
        ('torch.storage', '_load_from_bytes'): _load_storage,
    }
    for core in ('numpy.core', 'numpy._core'):  # numpy 1 and numpy 2
        table[f'{core}.multiarray', '_reconstruct'] = reconstruct
        table[f'{core}.multiarray', 'scalar'] = scalar
        table[f'{core}.numeric', '_frombuffer'] = array.__reduce_ex__(5)[0]
    return table


class _ArrayUnpickler(pickle.Unpickler):
    """Knows numpy arrays and scalars, torch tensors, and the containers that need no import."""

    ALLOWED = _allowed()

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in self.ALLOWED:
            return self.ALLOWED[module, name]
        raise pickle.UnpicklingError(f'{module}.{name} is no array, tensor or plain container')


def load_legacy_npy(path: str | Path) -> Any:
    """Load an object ``.npy`` file (``np.save`` of a dict) through a restricted unpickler.

    Args:
        path (str | Path): File written by ``np.save``, Python 2 or 3, numpy 1 or 2.

    Returns:
        Any: The array, or the object inside where the array has no dimension (a dict, usually).

    Raises:
        ValueError: The file is no ``.npy`` file, or contains anything but arrays, tensors and
            containers; names the file and what it asks for.
    """
    with open(path, 'rb') as file:
        try:
            version = np.lib.format.read_magic(file)
            read_header = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            dtype = read_header(file)[2]
            if dtype.hasobject:
                array = _ArrayUnpickler(file, encoding='latin1').load()
            else:
                file.seek(0)
                array = np.load(file, allow_pickle=False)
        except _ERRORS as error:
            raise ValueError(
                f'{path}: cannot be read safely: {error}. Expected an .npy file with arrays, '
                f'tensors and plain containers; convert it to JSON or .npz where you trust it.'
            ) from error
    return array.item() if isinstance(array, np.ndarray) and array.ndim == 0 else array


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

"""Reads pickled ``.npy`` files of older projects without executing what they contain."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np


def _encode(text: str, encoding: str) -> bytes:
    # Protocol 2 stores bytes as ``_codecs.encode(text, 'latin1')``; other codecs are not needed.
    if encoding not in ('latin1', 'latin-1'):
        raise pickle.UnpicklingError(f'codec {encoding!r} is not allowed')
    return text.encode('latin1')


def _allowed() -> dict[tuple[str, str], Any]:
    array = np.zeros(1, np.float32)
    reconstruct, scalar = array.__reduce__()[0], array[0].__reduce__()[0]
    table = {
        ('numpy', 'ndarray'): np.ndarray,
        ('numpy', 'dtype'): np.dtype,
        ('_codecs', 'encode'): _encode,
    }
    for core in ('numpy.core', 'numpy._core'):  # numpy 1 and numpy 2
        table[f'{core}.multiarray', '_reconstruct'] = reconstruct
        table[f'{core}.multiarray', 'scalar'] = scalar
    return table


class _ArrayUnpickler(pickle.Unpickler):
    """Knows numpy arrays, numpy scalars and the containers that need no import, nothing else."""

    ALLOWED = _allowed()

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in self.ALLOWED:
            return self.ALLOWED[module, name]
        raise pickle.UnpicklingError(f'{module}.{name} is not a numpy array or a plain container')


def load_legacy_npy(path: str | Path) -> Any:
    """Load an object ``.npy`` file (``np.save`` of a dict) through a restricted unpickler.

    Args:
        path (str | Path): File written by ``np.save``, Python 2 or 3.

    Returns:
        Any: The array, or the object inside where the array has no dimension (a dict, usually).

    Raises:
        ValueError: The file is no ``.npy`` file or contains anything but arrays and containers.
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
        except (pickle.UnpicklingError, ValueError, EOFError, AttributeError, ImportError) as error:
            raise ValueError(
                f'{path}: cannot be read safely: {error}. Expected an .npy file with numpy arrays '
                f'and plain containers; convert it to JSON or .npz where you trust it.'
            ) from error
    return array.item() if isinstance(array, np.ndarray) and array.ndim == 0 else array

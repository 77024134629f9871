"""Reader of MXNet's ``.params`` files, which ImageNet weights of ResNet38 are published in.

MXNet is no longer on the package index. The file is a list of arrays and a list of names, little
endian; no code is stored in it and none is run::

    u64 0x112, u64 0, u64 n, n arrays, u64 m, m names (u64 length, UTF-8)
    array    = [version] shape, i32 device kind, i32 device number, i32 dtype, raw values
    version  = nothing (before 0.11, 2016) | u32 0xF993FAC8 | u32 0xF993FAC9, i32 storage, 0 is dense
    shape    = u32 dimensions, then every size as u32 (before 0.11) or i64
"""

import math
import struct
from pathlib import Path

import numpy as np

LIST_MAGIC = 0x112
V1_MAGIC, V2_MAGIC = 0xF993FAC8, 0xF993FAC9
DENSE = 0
DTYPES = dict(enumerate(('<f4', '<f8', '<f2', 'u1', '<i4', 'i1', '<i8')))
MAX_DIMENSIONS = 32  # what NumPy 1 can hold; a larger number is a version this reader does not know


def read_mxnet_params(path: str | Path) -> dict[str, np.ndarray]:
    """Read the arrays of a ``.params`` file.

    Args:
        path: A local file.

    Returns:
        dict: arrays by name, with the prefixes ``arg:`` and ``aux:`` of MXNet's checkpoints
            removed; read-only.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no such file, is cut off, or holds what weights do not need (sparse
            arrays, unknown types); the message says where.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'no MXNet weights at {str(path)!r}; download them first')
    reader = _Reader(path)
    magic, _, count = reader.take('<QQQ', 'the header')
    if magic != LIST_MAGIC:
        raise reader.error(f'it begins with {magic:#x}, expected {LIST_MAGIC:#x}', at=0)
    arrays = [reader.array(f'array {i + 1} of {count}') for i in range(count)]
    (names,) = reader.take('<Q', 'the number of names')
    if names != count:
        raise reader.error(f'it has {names} names for {count} arrays')
    result = {}
    for i, array in enumerate(arrays):
        name = reader.text(f'name {i + 1} of {count}')
        name = name.removeprefix('arg:').removeprefix('aux:')
        if name in result:
            raise reader.error(f'the name {name!r} comes twice')
        result[name] = array
    if reader.offset != len(reader.data):
        raise reader.error(f'{len(reader.data) - reader.offset} bytes follow the last name')
    return result


class _Reader:
    """The bytes of a file and how far they are read; nothing is taken beyond their end."""

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self.data = Path(path).read_bytes()
        self.offset = 0

    def error(self, problem: str, at: int | None = None) -> ValueError:
        """The exception to raise for ``problem`` at byte ``at``, by default where the reader is."""
        at = self.offset if at is None else at
        return ValueError(
            f'{self.path}: {problem} (byte {at}). Expected the .params file of an MXNet checkpoint; '
            'if this should be one, download it again.'
        )

    def raw(self, size: int, what: str) -> memoryview:
        """The next ``size`` bytes."""
        left = len(self.data) - self.offset
        if size > left:
            raise self.error(f'{what} needs {size} bytes, {left} are left')
        start, self.offset = self.offset, self.offset + size
        return memoryview(self.data)[start : self.offset]

    def take(self, layout: str, what: str) -> tuple[int, ...]:
        """The next numbers, in the notation of :mod:`struct`."""
        return struct.unpack(layout, self.raw(struct.calcsize(layout), what))

    def text(self, what: str) -> str:
        """A length and as many bytes of UTF-8."""
        (length,) = self.take('<Q', what)
        try:
            return str(self.raw(length, what), 'utf-8')
        except UnicodeDecodeError as error:
            raise self.error(f'{what} is no text ({error})') from error

    def array(self, what: str) -> np.ndarray:
        """One array of any version."""
        (first,) = self.take('<I', what)
        size, dimensions = 'q', first
        if first in (V1_MAGIC, V2_MAGIC):
            if first == V2_MAGIC:
                (storage,) = self.take('<i', what)
                if storage != DENSE:
                    raise self.error(f'{what} is sparse (storage {storage}); weights are dense')
            (dimensions,) = self.take('<I', what)
        else:
            size = 'I'
        if not 0 < dimensions <= MAX_DIMENSIONS:
            raise self.error(f'{what} has {dimensions} dimensions or an unknown version {first:#x}')
        shape = self.take(f'<{dimensions}{size}', f'the shape of {what}')
        if min(shape) < 0:
            raise self.error(f'{what} has the shape {shape}')
        *_, kind = self.take('<iii', what)
        if kind not in DTYPES:
            raise self.error(f'{what} has the unknown dtype {kind}; known: {sorted(DTYPES)}')
        dtype = np.dtype(DTYPES[kind])
        values = self.raw(math.prod(shape) * dtype.itemsize, f'{what} of shape {shape}')
        return np.frombuffer(values, dtype).reshape(shape)

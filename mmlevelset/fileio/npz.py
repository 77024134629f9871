"""The one reader and writer of ``.npz`` files: what an array claims is checked before it is unpacked.

``np.load`` allocates what a header asks for (a file of a few bytes may ask for a terabyte), and
raises some fifteen kinds of exceptions on damaged files, most of which name no file.
"""

import math
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .atomic import atomic_path

DEFLATE = 1032  # times that deflate can shrink data at best (zlib's technical details)
SLACK = 1024  # bytes; the claim of a few hundred bytes needs no check


class NpzReader:
    """Arrays of an open ``.npz`` file, see :func:`open_npz`."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, cure: str) -> None:
        self.path, self.cure, self._archive = path, cure, archive
        self.names = [name.removesuffix('.npy') for name in archive.namelist()]

    def array(
        self, name: str, shape: Sequence[int | None] | None = None, kinds: str = 'biuf'
    ) -> np.ndarray:
        """Read one array.

        Args:
            name: As it was written.
            shape: What it must be, None for a side of any length; default: any shape.
            kinds: ``dtype.kind`` it may have; objects are never read.

        Returns:
            np.ndarray: the array, in native byte order, read-only.

        Raises:
            ValueError: There is none, it is damaged, or it claims another shape or kind. Found
                before anything is unpacked.
        """
        if name not in self.names:
            raise ValueError(
                f'{self.path} lacks the array {name!r}, it has {self.names[:9]}; {self.cure}'
            )
        with _damaged(self.path, self.cure), self._archive.open(f'{name}.npy') as member:
            version = np.lib.format.read_magic(member)
            if version not in ((1, 0), (2, 0)):
                raise ValueError(f'{name}: unknown version {version} of the array format')
            read_header = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            got, fortran, dtype = read_header(member)
            if dtype.kind not in kinds or not _fits(got, shape):
                raise ValueError(f'{name}: expected shape {shape}, got {dtype} of shape {got}')
            info, nbytes = self._archive.getinfo(f'{name}.npy'), math.prod(got) * dtype.itemsize
            if (
                info.file_size - member.tell() != nbytes
                or nbytes > DEFLATE * info.compress_size + SLACK
            ):
                raise ValueError(
                    f'{name}: shape {got} of {dtype} claims {nbytes} bytes, which '
                    f'{info.compress_size} packed ones cannot hold'
                )
            array = np.frombuffer(member.read(), dtype)  # zipfile compares the checksum at the end
            array = array.reshape(got, order='F' if fortran else 'C')
            return array.astype(dtype.newbyteorder('='), copy=False)


@contextmanager
def open_npz(path: str | Path, cure: str) -> Iterator[NpzReader]:
    """Open a ``.npz`` file; nothing in it is executed.

    Args:
        path: The file.
        cure: What to do with a damaged one, for the error.

    Raises:
        FileNotFoundError: There is none.
        ValueError: It is no ``.npz`` file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'no file {path}; check the folder and the list of images')
    with open(path, 'rb') as file:
        with _damaged(path, cure):
            archive = zipfile.ZipFile(file)
        with archive:
            yield NpzReader(path, archive, cure)


def write_npz(path: str | Path, **arrays: np.ndarray) -> None:
    """Write arrays to a compressed ``.npz`` file, atomically."""
    # Without allow_pickle=False, which an older NumPy would take for one more array.
    entries: dict[str, Any] = dict(arrays)
    with atomic_path(path) as temporary, open(temporary, 'wb') as file:
        np.savez_compressed(file, **entries)


def _fits(got: tuple[int, ...], wanted: Sequence[int | None] | None) -> bool:
    if any(not isinstance(side, int) or side < 0 for side in got):
        return False
    if wanted is None:
        return True
    return len(got) == len(wanted) and all(
        want in (None, side) for side, want in zip(got, wanted, strict=True)
    )


@contextmanager
def _damaged(path: Path, cure: str) -> Iterator[None]:
    """Turn whatever zipfile, zlib, tokenize and NumPy raise on damaged files into one error."""
    try:
        yield
    except Exception as error:
        raise ValueError(
            f'{path} is damaged, or not the .npz file it should be '
            f'({str(error) or type(error).__name__}); {cure}'
        ) from error

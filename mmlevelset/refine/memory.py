"""Memory of the process: give it back, and measure it. Linux only; elsewhere nothing happens."""

import ctypes
import mmap
import sys
from collections.abc import Iterable
from pathlib import Path

from torch import Tensor

LIBC = ctypes.CDLL(None) if sys.platform == 'linux' else None


def give_back() -> None:
    """Return the free pages of the heap to the system; glibc keeps blocks of up to 32 MB."""
    if hasattr(LIBC, 'malloc_trim'):
        LIBC.malloc_trim(0)


def unload(weights: Iterable[Tensor]) -> None:
    """Take weights that are mapped from a file out of memory, and the free pages of the heap; who
    reads the weights next loads them again.

    Args:
        weights (Iterable[Tensor]): of any shape, of ``torch.load(..., mmap=True)`` and never written
            to: changes would be lost.
    """
    give_back()
    if LIBC is None:
        return
    for weight in weights:
        start, end = weight.data_ptr(), weight.data_ptr() + weight.nbytes
        start = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE  # madvise wants the start of a page
        if start < end:
            LIBC.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.MADV_DONTNEED)


def peak_memory() -> int | None:
    """High-water mark of the resident memory of this process, in bytes; ``None`` if not on Linux.

    Not ``ru_maxrss``: that of a child starts at what its parent had.
    """
    if LIBC is None:
        return None
    status = Path('/proc/self/status').read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in status if line.startswith('VmHWM'))

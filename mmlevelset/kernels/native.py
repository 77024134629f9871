"""Compiled libraries beside this file, where they were built, and memory for their large results."""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def load(name: str, functions: Sequence[str]) -> ctypes.CDLL | None:
    """Load a compiled library.

    Args:
        name (str): its file without what Python adds to the name of a module, e.g. ``'_edt'``.
        functions (Sequence[str]): what it must contain.

    Returns:
        ctypes.CDLL | None: the library, or None where ``pip install`` could not build it.
    """
    spec = importlib.util.find_spec(f'mmlevelset.kernels.{name}')
    if spec is None or spec.origin is None:
        return None
    try:
        library = ctypes.CDLL(spec.origin)
    except OSError:  # not loadable on this machine
        return None
    # A library left from an old version lacks functions, whose names end in a number for that.
    return library if all(hasattr(library, function) for function in functions) else None


def empty(*shape: int) -> Tensor:
    """Float32 tensor of that shape on the CPU, with any content."""
    # NumPy's large arrays lie in huge pages, five times faster to touch first than torch.empty.
    return torch.from_numpy(np.empty(shape, np.float32))

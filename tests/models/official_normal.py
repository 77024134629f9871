"""Weights that the outputs of the official networks of stages 2 and 3 were recorded with."""

import math
import zlib

import numpy as np
import torch
from torch import Tensor


def filled_normal(key: str, shape: tuple[int, ...]) -> Tensor:
    """The recorded network's tensor ``key`` (its official name): mostly Gaussian numbers."""
    if key.endswith('num_batches_tracked'):
        return torch.zeros(shape, dtype=torch.int64)
    random = np.random.RandomState(zlib.crc32(key.encode()) & 0x7FFFFFFF)
    if len(shape) == 4:
        values = random.randn(*shape) * math.sqrt(2 / math.prod(shape[1:]))
        values = values / 2 if 'branch2b' in key else values
    elif key.endswith('running_var'):
        values = 1 + 0.2 * random.rand(*shape)
    elif key.endswith('weight'):
        values = 1 + 0.1 * random.randn(*shape)
    else:  # biases and running means
        values = 0.1 * random.randn(*shape)
    return torch.from_numpy(np.asarray(values, np.float32))

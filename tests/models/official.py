"""Deterministic weights and inputs that the outputs of official networks were recorded with.

Every number follows from the name and the shape of its tensor (NEP 19 freezes the stream of
``RandomState``), so no weights need to be stored. Names are those of the official ``state_dict``.
"""

import math
import zlib

import numpy as np
import torch
from torch import Tensor


def uniform(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers in [-1, 1) that depend on the name and shape only."""
    return 2 * np.random.RandomState(zlib.crc32(name.encode())).random_sample(shape) - 1


def filled(key: str, shape: tuple[int, ...], gain: float = 1.0) -> Tensor:
    """The recorded network's tensor ``key``; ``gain`` is one number per host."""
    if key.endswith('num_batches_tracked'):
        return torch.zeros(shape, dtype=torch.int64)
    u = uniform(key, shape)
    if key.endswith('running_mean'):
        u = 0.1 * u
    elif key.endswith('running_var'):
        u = 1 + 0.5 * u
    elif 'pos_embed' in key or 'cls_token' in key:
        u = 0.5 * math.sqrt(3) * u
    elif len(shape) == 1:
        u = 1 + 0.1 * u if key.endswith('.weight') else 0.1 * u
    else:
        u = math.sqrt(3 * gain / math.prod(shape[1:])) * u
    return torch.from_numpy(np.asarray(u, np.float32))


def image(name: str, n: int, h: int, w: int) -> Tensor:
    """Blocks of 28 pixels plus noise, normalised, (n, 3, h, w)."""
    coarse = uniform(f'{name}/coarse', (n, 3, -(-h // 28), -(-w // 28)))
    coarse = coarse.repeat(28, axis=2).repeat(28, axis=3)[:, :, :h, :w]
    return torch.from_numpy(
        (1.5 * coarse + 0.5 * uniform(f'{name}/fine', (n, 3, h, w))).astype('f4')
    )


def multi_hot(name: str, n: int, classes: int, share: float = 0.15) -> Tensor:
    """Image labels (n, classes), 0/1, at least one positive a row."""
    y = ((uniform(name, (n, classes)) + 1) / 2 < share).astype(np.float32)
    y[np.arange(n), np.arange(n) % classes] = 1
    return torch.from_numpy(y)


def label_map(name: str, n: int, h: int, w: int, classes: int = 21) -> Tensor:
    """Labels in blocks of 12 pixels, 255 among them, (n, h, w) int64."""
    blocks = uniform(name, (n, -(-h // 12), -(-w // 12)))
    u = np.kron((blocks + 1) / 2, np.ones((1, 12, 12)))[:, :h, :w]
    labels = (u * (classes + 1)).astype(np.int64)
    labels[labels == classes] = 255
    return torch.from_numpy(labels)

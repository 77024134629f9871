"""Comparison with numbers that another program's float32 arithmetic left.

Such a number is off by its own rounding, and so is ours: on another processor, or with another number
of threads, the same program gives other last digits. Computed in float64, our networks showed how far
off the recorded numbers are themselves: maps by 1e-5 of their largest value, losses by 1e-6, norms of
gradients by 1.4e-4 of themselves, because a rounding may switch a ReLU on or off. The tolerances leave
each side about four times that.
"""

from collections.abc import Mapping

import numpy as np
from torch import Tensor

EPS = float(np.finfo(np.float32).eps)
# Roundings of the largest value that may add up
SUMS = 100  # in a loss or another mean over everything
MAPS = 1000  # in a value of a map behind a deep network
GRADIENTS = 10_000  # in the norm of a gradient
ROOTS = 2 * EPS**-0.5  # in a map of roots: near 0, a root is off by the root of the rounding


def assert_recorded(
    ours: Tensor | np.ndarray | float,
    recorded: np.ndarray | float,
    steps: float = MAPS,
    scale: float | None = None,
    name: str = '',
) -> None:
    """Compare a tensor with a recorded one, within ``steps`` roundings of its scale.

    Args:
        ours: A tensor in float32.
        recorded: What the other program computed, of the same shape.
        steps: Roundings that add up.
        scale: The value whose rounding counts; default: the largest recorded one.
        name: Of the tensor, for the message.
    """
    ours = np.asarray(ours.detach() if isinstance(ours, Tensor) else ours, np.float64)
    recorded = np.asarray(recorded, np.float64)
    assert ours.shape == recorded.shape, name
    scale = np.abs(recorded).max() if scale is None else scale
    np.testing.assert_allclose(ours, recorded, rtol=0, atol=steps * EPS * scale, err_msg=name)


def assert_gradients(ours: Mapping[str, float], recorded: Mapping[str, float]) -> None:
    """Compare norms of gradients, each on its own scale; NaN where a parameter has no gradient."""
    assert ours.keys() == recorded.keys()
    largest = np.nanmax(list(recorded.values()))
    for key, norm in recorded.items():
        assert_recorded(ours[key], norm, GRADIENTS, max(norm, EPS * largest), key)

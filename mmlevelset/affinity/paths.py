"""Pairs of pixels within a radius, and the pixels on the way from one to the other (PSA and IRN).

Pairs are never listed. A pair is a source pixel plus an offset, so all pairs of one offset are two
shifted views of the same map.
"""

from functools import cache

import numpy as np
from torch import Tensor


def half_disc(radius: int) -> np.ndarray:
    """Offsets from a pixel to its partners: half of the disc, since the affinity is symmetric.

    Args:
        radius: Partners lie nearer than this, in pixels of the map. 5 gives 34 offsets, 10 gives 152.

    Returns:
        np.ndarray: (dy, dx), (P, 2) int64, row by row; dy >= 0, and dx > 0 where dy is 0.

    Raises:
        ValueError: If the radius leaves no partner.
    """
    if radius < 2:
        raise ValueError(f'radius={radius} leaves no pairs, expected >= 2; PSA and IRN use 5')
    offsets = [(0, dx) for dx in range(1, radius)]
    offsets += [
        (dy, dx)
        for dy in range(1, radius)
        for dx in range(1 - radius, radius)
        if dy * dy + dx * dx < radius * radius
    ]
    return np.array(offsets)


@cache
def search_paths(radius: int) -> tuple[np.ndarray, ...]:
    """Straight paths from the partners to the source, one per offset of :func:`half_disc`.

    A path holds the pixels of the bounding box whose distance to the line is below 1 (IRN,
    ``misc/indexing.py``).

    Args:
        radius: See :func:`half_disc`.

    Returns:
        tuple[np.ndarray]: (dy, dx) of the pixels, (L, 2) int64, from the partner to the source
        (0, 0); shorter paths first.
    """
    return tuple(sorted((_path(dy, dx) for dy, dx in half_disc(radius)), key=len))


def shifted(maps: Tensor, offset: tuple[int, int], radius: int) -> Tensor:
    """Values at all source pixels moved by an offset; a view.

    Sources are the pixels whose whole half disc lies in the map: all but the last radius - 1 rows
    and the first and last radius - 1 columns. ``shifted(maps, (0, 0), radius)`` are they.

    Args:
        maps (Tensor): (..., h, w).
        offset: (dy, dx), in pixels, of the half disc.
        radius: See :func:`half_disc`.

    Returns:
        Tensor: (..., h - r + 1, w - 2 (r - 1)).

    Raises:
        ValueError: If the map is too small to hold a source.
    """
    margin = radius - 1
    height, width = maps.shape[-2] - margin, maps.shape[-1] - 2 * margin
    if height < 1 or width < 1:
        raise ValueError(
            f'a map of {tuple(maps.shape[-2:])} holds no half disc of radius {radius}; '
            'use larger crops or a smaller radius'
        )
    dy, dx = (int(step) for step in offset)
    return maps[..., dy : dy + height, margin + dx : margin + dx + width]


def _path(dy: int, dx: int) -> np.ndarray:
    ys, xs = (range(min(0, end), max(0, end) + 1) for end in (dy, dx))
    near = [
        (y, x) for y in ys for x in xs if (dy * x - dx * y) ** 2 < dy * dy + dx * dx
    ]  # cross product / length = distance to the line
    near.sort(key=lambda point: -abs(point[0]) - abs(point[1]))
    return np.array(near)

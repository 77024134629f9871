"""What a number or a shape may be, said in one way by everything that takes one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

# Feature maps are rounded up or down to whole pixels, those of patches to whole patches of 16 px.
PATCH = 16


def check_number(
    name: str, value: Any, low: float, high: float = math.inf, ends: str = '[)', cure: str = ''
) -> None:
    """Refuse what is no finite number within limits.

    Args:
        name (str): Of the option.
        value: What was given.
        low (float): Lower limit.
        high (float): Upper limit.
        ends (str): Brackets of the interval: square where a limit itself is allowed.
        cure (str): What to give instead.

    Raises:
        ValueError: ``value`` is another thing.
    """
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
        number = float(value)
        above = number >= low if ends[0] == '[' else number > low
        below = number <= high if ends[1] == ']' else number < high
        if above and below:
            return
    limits = f'in {ends[0]}{low:g}, {high:g}{ends[1]}'
    if high == math.inf:
        limits = f'{">=" if ends[0] == "[" else ">"} {low:g}'
    raise ValueError(f'{name} is {value!r}, expected a number {limits}{cure and "; "}{cure}')


def check_count(name: str, value: Any, low: int = 1, high: float = math.inf) -> None:
    """Refuse what is no whole number within limits, which are allowed themselves.

    Args:
        name (str): Of the option.
        value: What was given.
        low (int): Lower limit.
        high (float): Upper limit.

    Raises:
        ValueError: ``value`` is another thing.
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or not low <= value <= high:
        limits = f'of at least {low}' if high == math.inf else f'from {low} to {high}'
        raise ValueError(f'{name} must be a whole number {limits}, got {value!r}')


def check_same_view(what: str, size: Sequence[int], image: Sequence[int]) -> None:
    """Refuse a map that cannot be a resized view of all of the image.

    A map (h, w) of stride s has about (H / s, W / s) pixels. Networks round, so that a pixel of the
    map or :data:`PATCH` pixels of the image may be missing or too many at a side.

    Args:
        what (str): Name of the map.
        size (Sequence[int]): (h, w) of the map.
        image (Sequence[int]): (H, W) of the image.

    Raises:
        ValueError: No stride fits both sides: the image is turned or cropped, or another one.
    """
    strides = []
    for side, full in zip(size, image, strict=True):
        slack = max(full / side, PATCH)
        strides.append(((full - slack) / side, (full + slack) / side))
    if max(low for low, _ in strides) > min(high for _, high in strides):
        raise ValueError(
            f'{what} of {size[0]} x {size[1]} pixels and an image of {image[0]} x {image[1]} (height x '
            'width) have different aspects, expected both to show the same view: give the image '
            'that the network saw, turned, cropped, padded and resized alike'
        )

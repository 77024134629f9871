"""How time and memory grow with the size of the maps, the classes and the batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch

from mmlevelset.levelset import FNOEvolution, region_energy, signed_distance

from .sections import MODES, Setup, random_masks
from .timing import Row, peak_memory, seconds_of, summary

AXES = {
    'size': (28, 56, 112, 224, 448, 896),
    'classes': (1, 2, 5, 10, 20, 40, 80),
    'batch': (1, 4, 16, 64, 256),
}
# What stays fixed while the others vary.
_FIXED = dict(size=28, classes=20, batch=8)
_FIXED_BATCH = {'size': 1}
# Expected exponents: all work is a constant per pixel, but a distance takes log n looks along its
# column (kernels/edt.cpp), and the 1x1 convolutions of a group mix all classes with all classes.
EXPECTED = {
    'sdf': dict(size='2 + log', classes='1', batch='1'),
    'energy': dict(size='2', classes='1', batch='1'),
    'group': dict(size='2', classes='1 to 2', batch='1'),
}
_CHANNELS = 3  # of the data of the energy
_FITTED = 3  # points of the fit, the largest ones: small maps cost what a call costs


def growth(setup: Setup, repeats: int, seconds: float, memory: int) -> list[Row]:
    """Measure every operation along every axis.

    Args:
        setup (Setup): the device.
        repeats (int): samples of a point.
        seconds (float): largest time of one call, as predicted from the point before.
        memory (int): largest memory of one call, likewise, in bytes.

    Returns:
        list[Row]: ``operation``, ``axis``, ``value``, ``median``, ``iqr``, ``peak``; a point beyond
        a limit has ``capped`` instead, and ends its axis.
    """
    rows = []
    for operation, prepare in _OPERATIONS.items():
        for axis, values in AXES.items():
            last = None
            for value in values:
                row = dict(section='growth', operation=operation, axis=axis, value=value)
                reason = last and _too_large(last, value, seconds, memory)
                if reason:
                    rows.append(dict(row, capped=reason))
                    break
                fixed = dict(_FIXED, batch=_FIXED_BATCH.get(axis, _FIXED['batch']))
                run = prepare(**dict(fixed, **{axis: value}), device=setup.device)
                run()
                samples = [seconds_of(run, 1, setup.device) for _ in range(repeats)]
                last = dict(row, **summary(samples), peak=peak_memory(run, setup.device))
                rows.append(last)
    return rows


def exponent(values: list[float], results: list[float]) -> float | None:
    """Slope of the least-squares line through the last points in log-log coordinates."""
    points = [(math.log(v), math.log(r)) for v, r in zip(values, results, strict=True) if r > 0]
    points = points[-_FITTED:]
    if len(points) < 2:
        return None
    mx, my = (sum(p[i] for p in points) / len(points) for i in (0, 1))
    return sum((x - mx) * (y - my) for x, y in points) / sum((x - mx) ** 2 for x, _ in points)


def _too_large(last: Row, value: int, seconds: float, memory: int) -> str:
    factor = (value / last['value']) ** (2 if last['axis'] == 'size' else 1)
    if last['median'] * factor > seconds:
        return f'more than {seconds:g} s a call'
    if (last['peak'] or 0) * factor > memory:
        return f'more than {memory / 2**30:g} GiB'
    return ''


def _sdf(batch: int, classes: int, size: int, device: torch.device) -> Callable:
    return partial(signed_distance, random_masks(batch, classes, size, device))


def _energy(batch: int, classes: int, size: int, device: torch.device) -> Callable:
    phi = (4 * torch.randn(batch, classes, size, size, device=device)).requires_grad_()
    data = torch.randn(batch, _CHANNELS, size, size, device=device)

    return lambda: torch.autograd.grad(region_energy(phi, data).sum(), phi)


def _group(batch: int, classes: int, size: int, device: torch.device) -> Callable:
    operator = FNOEvolution(classes, MODES).to(device)
    phi = torch.randn(batch, classes, size, size, device=device)

    return lambda: torch.autograd.grad(
        operator(phi).sum(), list(operator.parameters()), allow_unused=True
    )


_OPERATIONS = dict(sdf=_sdf, energy=_energy, group=_group)

"""Which images a report shows: a rule that reads no masks, so that nobody picks the good ones."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmlevelset.fileio.ids import list_ids
from mmlevelset.fileio.labels import read_label
from mmlevelset.fileio.seeds import read_seed, seed_to_label

from .found import Maps

QUANTILES = (0.25, 0.5, 0.75, 0.95)  # of the change: little, the median, much, nearly the most
SUFFIXES = dict(seeds='.npz', labels='.png')
MOST = 1000  # images that are compared; of more, evenly spaced ones
CROP = 0.4  # side of the enlarged part, of the shorter side of the image


class Shown(NamedTuple):
    """An image to show, and why."""

    id: str
    change: float  # share of the pixels whose label differs, or that have a class where there is one arm
    quantile: float


def choose_arms(maps: Sequence[Maps]) -> list[Maps]:
    """The two arms to compare: the first without level sets and the first with them.

    Label maps come before seeds. Where there is no such pair, the first and the last of the same list of
    images; where there is one folder, this one.
    """
    labels = [
        one
        for one in maps
        if one.meta['kind'] == 'labels' and one.meta.get('method') != 'predictions'
    ]
    seeds = [one for one in maps if one.meta.get('threshold') is not None]
    arms = labels or seeds
    plain = [one for one in arms if not one.level_set]
    evolved = [one for one in arms if one.level_set]
    if plain and evolved:
        return [plain[0], evolved[0]]
    same = [one for one in arms if one.meta.get('split') == arms[0].meta.get('split')]
    return [same[0], same[-1]] if len(same) > 1 else same


def label_of(maps: Maps, name: str) -> np.ndarray:
    """Label map (H, W) uint8 of an image; seeds are cut at their label-free threshold."""
    if maps.meta['kind'] == 'labels':
        return read_label(maps.folder / f'{name}.png')
    return seed_to_label(read_seed(maps.folder / f'{name}.npz'), maps.meta['threshold'])


def choose_images(arms: Sequence[Maps]) -> list[Shown]:
    """Images at the quantiles of the change from the first arm to the last.

    Of a single arm, the share of the pixels with a class takes the place of the change.
    """
    ids = [list_ids(arm.folder, SUFFIXES[arm.meta['kind']]) for arm in arms]
    names = sorted(set.intersection(*map(set, ids)))
    every = max(1, math.ceil(len(names) / MOST))
    changes = sorted((_share(arms, name), name) for name in names[::every])
    places = {round(q * (len(changes) - 1)): q for q in QUANTILES} if changes else {}
    return [Shown(changes[place][1], changes[place][0], q) for place, q in places.items()]


def _share(arms: Sequence[Maps], name: str) -> float:
    after = label_of(arms[-1], name)
    before = label_of(arms[0], name) if len(arms) > 1 else np.zeros_like(after)
    return float((before != after).mean())


def choose_crop(before: np.ndarray, after: np.ndarray) -> tuple[slice, slice]:
    """The square that holds most of what differs between two label maps.

    Args:
        before (np.ndarray): labels, (H, W).
        after (np.ndarray): labels, (H, W).

    Returns:
        tuple[slice, slice]: rows and columns.
    """
    side = max(1, round(CROP * min(before.shape)))
    # Sums over all squares, from the integral of the differences.
    total = np.pad((before != after).astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    sums = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    top, left = np.unravel_index(sums.argmax(), sums.shape)
    return slice(int(top), int(top) + side), slice(int(left), int(left) + side)

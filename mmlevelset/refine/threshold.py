"""Background thresholds of seeds and of refined maps without ground truth, and pseudo-labels by one alone."""

from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from mmlevelset.evaluation.thresholds import (
    HISTOGRAM_BINS,
    choose_threshold,
    parse_threshold,
    score_histogram,
)
from mmlevelset.fileio.labels import write_label
from mmlevelset.fileio.meta import foreground_classes, place, read_meta
from mmlevelset.fileio.output import finished_ids, resumed_folder
from mmlevelset.fileio.seeds import read_seed, seed_to_label
from mmlevelset.levelset.limits import check_number
from mmlevelset.parallel import progress
from mmlevelset.registry import REFINERS

SOFT_RULES = ('otsu', 'area')
# What must not change between two runs that fill the same folder.
SETTINGS = ('threshold', 'threshold_rule', 'ignore_band', ('seed_dir', 'seed_place'), 'seeds')


def seed_threshold(
    seed_dir: str | Path, rule: float | str, ids: Sequence[str] | None = None
) -> float:
    """Background threshold of a folder of seeds, chosen without ground truth.

    Args:
        seed_dir: folder of ``<id>.npz``.
        rule: ``'otsu'``, over the highest scores of all images with a class, or as
            :func:`~mmlevelset.evaluation.thresholds.parse_threshold` takes it.
        ids: images to look at; default: all of the folder.

    Returns:
        float: threshold in [0, 1).

    Raises:
        FileNotFoundError: if the folder is empty or one of ``ids`` is missing.
        ValueError: on another rule, a damaged seed, or if Otsu's rule meets constant seeds.
    """
    rule = parse_threshold(rule)
    if not isinstance(rule, str):
        return rule
    return choose_threshold(rule, _histogram(seed_dir, finished_ids(seed_dir, '.npz', ids)))


def _histogram(seed_dir: str | Path, names: Sequence[str]) -> np.ndarray:
    """Pixels by the level of their highest score, (256,) int64, of the images with a class."""
    histogram = np.zeros(HISTOGRAM_BINS, dtype=np.int64)
    num_classes = foreground_classes(read_meta(seed_dir))
    for name in progress(names, len(names), 'threshold'):
        seed = read_seed(Path(seed_dir) / f'{name}.npz', num_classes)
        if len(seed.keys):
            histogram += score_histogram(seed.scores.max(axis=0))
    return histogram


def soft_threshold(soft_dir: str | Path, rule: str) -> float:
    """Background threshold of the soft maps of a refiner, chosen without ground truth.

    Args:
        soft_dir: folder of soft maps, ``<id>.npz``, see :mod:`mmlevelset.fileio.soft`.
        rule: ``'otsu'``, over the highest scores of all images with a class; or ``'area'``: as many pixels are
            foreground as the seeds have above their background score. A walk then moves contours and does not
            change how much they enclose, which for level sets is known better than for CAMs.

    Returns:
        float: threshold in [0, 1).

    Raises:
        FileNotFoundError: if a soft map is missing or, for ``'area'``, the seeds have gone or are others.
        ValueError: on another rule, if Otsu's rule meets constant maps, or for ``'area'`` if the seeds had no
            constant background.
    """
    if rule not in SOFT_RULES:
        raise ValueError(
            f'threshold must be a number in [0, 1), or one of {SOFT_RULES}, got {rule!r}'
        )
    if rule == 'otsu':
        return seed_threshold(soft_dir, rule)
    meta = read_meta(soft_dir)
    background, seed_dir = seed_background(meta.get('refiner', {})), Path(meta['seed_dir'])
    if not seed_dir.is_dir() or read_meta(seed_dir) != meta['seeds']:
        raise FileNotFoundError(
            f"{soft_dir}: threshold='area' needs the seeds that were refined, and {seed_dir} does not hold them "
            "any more; bring them back, or take threshold='otsu' or a number"
        )
    names = finished_ids(soft_dir, '.npz')
    soft, seeds = (_histogram(folder, names) for folder in (soft_dir, seed_dir))
    levels = np.arange(HISTOGRAM_BINS) / (HISTOGRAM_BINS - 1)
    area = seeds[levels > background].sum()
    above = soft[::-1].cumsum()[::-1] - soft  # pixels beyond each level
    return float(np.abs(above[:-1] - area).argmin() + 0.5) / (HISTOGRAM_BINS - 1)


def seed_background(refiner: dict) -> float:
    """Constant background score of the seeds that a refiner is given.

    Raises:
        ValueError: It has none.
    """
    background = refiner.get('background')
    score = background.get('score') if isinstance(background, dict) else None
    if score is None:
        raise ValueError(
            f"threshold='area' needs seeds with a constant background, got the refiner {refiner}; give it "
            "background=dict(score=...) and another folder, or take threshold='otsu'"
        )
    return score


def with_threshold(refiner: dict, seed_dir: str | Path, ids: Sequence[str] | None = None) -> dict:
    """Put a number in the place of a rule, as in ``background=dict(score='otsu')`` of a refiner.

    Args:
        refiner: config of a class in ``REFINERS``; one with a number or without ``score`` is returned as
            it is.
        seed_dir: folder of the seeds that the number is chosen from, see :func:`seed_threshold`.
        ids: images to look at; default: all of the folder.
    """
    background = refiner.get('background')
    if not isinstance(background, dict) or not isinstance(background.get('score'), str):
        return refiner
    score = seed_threshold(seed_dir, background['score'], ids)
    return dict(refiner, background=dict(background, score=score))


def with_truncate(refiner: dict, seed_dir: str | Path) -> dict:
    """Give a refiner that has an argument ``truncate`` that of the level sets which the seeds were made from.

    Args:
        refiner: config of a class in ``REFINERS``.
        seed_dir: folder of the seeds. Those of CAMs, of other systems or of earlier versions state none, and then
            the refiner is returned as it is.

    Raises:
        ValueError: the config states another one.
    """
    stated, given = read_meta(seed_dir).get('truncate'), refiner.get('truncate')
    if stated is None or 'truncate' not in signature(REFINERS.get(refiner['type'])).parameters:
        return refiner
    check_number(f'truncate in {Path(seed_dir) / "meta.json"}', stated, 0, ends='()')
    if given not in (None, stated):
        raise ValueError(
            f'got refiner.truncate={given!r}, and the level sets of the seeds {seed_dir} were cut at {stated} px: '
            'expected the same; leave refiner.truncate out, and theirs is taken'
        )
    return dict(refiner, truncate=stated)


def make_pseudo_labels(
    seed_dir: str | Path,
    out_dir: str | Path,
    threshold: float | str = 'otsu',
    ignore_band: tuple[float, float] | None = None,
    ids: Sequence[str] | None = None,
    palette: Sequence[Sequence[int]] | None = None,
    **facts: Any,
) -> float:
    """Write ``<out_dir>/<id>.png`` for every seed, and ``meta.json``. Images that are already done
    are skipped.

    Args:
        seed_dir: folder of ``<id>.npz``.
        out_dir: folder of the label maps.
        threshold: ``'otsu'``, a number in [0, 1), or the ``.json`` of an evaluation of seeds.
        ignore_band: (low, high) around the threshold; pixels whose highest score lies in (low,
            high] become 255.
        ids: images to convert; default: all of the folder.
        palette: RGB colours of the labels; default VOC's.
        **facts: what else ``meta.json`` should say (config ...).

    Returns:
        float: the threshold used.

    Raises:
        FileNotFoundError: if the folder is empty or one of ``ids`` is missing.
        ValueError: on a wrong threshold or band, a damaged seed, or if ``out_dir`` holds labels of
            other settings.
    """
    seed_dir, out_dir, rule = Path(seed_dir), Path(out_dir), parse_threshold(threshold)
    ids = finished_ids(seed_dir, '.npz', ids)
    value = seed_threshold(seed_dir, rule, ids)
    if ignore_band is not None and not 0 <= ignore_band[0] <= value <= ignore_band[1] <= 1:
        raise ValueError(
            f'the ignore band must enclose the threshold {value:g} within [0, 1], got {ignore_band}'
        )
    seed_meta = read_meta(seed_dir)
    meta = dict(
        kind='labels',
        threshold=value,
        threshold_rule=rule,
        ignore_band=None if ignore_band is None else list(ignore_band),
        seed_dir=seed_dir.as_posix(),
        seed_place=place(seed_dir, out_dir),
        split=seed_meta.get('split'),
        classes=seed_meta.get('classes'),
        seeds=seed_meta,
        **facts,
    )
    with resumed_folder(out_dir, '.png', ids, meta, SETTINGS) as left:
        for name in progress(left, len(left), 'label maps'):
            seed = read_seed(seed_dir / f'{name}.npz', foreground_classes(seed_meta))
            write_label(out_dir / f'{name}.png', seed_to_label(seed, value, ignore_band), palette)
    return value

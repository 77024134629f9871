"""Background thresholds of seeds that need no ground truth."""

from pathlib import Path

import numpy as np
import torch

from mmlevelset.fileio.meta import read_meta
from mmlevelset.fileio.text import read_json
from mmlevelset.levelset import otsu
from mmlevelset.levelset.otsu import HISTOGRAM_BINS

# SEAM, MuSCLe and MCTformer sweep 0.00..0.59; sigmoid scores of level sets peak near 0.5, so we go
# on to 0.99.
THRESHOLDS = np.arange(100) / 100
FALLBACK = 0.5  # sigmoid of the zero level


def score_histogram(best: np.ndarray) -> np.ndarray:
    """Pixels by level ``round(255 * score)``.

    Args:
        best (np.ndarray): highest score of each pixel, in [0, 1], any shape.

    Returns:
        np.ndarray: pixels, (256,) int64.
    """
    levels = np.rint(255 * best.clip(0, 1)).astype(np.int64)
    return np.bincount(levels.ravel(), minlength=HISTOGRAM_BINS)


def choose_threshold(rule: float | str, histogram: np.ndarray) -> float:
    """Background threshold without ground truth.

    Args:
        rule: a number, which is returned, or ``'otsu'``.
        histogram (np.ndarray): pixels by ``round(255 * highest score)`` over the images with a
            class, (256,).

    Returns:
        float: threshold in [0, 1), for Otsu's rule one of 0.00, 0.01 ... 0.99.

    Raises:
        ValueError: if Otsu's rule meets fewer than two different scores.
    """
    if rule != 'otsu':
        return float(rule)
    return min(round(otsu_threshold(histogram), 2), float(THRESHOLDS[-1]))


def stated_rule(folder: str | Path) -> float | str:
    """The rule that seeds are cut by where nobody says one: what those of level sets state, or ``'otsu'``.

    Args:
        folder: of the seeds. Level sets state 0.5, their zero level; a config of level sets may export CAMs,
            too, for which that number means nothing.
    """
    meta = read_meta(folder)
    return (meta.get('seed_source') == 'phi' and meta.get('threshold_rule')) or 'otsu'


def otsu_threshold(histogram: np.ndarray) -> float:
    """Otsu's threshold of a score histogram, see :func:`mmlevelset.levelset.otsu.otsu_threshold`.

    Args:
        histogram (np.ndarray): pixels by level ``round(255 * score)``, (256,) integers.

    Returns:
        float: score between two levels, in (0, 1).

    Raises:
        ValueError: if fewer than two levels are filled.
    """
    return float(otsu.otsu_threshold(torch.as_tensor(np.asarray(histogram, dtype=np.int64))))


def parse_threshold(rule: float | str) -> float | str:
    """Check a threshold rule from a config or a command line.

    Args:
        rule: ``'otsu'``, a number in [0, 1), or the JSON file of an earlier evaluation of seeds, whose
            label-free threshold is taken, or of label maps, ``meta.json``, theirs.

    Returns:
        float | str: the number, or ``'otsu'``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: on anything else.
    """
    if rule == 'otsu':
        return rule
    if str(rule).endswith('.json'):
        rule = _evaluated(Path(str(rule)))
    try:
        value = round(float(rule), 6)
    except (TypeError, ValueError):
        value = -1.0
    if not 0 <= value < 1:
        raise ValueError(
            "threshold must be 'otsu', a number in [0, 1), or the .json of an evaluation of seeds, got "
            f'{rule!r}'
        )
    return value


def _evaluated(path: Path) -> float:
    """Label-free threshold that an evaluation of seeds wrote down."""
    if not path.is_file():
        raise FileNotFoundError(
            f'no {path}: expected the numbers of an evaluation of seeds; write them by '
            f'tools/eval_seeds.py SEEDS --gt MASKS --json {path}, or run the pipeline of the seeds first'
        )
    content = read_json(path)
    try:
        return float(content.get('scores', content)['threshold'])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f'{path} has no number scores.threshold; expected the numbers of an evaluation of seeds, as '
            'tools/eval_seeds.py --json writes them'
        ) from error

"""Background thresholds of seeds that need no ground truth."""

import numpy as np

# SEAM, MuSCLe and MCTformer sweep 0.00..0.59; sigmoid scores of level sets peak near 0.5, so we go
# on to 0.99.
THRESHOLDS = np.arange(100) / 100
HISTOGRAM_BINS = 256  # the levels of a stored seed
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


def otsu_threshold(histogram: np.ndarray) -> float:
    """Threshold of a score histogram that maximises the variance between its sides (Otsu 1979).

    Where an empty stretch of the histogram makes many cuts equally good, the middle one is taken:
    scores of level sets crowd at 0 and 1, and the first cut would sit at the edge of the lower
    crowd.

    Args:
        histogram (np.ndarray): pixels by level ``round(255 * score)``, (256,) integers.

    Returns:
        float: score between two levels, in (0, 1).

    Raises:
        ValueError: if fewer than two levels are filled.
    """
    histogram = np.asarray(histogram, dtype=np.int64)
    if np.count_nonzero(histogram) < 2:
        raise ValueError(
            'Otsu needs scores of at least two different values, the seeds have '
            f'{np.count_nonzero(histogram)}; check the seeds, or give a fixed threshold such as 0.5'
        )
    levels = np.arange(len(histogram))
    below, moment = histogram.cumsum()[:-1], (histogram * levels).cumsum()[:-1]
    above, total = histogram.sum() - below, (histogram * levels).sum()
    with np.errstate(divide='ignore', invalid='ignore'):
        between = (
            below * (above / histogram.sum()) * (moment / below - (total - moment) / above) ** 2
        )
    between = np.nan_to_num(between, nan=-1.0)
    first = last = int(between.argmax())
    while last + 1 < len(between) and between[last + 1] == between[first]:
        last += 1
    return float(((first + last) / 2 + 0.5) / (len(histogram) - 1))


def parse_threshold(rule: float | str) -> float | str:
    """Check a threshold rule from a config or a command line: ``'otsu'`` or a number in [0, 1).

    Raises:
        ValueError: on anything else.
    """
    if rule == 'otsu':
        return rule
    try:
        value = round(float(rule), 6)
    except (TypeError, ValueError):
        value = -1.0
    if not 0 <= value < 1:
        raise ValueError(f"threshold must be 'otsu' or a number in [0, 1), got {rule!r}")
    return value

"""Otsu's threshold of score histograms: where a map splits by itself, without any label."""

from __future__ import annotations

import torch
from torch import Tensor

HISTOGRAM_BINS = 256  # the levels of a stored seed


def otsu_threshold(histogram: Tensor) -> Tensor:
    """Thresholds that maximise the variance between both sides of a histogram (Otsu 1979).

    Where an empty stretch of the histogram makes many cuts equally good, the middle one is taken:
    scores of level sets crowd at 0 and 1, and the first cut would sit at the edge of the lower crowd.

    Args:
        histogram (Tensor): counts of the levels 0 .. B-1 of scores in [0, 1], (..., B), >= 0.

    Returns:
        Tensor: float64, (...), a score between two levels, in (0, 1).

    Raises:
        ValueError: if a histogram has fewer than two filled levels.
    """
    filled = (histogram > 0).sum(-1)
    if (filled < 2).any():
        raise ValueError(
            f'Otsu needs scores of at least two different values, the seeds have {int(filled.min())}; '
            'check the seeds, or give a fixed threshold such as 0.5'
        )
    counts = histogram.double()
    levels = torch.arange(counts.shape[-1], dtype=counts.dtype, device=counts.device)
    below, moment = counts.cumsum(-1)[..., :-1], (counts * levels).cumsum(-1)[..., :-1]
    total, whole = counts.sum(-1, keepdim=True), (counts * levels).sum(-1, keepdim=True)
    above = total - below
    between = below * (above / total) * (moment / below - (whole - moment) / above).square()
    between = between.nan_to_num(nan=-1.0)
    best = between.argmax(-1, keepdim=True)
    # The last cut of the stretch of equal ones that begins at the first.
    equal = (between == between.amax(-1, keepdim=True)) | (levels[:-1] < best)
    last = equal.cumprod(-1).sum(-1, keepdim=True) - 1
    return (((best + last) / 2 + 0.5) / (counts.shape[-1] - 1))[..., 0]

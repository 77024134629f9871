"""Maps of one view of an image, brought to the size and the orientation of the image."""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

from mmseg.structures import SegDataSample
from torch import Tensor
from torch.nn import functional as F


class View(NamedTuple):
    """Maps of one view of an image, at the size (H, W) of the image, upright."""

    sample: SegDataSample
    present: Tensor  # (C,) bool, the K classes that the maps belong to
    cam: Tensor  # (K, H, W), >= 0, unnormalised; (K, 0, 0) where the recipe needs none
    phi: Tensor  # seeds of the level sets, (K, H, W), in [0, 1]; likewise
    level_sets: Tensor  # phi^0 and phi^T, (2, K, H, W), in pixels of the image; likewise


def upright(score: Tensor, sample: SegDataSample, size_divisor: int = 1) -> Tensor:
    """Cut off the padding of a view, undo its flip and resize ``score`` (K, h, w) to (K, H, W)."""
    meta = sample.metainfo
    padding = meta.get('img_padding_size', meta.get('padding_size', (0, 0, 0, 0)))
    if any(padding):
        left, right, top, bottom = padding
        height, width = meta['pad_shape'][-2:]
        score = _resize(score, (height, width))
        score = score[:, top : height - bottom, left : width - right]
    if meta.get('flip'):
        axes = dict(horizontal=[2], vertical=[1], diagonal=[1, 2])[meta['flip_direction']]
        score = score.flip(axes)
    height, width = meta['ori_shape'][:2]
    size = [-(-side // size_divisor) * size_divisor for side in (height, width)]
    return _resize(score, size)[:, :height, :width]


def enlargement(sample: SegDataSample) -> float:
    """Pixels of the image per pixel of a view; of two sides that were resized unequally, their mean.

    The geometric mean: a contour keeps the area between it and its parallels.
    """
    (height, width), (h, w) = (sample.metainfo[k][:2] for k in ('ori_shape', 'img_shape'))
    return sqrt(height * width / (h * w))


def total(present: Tensor, maps: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Sum maps over the views of an image.

    Args:
        present (Tensor): classes of the image, (C,) bool, K of them.
        maps (Sequence[tuple[Tensor, Tensor]]): of every view, its classes, (C,) bool, and their
            maps, (K_i, H, W) or (2, K_i, H, W).

    Returns:
        Tensor: (K, H, W) or (2, K, H, W), 0 where no view has the class.
    """
    first = maps[0][1]
    summed = first.new_zeros(*first.shape[:-3], len(present), *first.shape[-2:])
    for classes, values in maps:
        summed[..., classes, :, :] += values
    return summed[..., present, :, :]


def _resize(score: Tensor, size: Sequence[int]) -> Tensor:
    """Bilinear resizing of (K, h, w); K, as a batch, may be 0."""
    return F.interpolate(score[:, None].float(), tuple(size), mode='bilinear')[:, 0]

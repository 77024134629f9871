"""What a level-set loss is given by a training loop of anybody's, and what may be wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from .limits import check_same_view

TOLERANCE = 0.01  # what resizing filters and rounding may add to [0, 1]


def check_batch(logits: Tensor, image: Tensor, features: Tensor | None) -> None:
    """Refuse logits, images and features that do not fit together.

    Args:
        logits (Tensor): (N, L, h, w), floating-point.
        image (Tensor): (N, K, H, W), in [0, 1], on the grid of the logits or a finer one.
        features (Tensor, optional): (N, K', h', w').

    Raises:
        ValueError: Says which one, what it is and what was expected.
    """
    expected = 'numbers (N, L, h, w) before softmax or sigmoid'
    _check_tensor('logits', logits, expected)
    if logits.dim() != 4 or not logits.is_floating_point() or 0 in logits.shape[1:]:
        raise ValueError(
            f'logits have shape {tuple(logits.shape)} and dtype {logits.dtype}, expected {expected}'
        )
    expected = f'({len(logits)}, K, H, W) with H, W of at least {tuple(logits.shape[2:])}, those of the logits'
    _check_tensor('the image', image, expected)
    small = image.dim() != 4 or any(
        have < need for have, need in zip(image.shape[2:], logits.shape[2:], strict=True)
    )
    if small or len(image) != len(logits) or not image.shape[1]:
        raise ValueError(f'the image has shape {tuple(image.shape)}, expected {expected}')
    check_same_view('logits', logits.shape[2:], image.shape[2:])
    if image.numel():
        low, high = image.aminmax()
        if not (low >= -TOLERANCE and high <= 1 + TOLERANCE):
            raise ValueError(
                f'the image lies in [{low:.3g}, {high:.3g}], expected [0, 1], which edges are measured '
                'in: divide by 255, or undo the normalisation (image * std + mean)'
            )
    if features is None:
        return
    expected = f'({len(logits)}, K, h, w), a map per image'
    _check_tensor('features', features, expected)
    if features.dim() != 4 or len(features) != len(logits) or 0 in features.shape[1:]:
        raise ValueError(f'features have shape {tuple(features.shape)}, expected {expected}')
    check_same_view('features', features.shape[2:], image.shape[2:])


def check_shown(labels: Tensor, shape: Sequence[int], background: int | None) -> None:
    """Refuse image-level labels that are no zeros and ones of the level sets.

    Args:
        labels (Tensor): (N, C), 0/1.
        shape (Sequence[int]): (N, C) of the level sets.
        background (int, optional): Label without a level set, for the error.

    Raises:
        ValueError: Says what they are and what was expected.
    """
    expected = (
        f'{tuple(shape)}: one number per image and label that has a level set '
        f'(background={background})'
    )
    _check_tensor('labels', labels, expected)
    if labels.shape != tuple(shape):
        raise ValueError(f'labels have shape {tuple(labels.shape)}, expected {expected}')
    if not ((labels == 0) | (labels == 1)).all():
        raise ValueError(
            'labels have other values than 0 and 1; give 1 for every label that an image shows'
        )


def _check_tensor(name: str, value: Any, expected: str) -> None:
    if not isinstance(value, Tensor):
        raise ValueError(
            f'{name} is a {type(value).__name__}, expected a tensor {expected}; torch.as_tensor makes '
            'one of lists and arrays'
        )

"""What the ways to read a CAM have in common: a linear classifier, and the mirror image."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from mmlevelset.models.heads.cam_head import CAMHead
from mmlevelset.structures.host import Host


class CAMMethod(Protocol):
    """A way to make CAMs of a trained host; it adds no parameters to the model."""

    def describe(self) -> str:
        """Name for ``meta.json``, with what the maps depend on beside config and weights."""

    def maps(self, model: Host, inputs: Tensor, labels: Tensor, metas: Sequence[dict]) -> Tensor:
        """Make the CAMs of a batch of views.

        Args:
            model: The host.
            inputs (Tensor): normalised images, (N, 3, H, W).
            labels (Tensor): classes to make maps of, (N, C), 0/1.
            metas: Metainfo of the views, N.

        Returns:
            Tensor: CAMs, (N, C, h, w), >= 0, unnormalised, 0 for absent classes.
        """


def linear_head(model: Host, method: str) -> CAMHead:
    """Return the head that scores every pixel with the weights of a linear classifier.

    Raises:
        ValueError: The host has another head, so that ``method`` cannot read its maps.
    """
    head = model.decode_head
    own = isinstance(head, CAMHead) and all(
        getattr(type(head), name) is getattr(CAMHead, name) for name in ('forward', 'activation')
    )
    if not own:
        raise ValueError(
            f'{method} reads the CAM of a linear classifier, but the decode head is a '
            f"{type(head).__name__}: use a host with decode_head.type='mmlevelset.CAMHead', or "
            'leave cam_method out'
        )
    return head


def with_mirror(image: Tensor) -> Tensor:
    """An image (3, H, W) and its mirror image, (2, 3, H, W)."""
    return torch.stack([image, image.flip(-1)])


def mirror_sum(maps: Tensor) -> Tensor:
    """Sum of the maps (2, ..., w) of an image and its mirror image, upright, (..., w)."""
    return maps[0] + maps[1].flip(-1)

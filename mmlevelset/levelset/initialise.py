"""Level set initialisation module f_LSI (eq 7): backbone features to the level sets phi^0."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

_GROUPS = 8  # group norm does not depend on the batch, which is small in segmentation


class LevelSetInitialiser(nn.Module):
    """Fuse feature maps of several strides at the finest of them.

    The paper feeds one map F. Its stride then limits how fine a contour can be, so finer maps of
    the same backbone may be added: each goes through a 1x1 convolution, is resized to the finest
    and summed. The last layer, features to one level set per class, belongs to the caller.

    Args:
        in_channels (Sequence[int]): channels of every feature map.
        channels (int): channels of the fused map, a multiple of 8.

    Raises:
        ValueError: if ``channels`` is not a positive multiple of 8 or no feature map is given.
    """

    def __init__(self, in_channels: Sequence[int], channels: int) -> None:
        super().__init__()
        if not in_channels or channels < 1 or channels % _GROUPS:
            raise ValueError(
                f'in_channels={list(in_channels)}, channels={channels}: expected at least one '
                f'feature map and a multiple of {_GROUPS} channels.'
            )
        self.laterals = nn.ModuleList(nn.Conv2d(k, channels, 1) for k in in_channels)
        self.norm = nn.GroupNorm(_GROUPS, channels)
        self.fuse = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.GroupNorm(_GROUPS, channels), nn.ReLU()
        )

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Fuse feature maps of several strides into one.

        Args:
            features (Sequence[Tensor]): F, (N, K_i, h_i, w_i) each, in the order of ``in_channels``.

        Returns:
            Tensor: (N, channels, h, w) at the size of the largest map, >= 0.

        Raises:
            ValueError: The feature maps are others than ``in_channels`` says.
        """
        got = [feature.shape[1] for feature in features]
        expected = [lateral.in_channels for lateral in self.laterals]
        if got != expected:
            raise ValueError(
                f'the feature maps have {got} channels, in_channels says {expected}; set in_index and '
                'in_channels of the head to maps of the backbone'
            )
        size = max((f.shape[2:] for f in features), key=lambda s: s[0] * s[1])
        maps = [lateral(f) for lateral, f in zip(self.laterals, features, strict=True)]
        total = sum(
            m if m.shape[2:] == size else F.interpolate(m, size, mode='bilinear') for m in maps
        )
        return self.fuse(F.relu(self.norm(total)))

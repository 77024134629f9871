"""AffinityNet of PSA (Ahn and Kwak, arXiv:1803.10464): features whose distance says "same class"."""

from collections.abc import Sequence

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.nn import functional as F

from mmlevelset.affinity.losses import affinity_losses, feature_affinity, pair_labels
from mmlevelset.affinity.paths import half_disc
from mmlevelset.affinity.watch import PairWatch
from mmlevelset.registry import MODELS

from .maps_only import MapsOnly


@MODELS.register_module()
class AffinityNet(MapsOnly, BaseDecodeHead):
    """Head that maps every pixel to features; the affinity of a pair is exp(-mean |f_i - f_j|).

    One bias-free 1x1 convolution and ELU per feature map, another one on all of them. With
    ``ResNet38`` it is PSA's ``resnet38_aff``. The walk itself is :class:`mmlevelset.refine.PSAWalk`.

    Args:
        in_channels: Channels of the feature maps ``in_index``.
        in_index: Which feature maps; the first one sets the grid, the others are resized to it.
        widths: Channels that each map is reduced to; PSA's are 64, 128, 256.
        radius: Pairs are nearer than this, in pixels of the grid.
        align_corners: Of the bilinear resizing.
    """

    cure = 'walk on them with tools/refine.py'

    def __init__(
        self,
        in_channels: Sequence[int],
        in_index: Sequence[int],
        widths: Sequence[int] = (64, 128, 256),
        radius: int = 5,
        align_corners: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            in_channels=list(in_channels),
            in_index=list(in_index),
            input_transform='multiple_select',
            channels=sum(widths),
            num_classes=2,  # same or different
            out_channels=2,
            dropout_ratio=0,
            align_corners=align_corners,
            init_cfg=init_cfg or [],  # see init_weights
        )
        del self.conv_seg, self.loss_decode  # of pixels, not of pairs
        self.radius = radius
        self.watch = PairWatch()
        self.reductions = nn.ModuleList(
            nn.Conv2d(channels, width, 1, bias=False)
            for channels, width in zip(in_channels, widths, strict=True)
        )
        self.fusion = nn.Conv2d(self.channels, self.channels, 1, bias=False)

    def init_weights(self) -> None:
        """Initialise as PSA does."""
        super().init_weights()
        for conv in self.reductions:
            nn.init.kaiming_normal_(conv.get_parameter('weight'))
        nn.init.xavier_uniform_(self.fusion.weight, gain=4)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Features of the pixels.

        Args:
            inputs (Sequence[Tensor]): the backbone's feature maps, (N, K_i, h_i, w_i).

        Returns:
            Tensor: (N, K, h, w), >= -1, on the grid of the first map.
        """
        maps = [
            F.elu(conv(x))
            for conv, x in zip(self.reductions, self._transform_inputs(inputs), strict=True)
        ]
        size = maps[0].shape[2:]
        maps = [
            x
            if x.shape[2:] == size
            else F.interpolate(x, size, mode='bilinear', align_corners=self.align_corners)
            for x in maps
        ]
        return F.elu(self.fusion(torch.cat(maps, dim=1)))

    def loss(
        self,
        inputs: Sequence[Tensor],
        batch_data_samples: list[SegDataSample],
        train_cfg: dict | None = None,
    ) -> dict[str, Tensor]:
        """Losses of the pairs, see :func:`affinity_losses`.

        Args:
            inputs (Sequence[Tensor]): feature maps, (N, K_i, h_i, w_i).
            batch_data_samples: Samples whose ``gt_sem_seg`` (1, h, w) has the size of the grid.
            train_cfg: Unused, mmseg's signature.
        """
        features = self.forward(inputs)
        label = stack_labels(batch_data_samples, features.shape[2:])
        labels = pair_labels(label, half_disc(self.radius), self.radius)
        self.watch(labels)
        return affinity_losses(feature_affinity(features.float(), self.radius), labels)


def stack_labels(samples: Sequence[SegDataSample], size: torch.Size) -> Tensor:
    """Label maps of a batch on the grid of the network, (N, h, w).

    Raises:
        ValueError: If they have another size than the grid.
    """
    label = torch.stack([sample.gt_sem_seg.data[0] for sample in samples])
    if label.shape[1:] != size:
        raise ValueError(
            f'the labels are {tuple(label.shape[1:])}, the grid of the network is {tuple(size)}; end the '
            'pipeline with PoolAffinityLabel or StrideLabel of the stride of the grid, and let the '
            'image be a multiple of it'
        )
    return label

"""IRNet of IRN (Ahn, Cho and Kwak, arXiv:1904.05044): edges between classes, learnt from seeds."""

from collections.abc import Sequence

import numpy as np
import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmlevelset.affinity.losses import PairLabels, affinity_losses, pair_labels, path_affinity
from mmlevelset.affinity.paths import search_paths, shifted
from mmlevelset.affinity.watch import PairWatch
from mmlevelset.models.heads.affinity_net import stack_labels
from mmlevelset.registry import MODELS

from .maps_only import MapsOnly


def branch(in_channels: int, channels: int, groups: int, upsample: int = 1) -> nn.Sequential:
    """1x1 convolution, group norm, bilinear upsampling and ReLU."""
    layers = [nn.Conv2d(in_channels, channels, 1, bias=False), nn.GroupNorm(groups, channels)]
    if upsample > 1:
        layers.append(nn.Upsample(scale_factor=upsample, mode='bilinear', align_corners=False))
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


def joined(maps: Sequence[Tensor], like: Tensor) -> Tensor:
    """Maps cropped to the size of ``like`` and put one after the other, (N, sum K_i, h, w)."""
    height, width = like.shape[2:]
    return torch.cat([x[..., :height, :width] for x in maps], dim=1)


class MeanShift(nn.Module):
    """Subtract ``running_mean``, a displacement (dy, dx), in evaluation only.

    IRN finds it after a training, over the training images; here it is 0 unless a checkpoint of IRN brings it.
    """

    running_mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('running_mean', torch.zeros(2))

    def forward(self, x: Tensor) -> Tensor:
        """Shift ``x`` (N, 2, h, w), in pixels of the map."""
        return x if self.training else x - self.running_mean.view(1, 2, 1, 1)


@MODELS.register_module()
class IRNet(MapsOnly, BaseDecodeHead):
    """Head with IRN's edge branch and, optionally, its displacement branch.

    The backbone is used as it is, its maps are detached. Semantic labels need the edges only. The
    walk itself is :class:`mmlevelset.refine.IRNWalk`.

    Args:
        in_channels: Channels of the feature maps ``in_index``.
        in_index: Which feature maps; the first one sets the grid.
        strides: Of these maps, in pixels of the image.
        displacement: Whether to train the vectors to instance centres; needs five maps.
        radius: Pairs of the training are nearer than this, in pixels of the grid.

    Raises:
        ValueError: For ``displacement`` with other than five maps.
    """

    cure = 'walk on them with tools/refine.py'

    def __init__(
        self,
        in_channels: Sequence[int],
        in_index: Sequence[int],
        strides: Sequence[int],
        displacement: bool = False,
        radius: int = 10,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            in_channels=list(in_channels),
            in_index=list(in_index),
            input_transform='multiple_select',
            channels=32,
            num_classes=2,  # edge or not
            out_channels=2,
            dropout_ratio=0,
            align_corners=False,
            init_cfg=init_cfg or [],  # PyTorch's defaults, as in IRN
        )
        del self.conv_seg, self.loss_decode  # of pixels, not of pairs
        self.radius = radius
        self.watch = PairWatch()
        self.stride = strides[0]
        # 32 channels and 4 groups for each map: net/resnet50_irn.py of irn, as all numbers below.
        self.edge_layers = nn.ModuleList(
            branch(channels, 32, 4, stride // strides[0])
            for channels, stride in zip(in_channels, strides, strict=True)
        )
        self.edge_layers.append(nn.Conv2d(32 * len(in_channels), 1, 1))
        self.dp_layers = None
        if displacement:
            if len(in_channels) != 5:
                raise ValueError(
                    f'displacement needs five maps (mmlevelset.StemResNet), got {len(in_channels)}; '
                    'semantic labels do not need it'
                )
            self.dp_layers = nn.ModuleList(
                [
                    branch(in_channels[0], 64, 8),
                    branch(in_channels[1], 128, 16),
                    branch(in_channels[2], 256, 16),
                    branch(in_channels[3], 256, 16, 2),
                    branch(in_channels[4], 256, 16, 2),
                    branch(768, 256, 16, 2),
                    nn.Sequential(
                        *branch(448, 256, 16), nn.Conv2d(256, 2, 1, bias=False), MeanShift()
                    ),
                ]
            )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Compute the logits of edges.

        Args:
            inputs (Sequence[Tensor]): the backbone's feature maps, (N, K_i, h_i, w_i).

        Returns:
            Tensor: logits of an edge, (N, h, w), on the grid of the first map.
        """
        maps = [x.detach() for x in self._transform_inputs(inputs)]
        *layers, last = self.edge_layers
        edges = [layer(x) for layer, x in zip(layers, maps, strict=True)]
        return last(joined(edges, maps[0]))[:, 0]

    def displacement(self, inputs: Sequence[Tensor]) -> Tensor:
        """Vectors from every pixel to the centre of its instance.

        Args:
            inputs (Sequence[Tensor]): the backbone's feature maps, (N, K_i, h_i, w_i).

        Returns:
            Tensor: (dy, dx), (N, 2, h, w), in pixels of the grid.

        Raises:
            ValueError: The head was built without this branch.
        """
        if self.dp_layers is None:
            raise ValueError('this IRNet has no vectors: build it with displacement=True')
        maps = [x.detach() for x in self._transform_inputs(inputs)]
        *layers, up, last = self.dp_layers
        first, second, *coarse = (layer(x) for layer, x in zip(layers, maps, strict=True))
        coarse = up(joined(coarse, maps[2]))
        return last(joined([first, second, coarse], maps[0]))

    def loss(
        self,
        inputs: Sequence[Tensor],
        batch_data_samples: list[SegDataSample],
        train_cfg: dict | None = None,
    ) -> dict[str, Tensor]:
        """Losses of the pairs, see :func:`affinity_losses` and :func:`displacement_losses`.

        Args:
            inputs (Sequence[Tensor]): feature maps, (N, K_i, h_i, w_i).
            batch_data_samples: Samples whose ``gt_sem_seg`` (1, h, w) has the size of the grid.
            train_cfg: Unused, mmseg's signature.
        """
        edge = self.forward(inputs).float().sigmoid()
        label = stack_labels(batch_data_samples, edge.shape[1:])
        partners = np.array([path[0] for path in search_paths(self.radius)])
        labels = pair_labels(label, partners, self.radius)
        self.watch(labels)
        losses = affinity_losses(path_affinity(edge, self.radius), labels)
        if self.dp_layers is not None:
            displacement = self.displacement(inputs).float()
            losses.update(displacement_losses(displacement, labels, self.radius))
        return losses


def displacement_losses(displacement: Tensor, labels: PairLabels, radius: int) -> dict[str, Tensor]:
    """Pixels of a class point to the same place, pixels of the background nowhere in particular.

    Args:
        displacement (Tensor): (dy, dx), (N, 2, h, w), in pixels of the grid.
        labels: (N, P, h', w') each, pairs in the order of :func:`search_paths`.
        radius: Of the pairs.

    Returns:
        dict: ``loss_dp_foreground`` and ``loss_dp_background``: mean |d_i - d_j - offset| and mean
        |d_i - d_j| over the pairs and both components, times 1/2.
    """
    partners = [path[0] for path in search_paths(radius)]
    source = shifted(displacement, (0, 0), radius)
    pairs = torch.stack([source - shifted(displacement, p, radius) for p in partners], dim=2)
    offsets = pairs.new_tensor([list(map(int, p)) for p in partners]).t()[None, :, :, None, None]
    sums = (
        ((pairs - offsets).abs() * labels.foreground[:, None]).sum(),
        (pairs.abs() * labels.background[:, None]).sum(),
    )
    counts = 2 * labels.foreground.sum() + 1e-5, 2 * labels.background.sum() + 1e-5  # 1e-5: IRN
    return dict(
        loss_dp_foreground=sums[0] / counts[0] / 2, loss_dp_background=sums[1] / counts[1] / 2
    )

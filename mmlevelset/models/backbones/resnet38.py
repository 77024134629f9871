"""ResNet38, the wide pre-activation network A1 of Wu, Shen and van den Hengel (arXiv:1611.10080).

The names of PSA's and SEAM's checkpoints are kept: ``b4_2.conv_branch2b1`` is the second convolution
of the third block of stage 4.
"""

from collections.abc import Iterator
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from mmlevelset.registry import MODELS

# Stages 2 to 4: blocks, width in units of `base_channels`, stride of the first block.
STAGES = ((3, 2, 2), (3, 4, 2), (6, 8, 2))


def frozen_bn(channels: int) -> nn.BatchNorm2d:
    """A batch norm whose scale and shift are not trained."""
    return nn.BatchNorm2d(channels).requires_grad_(False)


def conv(in_channels: int, out_channels: int, kernel: int, **options: Any) -> nn.Conv2d:
    """A convolution without bias that keeps the size, but for its stride."""
    padding = options.get('dilation', 1) * (kernel // 2)
    return nn.Conv2d(in_channels, out_channels, kernel, padding=padding, bias=False, **options)


def bn_relu(norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """ReLU(BN(x)), (N, C, h, w)."""
    return F.relu(norm(x), inplace=True)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions. Where the shape changes, the shortcut starts after the first BN-ReLU.

    Args:
        in_channels: Channels of the input.
        mid_channels: Channels between the convolutions.
        out_channels: Channels of the output.
        stride: Of the first convolution.
        first_dilation: Of the first convolution.
        dilation: Of the second convolution.
    """

    def __init__(
        self,
        in_channels: int,
        mid_channels: int,
        out_channels: int,
        stride: int = 1,
        first_dilation: int = 1,
        dilation: int = 1,
    ) -> None:
        super().__init__()
        self.bn_branch2a = frozen_bn(in_channels)
        self.conv_branch2a = conv(
            in_channels, mid_channels, 3, stride=stride, dilation=first_dilation
        )
        self.bn_branch2b1 = frozen_bn(mid_channels)
        self.conv_branch2b1 = conv(mid_channels, out_channels, 3, dilation=dilation)
        self.projects = in_channels != out_channels or stride != 1
        if self.projects:
            self.conv_branch1 = conv(in_channels, out_channels, 1, stride=stride)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``x`` (N, C, h, w) to the output (N, C', h', w') and ReLU(BN(x)) (N, C, h, w)."""
        start = bn_relu(self.bn_branch2a, x)
        shortcut = self.conv_branch1(start) if self.projects else x
        out = self.conv_branch2a(start)
        out = self.conv_branch2b1(bn_relu(self.bn_branch2b1, out))
        return out.add_(shortcut), start


class Bottleneck(nn.Module):
    """1x1, dilated 3x3 and 1x1 convolution; the shortcut is always a projection.

    Args:
        in_channels: Channels of the input; a quarter and a half of ``out_channels`` lie between.
        out_channels: Channels of the output.
        dropout: Rate of the channel dropout before the second and the third convolution.
    """

    def __init__(self, in_channels: int, out_channels: int, dropout: float) -> None:
        super().__init__()
        quarter, half = out_channels // 4, out_channels // 2
        self.conv_branch1 = conv(in_channels, out_channels, 1)
        self.bn_branch2a = frozen_bn(in_channels)
        self.conv_branch2a = conv(in_channels, quarter, 1)
        self.bn_branch2b1 = frozen_bn(quarter)
        self.conv_branch2b1 = conv(quarter, half, 3, dilation=4)
        self.bn_branch2b2 = frozen_bn(half)
        self.conv_branch2b2 = conv(half, out_channels, 1)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``x`` (N, C, h, w) to the output (N, C', h, w) and ReLU(BN(x)) (N, C, h, w)."""
        start = bn_relu(self.bn_branch2a, x)
        out = bn_relu(self.bn_branch2b1, self.conv_branch2a(start))
        out = bn_relu(self.bn_branch2b2, self.conv_branch2b1(self.dropout(out)))
        out = self.conv_branch2b2(self.dropout(out))
        return out.add_(self.conv_branch1(start)), start


@MODELS.register_module()
class ResNet38(BaseModule):
    """ResNet38 at stride 8; batch norms are frozen altogether, as in PSA, SEAM and MCTformer.

    Args:
        frozen_stages: ``conv1a`` is stage 1 and ``b2``, ``b2_1``, ... are stage 2; stages up to this
            one are not trained. 2 is PSA's and SEAM's, 1 that of MCTformer's segmentation network,
            0 trains every convolution.
        base_channels: Channels of ``conv1a``; all other widths are multiples of it.
        init_cfg: E.g. ``dict(type='Pretrained', checkpoint='weights/resnet38_ilsvrc.pth')``.

    Raises:
        ValueError: For ``frozen_stages`` outside 0 .. 7.
    """

    def __init__(
        self,
        frozen_stages: int = 2,
        base_channels: int = 64,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not 0 <= frozen_stages <= 7:
            raise ValueError(
                f'ResNet38: frozen_stages={frozen_stages}, expected 0 (nothing) to 7 (all); 2 freezes '
                'conv1a and b2 as PSA and SEAM do'
            )
        self.conv1a = conv(3, base_channels, 3)
        channels = base_channels
        for stage, (blocks, width, stride) in enumerate(STAGES, start=2):
            width *= base_channels
            for i in range(blocks):
                block = BasicBlock(channels, width, width, stride if i == 0 else 1)
                self.add_module(f'b{stage}_{i}' if i else f'b{stage}', block)
                channels = width
        mid, out = channels, 2 * channels
        self.b5 = BasicBlock(channels, mid, out, first_dilation=1, dilation=2)
        self.b5_1 = BasicBlock(out, mid, out, first_dilation=2, dilation=2)
        self.b5_2 = BasicBlock(out, mid, out, first_dilation=2, dilation=2)
        self.b6 = Bottleneck(out, 2 * out, dropout=0.3)
        self.b7 = Bottleneck(2 * out, 4 * out, dropout=0.5)
        self.bn7 = frozen_bn(4 * out)
        if frozen_stages:
            self.conv1a.requires_grad_(False)
        for name, child in self._blocks():
            if int(name[1]) <= frozen_stages:  # b2_1 is of stage 2
                child.requires_grad_(False)
        self.train()

    def _blocks(self) -> Iterator[tuple[str, nn.Module]]:
        """``b2``, ``b2_1``, ... ``b7`` and their names, in order."""
        return ((n, m) for n, m in self.named_children() if isinstance(m, BasicBlock | Bottleneck))

    def train(self, mode: bool = True) -> 'ResNet38':
        """Set the mode, except for the batch norms: they keep their statistics."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Extract features, all of stride 8, rounded up: 125 pixels give 16.

        Args:
            x (Tensor): normalised images, (N, 3, H, W).

        Returns:
            tuple[Tensor]: ``conv4`` (N, 512, h, w), ``conv5`` (N, 1024, h, w) and ``conv6``
                (N, 4096, h, w), all >= 0: the inputs of b5, b6 and the output of b7 after BN-ReLU.
        """
        x = self.conv1a(x)
        starts = {}
        for name, block in self._blocks():
            x, start = block(x)
            if name in ('b5', 'b6'):
                starts[name] = start
            del start  # or inference would keep the largest maps
        return starts['b5'], starts['b6'], bn_relu(self.bn7, x)

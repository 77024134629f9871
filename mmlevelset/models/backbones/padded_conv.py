"""The convolution of EfficientNet, with the paddings that its published weights want."""

import math
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

PADDINGS = ('fixed', 'same', 'symmetric')


class PaddedConv2d(nn.Conv2d):
    """A convolution with one of the three paddings under which EfficientNet weights were published.

    Args:
        pad: ``'same'`` pads to ``ceil(size / stride)`` from the actual size (TensorFlow, odd pixel
            at the right and bottom); ``'fixed'`` pads as ``'same'`` does for an even size, whatever
            the size (MuSCLe, early EfficientNet-PyTorch); ``'symmetric'`` pads both sides alike
            (torchvision, mmpretrain).
    """

    def __init__(self, *args: Any, pad: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pad_kind = pad

    def _pad(self, size: int, axis: int) -> tuple[int, int]:
        stride = self.stride[axis]
        extent = self.dilation[axis] * (self.kernel_size[axis] - 1) + 1
        if self.pad_kind == 'symmetric':
            return extent // 2, extent // 2
        if self.pad_kind == 'fixed':
            size = stride  # any multiple of the stride gives the same padding
        total = max((math.ceil(size / stride) - 1) * stride + extent - size, 0)
        return total // 2, total - total // 2

    def forward(self, x: Tensor) -> Tensor:
        """Convolve ``x`` (N, C, H, W) after padding with zeros; returns (N, C', H', W')."""
        top, bottom = self._pad(x.shape[-2], 0)
        left, right = self._pad(x.shape[-1], 1)
        if top == bottom and left == right:
            return F.conv2d(
                x, self.weight, self.bias, self.stride, (top, left), self.dilation, self.groups
            )
        x = F.pad(x, (left, right, top, bottom))
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)

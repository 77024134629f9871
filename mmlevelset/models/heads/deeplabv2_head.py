"""Classifier of DeepLab-V2 (Chen et al., arXiv:1606.00915)."""

from collections.abc import Sequence
from typing import Any

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmlevelset.registry import MODELS


@MODELS.register_module()
class DeepLabV2Head(BaseDecodeHead):
    """The sum of dilated 3x3 classifiers: atrous spatial pyramid pooling before batch norms.

    mmsegmentation's ``ASPPHead`` is the pyramid of DeepLab-V3: normalised, with image pooling,
    concatenated. Here every branch goes from the feature map to the classes at once.

    Args:
        num_classes: Labels C, background included.
        in_channels: Channels of the feature map ``in_index``.
        dilations: One branch each; 6, 12, 18, 24 are those of ResNet-101.
        in_index: Which feature map.
        align_corners: Of the resizing of the logits.
        loss_decode: Loss of the logits at the size of the label; default: the mean over labelled
            pixels.
        init_cfg: Initialisation; a normal of 0.01 and biases of 0, as in the official prototxt.
        **kwargs: Of :class:`BaseDecodeHead`.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 2048,
        dilations: Sequence[int] = (6, 12, 18, 24),
        in_index: int = -1,
        align_corners: bool = False,
        loss_decode: dict | None = None,
        init_cfg: dict | list | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            in_channels=in_channels,
            channels=in_channels,
            num_classes=num_classes,
            in_index=in_index,
            dropout_ratio=0.0,
            align_corners=align_corners,
            loss_decode=loss_decode or dict(type='CrossEntropyLoss', avg_non_ignore=True),
            init_cfg=init_cfg or dict(type='Normal', std=0.01, layer='Conv2d'),
            **kwargs,
        )
        del self.conv_seg  # the branches classify
        self.convs = nn.ModuleList(
            nn.Conv2d(in_channels, self.out_channels, 3, padding=dilation, dilation=dilation)
            for dilation in dilations
        )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Classify every position.

        Args:
            inputs (Sequence[Tensor]): the backbone's feature maps, (N, K_i, h_i, w_i).

        Returns:
            Tensor: logits, (N, C, h, w), signed.
        """
        x = self._transform_inputs(inputs)
        return sum(conv(x) for conv in self.convs)

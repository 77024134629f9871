"""DeepLab-LargeFOV as it is re-trained on pseudo-labels: dilated convolutions on ResNet38."""

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmlevelset.registry import MODELS

VARIANTS = ('mctformer', 'seam')
DILATION = 12  # of LargeFOV


@MODELS.register_module()
class LargeFOVHead(BaseDecodeHead):
    """A 3x3 convolution of dilation 12 and a classifier, in one of two published shapes.

    ==============  ====================================  =======================================
    ..              ``'mctformer'``                       ``'seam'``
    ==============  ====================================  =======================================
    source          MCTformer ``seg/resnet38_seg.py``     semantic-segmentation-codebase
    ``convs``       3x3 d12 with bias, ReLU               3x3 d12, BN, ReLU, 1x1, BN, ReLU
    ``conv_seg``    3x3 d12                               1x1
    dropout         none                                  0.5 of single values, not of channels
    initialisation  Xavier, uniform                       Kaiming, normal, fan-out
    logits resized  once, ``align_corners=False``         twice, ``align_corners=True``
    ==============  ====================================  =======================================

    The batch norms of ``'seam'`` have momentum 3e-4, and their scale and shift belong to no
    parameter group of the official optimiser: they are not trained here either.

    The loss is the mean over the labelled pixels, as PyTorch's cross-entropy; mmsegmentation's own
    default divides by the number of all pixels, void ones included.

    Args:
        num_classes: Labels C, background included.
        in_channels: Channels of the feature map ``in_index``.
        channels: Channels before the classifier.
        variant: ``'mctformer'`` or ``'seam'``.
        in_index: Which feature map.
        loss_decode: Loss of the logits at the size of the label.
        init_cfg: Initialisation, instead of the variant's.
        **kwargs: Of :class:`BaseDecodeHead`.

    Raises:
        ValueError: For an unknown variant.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 4096,
        channels: int = 512,
        variant: str = 'mctformer',
        in_index: int = -1,
        loss_decode: dict | None = None,
        init_cfg: dict | list | None = None,
        **kwargs: Any,
    ) -> None:
        if variant not in VARIANTS:
            raise ValueError(
                f'LargeFOVHead: variant={variant!r} is unknown; choose one of {VARIANTS}'
            )
        seam = variant == 'seam'
        init = dict(type='Xavier', distribution='uniform', layer='Conv2d')
        if seam:
            init = dict(type='Kaiming', distribution='normal', mode='fan_out', layer='Conv2d')
        super().__init__(
            in_channels=in_channels,
            channels=channels,
            num_classes=num_classes,
            in_index=in_index,
            dropout_ratio=0.0,
            align_corners=seam,
            loss_decode=loss_decode or dict(type='CrossEntropyLoss', avg_non_ignore=True),
            init_cfg=init_cfg or init,
            **kwargs,
        )
        self.variant = variant
        wide: dict[str, Any] = dict(kernel_size=3, padding=DILATION, dilation=DILATION)
        if seam:
            self.convs = nn.Sequential(
                nn.Conv2d(in_channels, channels, bias=False, **wide),
                _norm(channels),
                nn.ReLU(inplace=True),
                nn.Conv2d(channels, channels, 1, bias=False),
                _norm(channels),
                nn.ReLU(inplace=True),
            )
            self.dropout = nn.Dropout(0.5)
        else:
            self.convs = nn.Sequential(
                nn.Conv2d(in_channels, channels, **wide), nn.ReLU(inplace=True)
            )
            self.conv_seg = nn.Conv2d(channels, self.out_channels, **wide)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Classify every position.

        Args:
            inputs (Sequence[Tensor]): the backbone's feature maps, (N, K_i, h_i, w_i).

        Returns:
            Tensor: logits, (N, C, h, w), signed.
        """
        return self.cls_seg(self.convs(self._transform_inputs(inputs)))

    def predict_by_feat(self, seg_logits: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Resize logits to the view, as SEAM does; MCTformer resizes them once only, to the image.

        A view that was padded, or is a window of an image, needs the size in between.

        Args:
            seg_logits (Tensor): (N, C, h, w), signed.
            batch_img_metas: Of the views.

        Returns:
            Tensor: (N, C, H, W), or ``seg_logits`` as they are, which the segmentor resizes to the image.
        """
        meta = batch_img_metas[0]
        padded = any(meta.get('img_padding_size', meta.get('padding_size', ())))
        window = isinstance(meta['img_shape'], torch.Size)
        if self.variant == 'mctformer' and not padded and not window:
            return seg_logits
        return super().predict_by_feat(seg_logits, batch_img_metas)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, momentum=3e-4).requires_grad_(False)

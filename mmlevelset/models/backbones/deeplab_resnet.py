"""The ResNet of Caffe's DeepLab models."""

from typing import Any

from mmseg.models.backbones import ResNet

from mmlevelset.registry import MODELS


@MODELS.register_module()
class DeepLabResNet(ResNet):
    """mmsegmentation's ResNet with Caffe's pooling, which rounds sizes up: 321 pixels give 41, not 40.

    Stride 8: the stride of a stage sits in its first 1x1 convolution, and every block of the last
    two stages is dilated, the first one too. Batch norms are frozen altogether.

    Args:
        depth: 50, 101 or 152.
        **kwargs: Of mmsegmentation's ``ResNet``.
    """

    def __init__(self, depth: int = 101, **kwargs: Any) -> None:
        super().__init__(
            depth=depth,
            strides=(1, 2, 1, 1),
            dilations=(1, 1, 2, 4),
            style='caffe',
            norm_cfg=dict(type='BN', requires_grad=False),
            norm_eval=True,
            **kwargs,
        )
        self.maxpool.ceil_mode = True

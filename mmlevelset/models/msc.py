"""Losses of a segmentor at several sizes of the image, as DeepLab-V2 is trained."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.models.utils import resize
from mmseg.structures import SegDataSample
from mmseg.utils import add_prefix
from torch import Tensor
from torch.nn import functional as F

from mmlevelset.registry import MODELS


@MODELS.register_module()
class MultiScaleSegmentor(EncoderDecoder):
    """An encoder-decoder with one loss per scale and one of the pixel-wise maximum of the logits.

    ::

        loss(inputs, samples)                            encode_decode(inputs, metas)
          ├─ pyramid(inputs)     logits of all scales       └─ max of pyramid(inputs)
          ├─ decode_head.loss_by_feat   of each
          └─ decode_head.loss_by_feat   of their maximum

    The label is shrunk to the size of the logits, by the nearest pixel, instead of the logits being
    enlarged; the losses are added. deeplab-pytorch's ``MSC`` and Caffe's DeepLab-V2.

    Args:
        scales: Of the image, besides 1.
        **kwargs: Of mmsegmentation's ``EncoderDecoder``.
    """

    def __init__(self, scales: Sequence[float] = (0.5, 0.75), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scales = tuple(scales)

    def pyramid(self, inputs: Tensor, features: Sequence[Tensor]) -> list[Tensor]:
        """Logits at every scale.

        Args:
            inputs (Tensor): normalised images, (N, 3, H, W).
            features (Sequence[Tensor]): their feature maps, (N, K_i, h_i, w_i).

        Returns:
            list[Tensor]: (N, C, h, w) of scale 1, then (N, C, h_s, w_s) of each of ``scales``, then
                (N, C, h, w), the maximum of all at the size of the first.
        """
        logits = [self.decode_head(features)]
        for scale in self.scales:
            small = F.interpolate(inputs, scale_factor=scale, mode='bilinear')
            logits.append(self.decode_head(self.extract_feat(small)))
        size = logits[0].shape[2:]
        enlarged = [resize(x, size, mode='bilinear', align_corners=False) for x in logits]
        return [*logits, torch.stack(enlarged).amax(0)]

    def loss(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """Losses of all scales.

        Args:
            inputs (Tensor): normalised images, (N, 3, H, W).
            data_samples: Samples with ``gt_sem_seg``, (1, H, W).

        Returns:
            dict: ``decode.x<scale>.*`` and ``decode.max.*`` of the decode head, ``aux.*`` of an
            auxiliary head, which sees scale 1.
        """
        features = self.extract_feat(inputs)
        names = [f'x{scale:g}' for scale in (1, *self.scales)] + ['max']
        losses = {}
        for name, logits in zip(names, self.pyramid(inputs, features), strict=True):
            loss = self.decode_head.loss_by_feat(logits, _shrunk(data_samples, logits))
            losses.update(add_prefix(loss, f'decode.{name}'))
        if self.with_auxiliary_head:
            losses.update(self._auxiliary_head_forward_train(features, data_samples))
        return losses

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Maximum of the logits over the scales, (N, C, H, W), of images (N, 3, H, W)."""
        logits = self.pyramid(inputs, self.extract_feat(inputs))[-1]
        return self.decode_head.predict_by_feat(logits, batch_img_metas)


def _shrunk(data_samples: list[SegDataSample], logits: Tensor) -> list[SegDataSample]:
    """Samples with labels at the size of ``logits`` (N, C, h, w)."""
    # Pillow's and thus deeplab-pytorch's nearest pixel is that of the centre: 'nearest-exact'.
    return [
        SegDataSample(
            gt_sem_seg=PixelData(
                data=F.interpolate(
                    sample.gt_sem_seg.data[None].float(), logits.shape[2:], mode='nearest-exact'
                )[0].long()
            )
        )
        for sample in data_samples
    ]

"""The plain CAM host: a linear classifier on pooled features whose weights also make the CAM (eq 6)."""

from collections.abc import Sequence

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.nn import functional as F

from mmlevelset.models.host_losses import image_level_decisions
from mmlevelset.registry import MODELS
from mmlevelset.structures.fields import image_labels, set_cams

from .maps_only import MapsOnly


@MODELS.register_module()
class CAMHead(MapsOnly, BaseDecodeHead):
    """Multi-label classifier and class activation map of an image-level supervised host.

    ::

        loss(feats, samples)                      activation(feats), classify(feats)
          └─ forward(feats)      S = W F            └─ forward(feats)    C = ReLU(S), mean(S)
               ├─ set_cams       C = ReLU(S), eq 6
               └─ loss_by_feat   soft margin on mean(S)

    ``W`` is ``conv_seg`` without bias, so the mean of ``S`` is the logit of the pooled feature.

    Args:
        in_channels: Channels of the feature map ``in_index``.
        num_classes: Foreground classes C.
        in_index: Which feature map.
        align_corners: Of the bilinear resizing.
        loss_weight: Of the classification loss.
        dropout_ratio: Of whole channels before the classifier, in training.
        init_cfg: Initialisation; a normal of 0.01 as everywhere in mmseg's heads.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        in_index: int = -1,
        align_corners: bool = False,
        loss_weight: float = 1.0,
        dropout_ratio: float = 0.0,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(
            in_channels=in_channels,
            channels=in_channels,
            num_classes=num_classes,
            in_index=in_index,
            dropout_ratio=dropout_ratio,
            align_corners=align_corners,
            out_channels=num_classes,
            init_cfg=init_cfg or dict(type='Normal', std=0.01, override=dict(name='conv_seg')),
        )
        self.conv_seg = nn.Conv2d(in_channels, num_classes, 1, bias=False)
        self.loss_weight = loss_weight

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Score every pixel.

        Args:
            inputs (Sequence[Tensor]): the backbone's feature maps, (N, K_i, h_i, w_i).

        Returns:
            Tensor: scores S before the ReLU of eq 6, (N, C, h, w), signed.

        Raises:
            ValueError: The feature map ``in_index`` is missing or has other channels.
        """
        got = [feature.shape[1] for feature in inputs]
        exists = -len(got) <= self.in_index < len(got)
        if not exists or got[self.in_index] != self.in_channels:
            raise ValueError(
                f'CAMHead: in_index={self.in_index} and in_channels={self.in_channels}, but the '
                f'feature maps of the backbone have {got} channels'
            )
        return self.cls_seg(self._transform_inputs(inputs))

    def loss(
        self,
        inputs: Sequence[Tensor],
        batch_data_samples: list[SegDataSample],
        train_cfg: dict | None = None,
    ) -> dict[str, Tensor]:
        """Classify, and leave the CAM (C, h, w) >= 0 with its graph on every sample.

        Args:
            inputs (Sequence[Tensor]): feature maps, (N, K_i, h_i, w_i).
            batch_data_samples: Samples with metainfo ``img_label`` (C,).
            train_cfg: Unused, mmseg's signature.

        Returns:
            dict: ``loss_cls``, a scalar, and what :func:`image_level_decisions` logs.
        """
        scores = self.forward(inputs)
        set_cams(batch_data_samples, F.relu(scores))
        return self.loss_by_feat(scores, batch_data_samples)

    def loss_by_feat(
        self, seg_logits: Tensor, batch_data_samples: list[SegDataSample]
    ) -> dict[str, Tensor]:
        """Multi-label soft margin loss of the pooled scores.

        Args:
            seg_logits (Tensor): scores S, (N, C, h, w), signed.
            batch_data_samples: Samples with metainfo ``img_label`` (C,).
        """
        logits = seg_logits.float().mean((2, 3))
        labels = image_labels([s.metainfo for s in batch_data_samples], self.num_classes, logits)
        loss = F.multilabel_soft_margin_loss(logits, labels) * self.loss_weight
        return dict(loss_cls=loss, **image_level_decisions(logits, labels))

    def activation(self, inputs: Sequence[Tensor]) -> Tensor:
        """Unnormalised CAM C >= 0 of eq 6, (N, C, h, w), of the feature maps ``inputs`` (N, K_i, h_i, w_i)."""
        return F.relu(self.forward(inputs))

    def classify(self, inputs: Sequence[Tensor]) -> Tensor:
        """Logits (N, C) of the image's classes, of the feature maps ``inputs`` (N, K_i, h_i, w_i)."""
        return self.forward(inputs).mean((2, 3))

"""MuSCLe's decode head: CAM, its propagation along similar pixels, and the losses on both.

Constants are those of SCoulY/MuSCLe, commit 79c9e4d.
"""

from collections.abc import Sequence

import torch
from mmengine.logging import MessageHub
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.nn import functional as F

from mmlevelset.models.host_losses import (
    emd_loss,
    equivariant_loss,
    focal_loss,
    image_contrast_loss,
    image_level_decisions,
    max_norm,
    overlap,
    pairwise_ranking_loss,
    pixel_consistency_loss,
    present_channels,
    softmax_norm,
)
from mmlevelset.registry import MODELS
from mmlevelset.structures.fields import image_labels, set_cams

from .cam_head import CAMHead
from .pcm import propagate
from .seam_head import upsample

FUSED_CHANNELS = 128


@MODELS.register_module()
class MuSCLeHead(CAMHead):
    """Classifier, CAM and the CAM propagated along similar pixels (SGC).

    ::

        loss(feats, samples)                     loss_views(feats of both views, samples)
          ├─ maps(feats)    logits, CAM, SGC       ├─ maps(view 1)    SGC
          ├─ set_cams       CAM or SGC, stride 16  ├─ maps(view 2)    CAM, no gradient
          └─ loss_by_feat                          └─ pixpro, emd on their overlap
               focal, softmargin, lsep, er, imc

    ``conv_seg`` is MuSCLe's ``fc``: a background class, which no label trains, then the classes. The
    CAM detaches this weight but not the feature map, so losses on CAM, SGC and level set
    reach the backbone and not the classifier. SGC's affinity reads detached features and trains
    ``fuse``.

    Some losses begin later. How much of the training is done, in epochs or iterations, the head reads
    from mmengine's message hub.

    Args:
        num_classes: Foreground classes C.
        in_channels: Channels of the feature maps ``in_index``.
        in_index: Outputs of the backbone: the sources of the affinity, and last the map that is
            classified (p1, p3, p5 and p7 of EfficientNet).
        imc_begin: Share of the training after which the inter-image contrast begins; 1 is never.
            MuSCLe begins its three at the epochs 4, 8 and 12 of 16.
        pixpro_begin: The same of the second step, on two views.
        emd_begin: The same of the earth mover's distance in it.
        guide: The map that a level set sees: ``'sgc'``, which the seeds of this host are made from,
            or ``'cam'``, the plain CAM of the paper's eq 6.

    Raises:
        ValueError: For an unknown ``guide``, or a begin that is no share.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: Sequence[int],
        in_index: Sequence[int],
        imc_begin: float = 0.25,
        pixpro_begin: float = 0.5,
        emd_begin: float = 0.75,
        guide: str = 'sgc',
    ) -> None:
        if guide not in ('cam', 'sgc'):
            raise ValueError(f"guide={guide!r} is unknown; choose 'cam' or 'sgc'")
        if min(in_index) < 0:  # behind the backbone's maps stands the image
            raise ValueError(
                f'in_index={tuple(in_index)}, expected numbers from 0; count from the first map'
            )
        super().__init__(in_channels[-1], num_classes, in_index=in_index[-1], align_corners=True)
        self.init_cfg = None  # MuSCLe leaves new layers as PyTorch makes them
        self.affinity_index = tuple(in_index[:-1])
        self.conv_seg = nn.Conv2d(in_channels[-1], num_classes + 1, 1, bias=False)
        self.fuse = nn.Conv2d(sum(in_channels[:-1]), FUSED_CHANNELS, 1)
        self.guide = guide
        self.begins = dict(imc=imc_begin, pixpro=pixpro_begin, emd=emd_begin)
        for name, begin in self.begins.items():
            if not 0 <= begin <= 1:
                raise ValueError(
                    f'{name}_begin={begin}, expected a share of the training from 0 to 1'
                )

    def begun(self, loss: str) -> bool:
        """Whether the training has reached the begin of ``'imc'``, ``'pixpro'`` or ``'emd'``."""
        hub = MessageHub.get_current_instance()
        return hub.get_info('iter', 0) >= self.begins[loss] * hub.get_info('max_iters', 1)

    def maps(self, inputs: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Everything the losses read, in float32 whatever the precision of the features.

        Args:
            inputs (Sequence[Tensor]): the backbone's feature maps, (N, K_i, h_i, w_i), and last the
                image (N, 3, H, W).

        Returns:
            tuple[Tensor]: embeddings (N, K); logits (N, 1 + C); CAM and SGC, both
                (N, 1 + C, h, w), >= 0, unnormalised. The background comes first.
        """
        with torch.autocast(inputs[-1].device.type, enabled=False):
            features = inputs[self.in_index].float()
            weight = self.conv_seg.weight
            embeddings = features.mean((2, 3))
            logits = F.linear(embeddings, weight.flatten(1))
            # contiguous, or the large maps made of it inherit the backbone's channels-last layout
            cam = F.conv2d(features, weight.detach()).relu().contiguous()
            sources = [
                F.interpolate(
                    inputs[i].detach().float(), cam.shape[2:], mode='bilinear', align_corners=True
                ).relu()
                for i in self.affinity_index
            ]
            sgc = propagate(cam, self.fuse(torch.cat(sources, 1)))
        return embeddings, logits, cam, sgc

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """SGC of the classes at the size of the view, which MuSCLe's seeds are made from.

        Args:
            inputs (Sequence[Tensor]): feature maps, (N, K_i, h_i, w_i), and last the view, (N, 3, H, W), see
                :meth:`maps`.

        Returns:
            Tensor: (N, C, H, W), >= 0.
        """
        return upsample(self.maps(inputs)[3], inputs)[:, 1:]

    def guide_map(self, inputs: Sequence[Tensor]) -> Tensor:
        """The map of ``guide``, (N, C, h, w), >= 0, of what :meth:`maps` takes."""
        return self._seen(*self.maps(inputs)[2:])

    def _seen(self, cam: Tensor, sgc: Tensor) -> Tensor:
        return (sgc if self.guide == 'sgc' else cam)[:, 1:]

    def classify(self, inputs: Sequence[Tensor]) -> Tensor:
        """Logits (N, C) of the image's classes, of what :meth:`maps` takes."""
        pooled = inputs[self.in_index].float().mean((2, 3))
        return F.linear(pooled, self.conv_seg.weight.flatten(1))[:, 1:]

    def loss(
        self,
        inputs: Sequence[Tensor],
        batch_data_samples: list[SegDataSample],
        train_cfg: dict | None = None,
    ) -> dict[str, Tensor]:
        """Losses of whole images; leaves ``guide`` (C, h, w) >= 0 of stride 16 on every sample.

        Args:
            inputs (Sequence[Tensor]): feature maps, (N, K_i, h_i, w_i), and last the view, (N, 3, H, W), see
                :meth:`maps`.
            batch_data_samples: Samples with metainfo ``img_label`` (C,).
            train_cfg: Unused, mmseg's signature.

        Returns:
            dict: see :meth:`loss_by_feat`.
        """
        embeddings, logits, cam, sgc = self.maps(inputs)
        set_cams(batch_data_samples, self._seen(cam, sgc))
        return self.loss_by_feat(
            logits, embeddings, upsample(cam, inputs), upsample(sgc, inputs), batch_data_samples
        )

    def loss_by_feat(  # type: ignore[override]  # of four maps
        self,
        logits: Tensor,
        embeddings: Tensor,
        cam: Tensor,
        sgc: Tensor,
        batch_data_samples: list[SegDataSample],
    ) -> dict[str, Tensor]:
        """MuSCLe's losses of whole images, all of weight 1.

        Args:
            logits (Tensor): (N, 1 + C).
            embeddings (Tensor): pooled features, (N, K).
            cam (Tensor): (N, 1 + C, H, W), >= 0.
            sgc (Tensor): likewise.
            batch_data_samples: Samples with metainfo ``img_label`` (C,).

        Returns:
            dict: ``loss_focal``, ``loss_softmargin`` and ``loss_lsep`` of the image labels,
                ``loss_er`` between CAM and SGC, from its begin on ``loss_imc``; and what
                :func:`image_level_decisions` logs.
        """
        logits = logits[:, 1:]
        labels = image_labels([s.metainfo for s in batch_data_samples], self.num_classes, logits)
        probabilities = logits.sigmoid()
        losses = dict(
            loss_focal=focal_loss(probabilities, labels),
            loss_softmargin=F.multilabel_soft_margin_loss(logits, labels),
            loss_lsep=pairwise_ranking_loss(probabilities, labels),
            loss_er=equivariant_loss(cam, sgc, labels),
        )
        if self.begun('imc'):
            losses['loss_imc'] = image_contrast_loss(embeddings, labels)
        return losses | image_level_decisions(logits, labels)

    def loss_views(
        self,
        first: Sequence[Tensor],
        second: Sequence[Tensor],
        batch_data_samples: list[SegDataSample],
    ) -> dict[str, Tensor]:
        """The SGC of one view follows the CAM of another where both show the same pixels.

        Args:
            first (Sequence[Tensor]): features of the first view, see :meth:`maps`.
            second (Sequence[Tensor]): features of the second view; no gradient.
            batch_data_samples: Samples with metainfo ``img_label`` (C,) and the field
                ``view_boxes`` (2, 4), the overlap in either view: top, left, height and width, in
                pixels.

        Returns:
            dict: ``loss_pixpro`` and, from its begin on, ``loss_emd``.
        """
        sgc = upsample(self.maps(first)[3], first)
        with torch.no_grad():
            cam = upsample(self.maps(second)[2], second)
        present = present_channels(
            image_labels([s.metainfo for s in batch_data_samples], self.num_classes, sgc)
        )
        boxes = torch.stack([s.view_boxes for s in batch_data_samples]).unbind(1)
        views = list(zip((sgc, cam), boxes, strict=True))
        # Absent classes are zero, so they are left out of the cosine.
        scores = [overlap(max_norm(maps), box, present) for maps, box in views]
        losses = dict(loss_pixpro=pixel_consistency_loss(*scores))
        if self.begun('emd'):
            units = [overlap(F.normalize(softmax_norm(maps), dim=1), box) for maps, box in views]
            losses['loss_emd'] = emd_loss(*units)
        return losses

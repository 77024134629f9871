"""SEAM's decode head: CAM, pixel correlation module and the losses between two views.

Constants are those of SEAM's network/resnet38_SEAM.py and train_SEAM.py.
"""

from collections.abc import Iterable, Sequence

import torch
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.nn import functional as F

from mmlevelset.registry import MODELS
from mmlevelset.structures.fields import image_labels, set_cams

from .cam_head import CAMHead
from .pcm import propagate

EPS = 1e-5  # SEAM's max_norm: subtracted from the maps, and added to their range
MIN_POOL_SHARE = 0.25  # of the pixels, in the loss on absent evidence
ECR_SHARE = 0.2  # of all values of an image, the largest, in the cross regularisation
SIDE_CHANNELS = (64, 128)  # from conv4 and conv5
PCM_CHANNELS = 192


@MODELS.register_module()
class SEAMHead(CAMHead):
    """Classifier, CAM and the CAM revised by the pixel correlation module (PCM).

    ::

        loss(views, samples)                             activation(feats)
          ├─ maps(view)          CAM, revised CAM          └─ forward(feats)   revised CAM
          ├─ set_cams            revised CAM, full view
          └─ loss_by_feat        cls, rvmin, er, ecr

    ``conv_seg`` is SEAM's ``fc8``: a background channel, which no label trains, then the classes. PCM
    takes the CAM as it is: its losses train ``f8_3``, ``f8_4`` and ``f9`` only.

    Args:
        num_classes: Foreground classes C.
        in_channels: Channels of conv4, conv5 and conv6.
        loss_weight: Of the classification loss.
        dropout_ratio: Of whole channels before the classifier.
        guide: The map that a level set sees: ``'pcm'``, the revised CAM, which the seeds of this host
            are made from, or ``'cam'``, the plain CAM of the paper's eq 6.

    Raises:
        ValueError: For an unknown ``guide``.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: Sequence[int] = (512, 1024, 4096),
        loss_weight: float = 1.0,
        dropout_ratio: float = 0.5,
        guide: str = 'pcm',
    ) -> None:
        if guide not in ('cam', 'pcm'):
            raise ValueError(f"guide={guide!r} is unknown; choose 'cam' or 'pcm'")
        super().__init__(
            in_channels[-1],
            num_classes,
            in_index=2,
            align_corners=True,
            loss_weight=loss_weight,
            dropout_ratio=dropout_ratio,
            init_cfg=[
                dict(type='Xavier', distribution='uniform', override=dict(name='conv_seg')),
                dict(
                    type='Kaiming', mode='fan_in', override=[dict(name='f8_3'), dict(name='f8_4')]
                ),
                dict(type='Xavier', distribution='uniform', gain=4, override=dict(name='f9')),
            ],
        )
        self.conv_seg = nn.Conv2d(in_channels[-1], num_classes + 1, 1, bias=False)
        self.guide = guide
        self.f8_3 = nn.Conv2d(in_channels[0], SIDE_CHANNELS[0], 1, bias=False)
        self.f8_4 = nn.Conv2d(in_channels[1], SIDE_CHANNELS[1], 1, bias=False)
        self.f9 = nn.Conv2d(3 + sum(SIDE_CHANNELS), PCM_CHANNELS, 1, bias=False)

    def maps(self, inputs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """CAM and revised CAM of a view.

        Args:
            inputs (Sequence[Tensor]): conv4, conv5, conv6, (N, K_i, h, w), and the image (N, 3, H, W).

        Returns:
            tuple[Tensor]: scores, signed, and revised CAM, >= 0, (N, 1 + C, h, w) each, background
                first.
        """
        conv4, conv5, conv6, image = inputs
        scores = self.cls_seg(conv6)
        features = [
            F.interpolate(image, scores.shape[2:], mode='bilinear', align_corners=True),
            F.relu(self.f8_3(conv4.detach())),
            F.relu(self.f8_4(conv5.detach())),
        ]
        return scores, propagate(competing(scores), self.f9(torch.cat(features, dim=1)))

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Revised CAM of the classes at the size of the view, which SEAM's seeds are made from.

        Args:
            inputs (Sequence[Tensor]): see :meth:`maps`.

        Returns:
            Tensor: (N, C, H, W), >= 0.
        """
        return upsample(self.maps(inputs)[1], inputs)[:, 1:]

    def classify(self, inputs: Sequence[Tensor]) -> Tensor:
        """Logits (N, C) of the image's classes, of what :meth:`maps` takes."""
        # The loss pools the enlarged scores as well.
        return upsample(self.cls_seg(inputs[2]), inputs).mean((2, 3))[:, 1:]

    def loss(  # type: ignore[override]  # of two views
        self,
        inputs: Sequence[Sequence[Tensor]],
        batch_data_samples: list[SegDataSample],
        train_cfg: dict | None = None,
    ) -> dict[str, Tensor]:
        """Compare two views of the batch, and leave ``guide`` (C, h, w) >= 0 of the first on the samples.

        Args:
            inputs (Sequence): the full and the small view, each as in :meth:`maps`.
            batch_data_samples: Samples with metainfo ``img_label`` (C,).
            train_cfg: Unused, mmseg's signature.

        Returns:
            dict: see :meth:`loss_by_feat`.
        """
        (scores, revised), (small_scores, small_revised) = map(self.maps, inputs)
        set_cams(batch_data_samples, (revised if self.guide == 'pcm' else F.relu(scores))[:, 1:])
        full, small = inputs
        return self.loss_by_feat(
            [upsample(scores, full), upsample(small_scores, small)],
            [upsample(revised, full), upsample(small_revised, small)],
            batch_data_samples,
        )

    def loss_by_feat(  # type: ignore[override]  # of two views
        self,
        seg_logits: Sequence[Tensor],
        revised: Sequence[Tensor],
        batch_data_samples: list[SegDataSample],
    ) -> dict[str, Tensor]:
        """SEAM's losses, all of weight 1.

        Args:
            seg_logits (Sequence[Tensor]): scores of the full and of the small view, (N, 1 + C, H, W)
                and (N, 1 + C, H', W'), signed.
            revised (Sequence[Tensor]): revised CAM, likewise, >= 0.
            batch_data_samples: Samples with metainfo ``img_label`` (C,).

        Returns:
            dict: ``loss_cls``, soft margin; ``loss_rvmin``, which keeps the revised CAM of the present
                classes low on their weakest quarter of pixels; ``loss_er`` and ``loss_ecr``, which
                make the CAMs and revised CAMs of the views agree; and ``acc_cls`` in per cent.
        """
        logits = [scores.mean((2, 3))[:, 1:] for scores in seg_logits]
        metas = [sample.metainfo for sample in batch_data_samples]
        labels = image_labels(metas, self.num_classes, logits[0])
        cls = both(F.multilabel_soft_margin_loss(z, labels) for z in logits) / 2
        present = F.pad(labels, (1, 0), value=1)[:, :, None, None]  # the background always is
        rvmin = both(min_pool((rv * present)[:, 1:]) for rv in revised) / 2

        size = seg_logits[1].shape[2:]
        cams = [shrink(max_norm(maps), size) * present for maps in seg_logits]
        revised = [shrink(max_norm(maps), size) * present for maps in revised]
        er = (cams[0] - cams[1])[:, 1:].abs().mean()
        # Each revised CAM follows the classes that win in the CAM of the other view.
        targets = [winners(rest_as_background(cam.detach())) for cam in reversed(cams)]
        ecr = both(largest(t - rv, ECR_SHARE) for t, rv in zip(targets, revised, strict=True))
        accuracy = ((logits[0] > 0) == labels.bool()).float().mean() * 100
        return dict(
            loss_cls=cls * self.loss_weight,
            loss_rvmin=rvmin,
            loss_er=er,
            loss_ecr=ecr,
            acc_cls=accuracy,
        )


def both(losses: Iterable[Tensor]) -> Tensor:
    """Sum of the scalar ``losses`` of the two views."""
    first, second = losses
    return first + second


def upsample(maps: Tensor, inputs: Sequence[Tensor]) -> Tensor:
    """Resize ``maps`` (N, C, h, w) to the image that ends the features ``inputs``, (N, C, H, W)."""
    return F.interpolate(maps, inputs[-1].shape[2:], mode='bilinear', align_corners=True)


def shrink(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Resize ``maps`` (N, C, H, W) to the small view, (N, C, *size)."""
    return F.interpolate(maps, tuple(size), mode='bilinear', align_corners=True)


def max_norm(maps: Tensor) -> Tensor:
    """Scale every channel of ReLU(``maps``) (N, C, H, W) from its minimum .. maximum to 0 .. 1."""
    maps = F.relu(maps)
    low, high = maps.amin((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)
    return F.relu(maps - low - EPS) / (high - low + EPS)


def rest_as_background(cam: Tensor) -> Tensor:
    """Replace the background of ``cam`` (N, 1 + C, h, w) by one minus the best class."""
    return torch.cat([1 - cam[:, 1:].amax(1, keepdim=True), cam[:, 1:]], dim=1)


def winners(cam: Tensor) -> Tensor:
    """Zero the classes of ``cam`` (N, 1 + C, h, w) that are not the best of their pixel; ties stay."""
    classes = cam[:, 1:]
    best = classes == classes.amax(1, keepdim=True)
    return torch.cat([cam[:, :1], classes * best], dim=1)


@torch.no_grad()
def competing(scores: Tensor) -> Tensor:
    """What PCM propagates: the winning class and the background, (N, 1 + C, h, w), in [0, 1].

    Args:
        scores (Tensor): of the classifier, (N, 1 + C, h, w), signed; no gradient flows back.
    """
    cam = F.relu(scores)
    cam = F.relu(cam - EPS) / (cam.amax((2, 3), keepdim=True) + EPS)
    return winners(rest_as_background(cam))


def min_pool(maps: Tensor) -> Tensor:
    """Mean over the quarter of an image's pixels whose best class is weakest; ``maps`` (N, C, H, W)."""
    best = maps.amax(1).flatten(1)
    share = max(1, int(best.shape[1] * MIN_POOL_SHARE))
    return F.relu(best.topk(share, largest=False, sorted=False).values).mean()


def largest(difference: Tensor, share: float) -> Tensor:
    """Mean over the largest ``share`` of every image's absolute values; ``difference`` (N, C, h, w)."""
    values = difference.abs().flatten(1)
    return values.topk(max(1, int(values.shape[1] * share)), sorted=False).values.mean()

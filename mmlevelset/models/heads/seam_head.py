"""SEAM's decode head: CAM, pixel correlation module and the losses between two views.

Constants are those of SEAM's network/resnet38_SEAM.py and train_SEAM.py.
"""

from collections.abc import Iterable, Sequence

import torch
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.nn import functional as F

from mmlevelset.models.host_losses import image_level_decisions
from mmlevelset.registry import MODELS
from mmlevelset.structures.fields import image_labels, set_cams

from .cam_head import CAMHead
from .pcm import propagate

EPS = 1e-5  # SEAM's max_norm: subtracted from the maps, and added to their range
MIN_POOL_SHARE = 0.25  # of the pixels, in the loss on absent evidence
ECR_SHARE = 0.2  # of all values of an image, the largest, in the cross regularisation
SIDE_CHANNELS = (64, 128)  # from the two side maps, conv4 and conv5 of ResNet38
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
        in_channels: Channels of two side maps of PCM, then of the map that is classified: conv4, conv5 and
            conv6 of ResNet38.
        in_index: Which outputs of the backbone these are, counted from 0; the side maps may have other
            strides.
        loss_weight: Of the classification loss.
        dropout_ratio: Of whole channels before the classifier.
        guide: The map that a level set sees: ``'pcm'``, the revised CAM, which the seeds of this host
            are made from, or ``'cam'``, the plain CAM of the paper's eq 6.

    Raises:
        ValueError: For an unknown ``guide``, or an index that counts from the end.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: Sequence[int] = (512, 1024, 4096),
        in_index: Sequence[int] = (0, 1, 2),
        loss_weight: float = 1.0,
        dropout_ratio: float = 0.5,
        guide: str = 'pcm',
    ) -> None:
        if guide not in ('cam', 'pcm'):
            raise ValueError(f"guide={guide!r} is unknown; choose 'cam' or 'pcm'")
        if min(in_index) < 0:  # behind the backbone's maps stands the image
            raise ValueError(
                f'in_index={tuple(in_index)}, expected numbers from 0; count from the first map'
            )
        super().__init__(
            in_channels[-1],
            num_classes,
            in_index=in_index[-1],
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
        self.side_index = tuple(in_index[:-1])
        self.f8_3 = nn.Conv2d(in_channels[0], SIDE_CHANNELS[0], 1, bias=False)
        self.f8_4 = nn.Conv2d(in_channels[1], SIDE_CHANNELS[1], 1, bias=False)
        self.f9 = nn.Conv2d(3 + sum(SIDE_CHANNELS), PCM_CHANNELS, 1, bias=False)

    def maps(self, inputs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """CAM and revised CAM of a view.

        Args:
            inputs (Sequence[Tensor]): the backbone's feature maps, (N, K_i, h_i, w_i), and last the
                image (N, 3, H, W).

        Returns:
            tuple[Tensor]: scores, signed, and revised CAM, >= 0, (N, 1 + C, h, w) each, background
                first, on the grid of the map that is classified.
        """
        scores = self.cls_seg(inputs[self.in_index])
        first, second = (inputs[i].detach() for i in self.side_index)
        maps = inputs[-1], F.relu(self.f8_3(first)), F.relu(self.f8_4(second))
        features = [resize(m, scores.shape[2:]) for m in maps]
        return scores, propagate(competing(scores), self.f9(torch.cat(features, dim=1)))

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Revised CAM of the classes at the size of the view, which SEAM's seeds are made from.

        Args:
            inputs (Sequence[Tensor]): feature maps, (N, K_i, h_i, w_i), and last the view, (N, 3, H, W), see
                :meth:`maps`.

        Returns:
            Tensor: (N, C, H, W), >= 0.
        """
        return upsample(self.maps(inputs)[1], inputs)[:, 1:]

    def guide_map(self, inputs: Sequence[Tensor]) -> Tensor:
        """The map of ``guide``, (N, C, h, w), >= 0, of what :meth:`maps` takes."""
        return self._seen(*self.maps(inputs))

    def _seen(self, scores: Tensor, revised: Tensor) -> Tensor:
        return (revised if self.guide == 'pcm' else F.relu(scores))[:, 1:]

    def classify(self, inputs: Sequence[Tensor]) -> Tensor:
        """Logits (N, C) of the image's classes, of what :meth:`maps` takes."""
        # The loss pools the enlarged scores as well.
        return pool(self.cls_seg(inputs[self.in_index]), inputs[-1].shape[2:])[:, 1:]

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
        set_cams(batch_data_samples, self._seen(scores, revised))
        return self.loss_by_feat(
            [scores, small_scores],
            [revised, small_revised],
            batch_data_samples,
            [features[-1].shape[2:] for features in inputs],
        )

    def loss_by_feat(  # type: ignore[override]  # of two views
        self,
        seg_logits: Sequence[Tensor],
        revised: Sequence[Tensor],
        batch_data_samples: list[SegDataSample],
        sizes: Sequence[torch.Size],
    ) -> dict[str, Tensor]:
        """SEAM's losses, all of weight 1, of maps at the size of their views.

        Args:
            seg_logits (Sequence[Tensor]): scores of the full and of the small view, (N, 1 + C, h, w)
                each on its own grid, signed.
            revised (Sequence[Tensor]): revised CAM, likewise, >= 0.
            batch_data_samples: Samples with metainfo ``img_label`` (C,).
            sizes (Sequence[torch.Size]): (H, W) of the views.

        Returns:
            dict: ``loss_cls``, soft margin; ``loss_rvmin``, which keeps the revised CAM of the present
                classes low on their weakest quarter of pixels; ``loss_er`` and ``loss_ecr``, which
                make the CAMs and revised CAMs of the views agree; and what
                :func:`image_level_decisions` logs of the full view.
        """
        logits = [pool(scores, size)[:, 1:] for scores, size in zip(seg_logits, sizes, strict=True)]
        metas = [sample.metainfo for sample in batch_data_samples]
        labels = image_labels(metas, self.num_classes, logits[0])
        cls = both(F.multilabel_soft_margin_loss(z, labels) for z in logits) / 2
        present = F.pad(labels, (1, 0), value=1).bool()  # the background always is
        # Maps of absent classes count as zero, so they need not be enlarged.
        seg_logits, revised = (
            [resize(m[present][None], size) for m, size in zip(maps, sizes, strict=True)]
            for maps in (seg_logits, revised)
        )
        rvmin = both(min_pool(best_class(rv[0], present)) for rv in revised) / 2

        cams, revised = (
            [spread(resize(max_norm(m), sizes[1])[0], present) for m in maps]
            for maps in (seg_logits, revised)
        )
        er = (cams[0] - cams[1])[:, 1:].abs().mean()
        # Each revised CAM follows the classes that win in the CAM of the other view.
        targets = [winners(rest_as_background(cam.detach())) for cam in reversed(cams)]
        ecr = both(largest(t - rv, ECR_SHARE) for t, rv in zip(targets, revised, strict=True))
        return dict(
            loss_cls=cls * self.loss_weight,
            loss_rvmin=rvmin,
            loss_er=er,
            loss_ecr=ecr,
            **image_level_decisions(logits[0], labels),
        )


def both(losses: Iterable[Tensor]) -> Tensor:
    """Sum of the scalar ``losses`` of the two views."""
    first, second = losses
    return first + second


def resize(maps: Tensor, size: torch.Size) -> Tensor:
    """Resize ``maps`` (N, C, h, w) to (N, C, *size)."""
    return F.interpolate(maps, size, mode='bilinear', align_corners=True)


def upsample(maps: Tensor, inputs: Sequence[Tensor]) -> Tensor:
    """Resize ``maps`` (N, C, h, w) to the image that ends the features ``inputs``, (N, C, H, W)."""
    return resize(maps, inputs[-1].shape[2:])


def pool(maps: Tensor, size: torch.Size) -> Tensor:
    """Mean (N, C) of :func:`resize` of ``maps`` (N, C, h, w) to ``size``, without making it."""
    rows, columns = (
        F.interpolate(torch.eye(n).to(maps)[None], m, mode='linear', align_corners=True).mean(2)[0]
        for n, m in zip(maps.shape[2:], size, strict=True)
    )
    return torch.einsum('nchw,h,w->nc', maps, rows, columns)


def best_class(maps: Tensor, present: Tensor) -> Tensor:
    """Largest value of an image's classes, (N, 1, H, W), 0 without any.

    Args:
        maps (Tensor): of the present channels of all images, one after the other, (P, H, W), >= 0.
        present (Tensor): bool (N, 1 + C) of P ones; the background always is.
    """
    images = maps.split(present.sum(1).tolist())
    return torch.stack([F.pad(m[1:], (0, 0, 0, 0, 0, 1)).amax(0, keepdim=True) for m in images])


def spread(maps: Tensor, present: Tensor) -> Tensor:
    """Put the maps (P, h, w) of the ``present`` (N, 1 + C) channels between zeros, (N, 1 + C, h, w)."""
    out = maps.new_zeros(*present.shape, *maps.shape[1:])
    out[present] = maps
    return out


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

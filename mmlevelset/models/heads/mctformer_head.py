"""The head of MCTformer V1, V2 and +: classification by class tokens and patches, and fused CAMs."""

from collections.abc import Sequence

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.nn import functional as F

from mmlevelset.models.backbones.mctformer import MCTformer
from mmlevelset.models.host_losses import image_level_decisions
from mmlevelset.registry import MODELS
from mmlevelset.structures.fields import image_labels, set_cams

from .maps_only import MapsOnly

VARIANTS = ('v1', 'v2', 'plus')
CAM_TYPES = ('fused', 'patch', 'attention')
GUIDES = ('fused', 'cam')
GWRP_DECAY = 0.996  # weight of a rank relative to the one before it
LABEL_EPS = 1e-8  # as in the original, against division by zero


@MODELS.register_module()
class MCTformerHead(MapsOnly, BaseDecodeHead):
    """Class logits from class tokens, a patch classifier, and the CAM that fuses both.

    ::

        loss(feats, samples)                              activation(feats)    A (M * ReLU(S))
          ├─ forward(feats)    mean of class tokens, S      └─ fused_cam(feats)
          ├─ set_cams          activation(feats)
          └─ loss_by_feat      soft margins, contrast

    =====  ===============  =====================  ========================  ==================
    .      patch scores S   pooling of S           attention M over layers   fused CAM
    =====  ===============  =====================  ========================  ==================
    v1     none             none                   sum                       M
    v2     3 x 3 conv       average                sum                       M * ReLU(S)
    plus   3 x 3 conv       weighted ranking       mean                      sqrt(M * ReLU(S))
    =====  ===============  =====================  ========================  ==================

    ``A`` is the affinity of the patches, their attention summed over all layers. ``plus`` also
    contrasts the class tokens. In training, gradients of C pass through S alone: M and A weigh it.
    V1 has no S, so no map for a level set. ``conv_seg`` is the patch classifier.

    Args:
        in_channels: Channels D of the tokens.
        num_classes: Foreground classes C.
        variant: ``'v1'``, ``'v2'`` or ``'plus'``.
        num_layers: How many of the last layers' attentions make M; 3 in V1 and V2, 12 in plus.
        cam_type: ``'fused'``, or ``'patch'``, ReLU(S), or ``'attention'``, M, alone.
        guide: The map C that a level set sees: ``'fused'``, which the seeds of this host are made
            from, or ``'cam'``, ReLU(S), the plain CAM of the paper's eq 6.
        align_corners: Of the bilinear resizing.
        init_cfg: Initialisation.

    Raises:
        ValueError: For an unknown variant, CAM or guide, or the patch scores of V1.
    """

    conv_seg: nn.Conv2d | None

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 384,
        variant: str = 'plus',
        num_layers: int = 12,
        cam_type: str = 'fused',
        guide: str = 'fused',
        align_corners: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        for name, value, known in (
            ('variant', variant, VARIANTS),
            ('cam_type', cam_type, CAM_TYPES),
            ('guide', guide, GUIDES),
        ):
            if value not in known:
                raise ValueError(f'{name}={value!r} is unknown; choose one of {known}')
        if variant == 'v1' and cam_type == 'patch':
            raise ValueError("variant='v1' has no patch scores: use cam_type='attention'")
        super().__init__(
            in_channels=in_channels,
            channels=in_channels,
            num_classes=num_classes,
            in_index=0,
            dropout_ratio=0,
            align_corners=align_corners,
            out_channels=num_classes,
            init_cfg=init_cfg,  # None: PyTorch's own initialisation of conv_seg, as the original
        )
        del self.loss_decode, self.conv_seg  # mmseg's pixel-wise loss and 1 x 1 convolution
        self.conv_seg = None
        if variant != 'v1':
            self.conv_seg = nn.Conv2d(in_channels, num_classes, 3, padding=1)
        self.variant = variant
        self.num_layers = num_layers
        self.cam_type = cam_type
        self.guide = guide

    def guide_level_set(self, backbone: MCTformer) -> None:
        """Have the backbone return in training what ``guide`` is made from: there is a level set."""
        backbone.train_attentions = self.guide == 'fused' and self.variant != 'v1'

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
        """Score the image and every patch.

        Args:
            inputs (Sequence[Tensor]): what :class:`MCTformer` returns; patch tokens (N, D, h, w)
                and class tokens (N, L, C, D).

        Returns:
            tuple: class logits (N, C), the mean of the last layer's class tokens, and the patch
            scores S before the ReLU of eq 6, (N, C, h, w), signed, or ``None`` for V1.
        """
        scores = None if self.conv_seg is None else self.conv_seg(inputs[0])
        return inputs[1][:, -1].mean(2), scores

    def loss(
        self,
        inputs: Sequence[Tensor],
        batch_data_samples: list[SegDataSample],
        train_cfg: dict | None = None,
    ) -> dict[str, Tensor]:
        """Classify, and leave ``guide`` (C, h, w) >= 0 with its graph on every sample, except in V1.

        Args:
            inputs (Sequence[Tensor]): see :meth:`forward`. Without attentions, as where there is no
                level set, ``guide='fused'`` leaves nothing.
            batch_data_samples: Samples with metainfo ``img_label`` (C,).
            train_cfg: Unused, mmseg's signature.

        Returns:
            dict: scalars ``loss_cls``, of V2 and plus ``loss_patch``, of plus ``loss_cct``; and
            what :func:`image_level_decisions` logs of the class tokens.
        """
        logits, scores = self.forward(inputs)
        if scores is not None and (self.guide == 'cam' or len(inputs) == 4):
            set_cams(batch_data_samples, self.guide_map(inputs))
        return self.loss_by_feat(logits, scores, inputs[1], batch_data_samples)

    def loss_by_feat(
        self,
        logits: Tensor,
        scores: Tensor | None,
        tokens: Tensor,
        batch_data_samples: list[SegDataSample],
    ) -> dict[str, Tensor]:
        """Losses of :meth:`loss`, each with weight 1 as in the original.

        Args:
            logits (Tensor): class logits, (N, C).
            scores (Tensor): patch scores S, (N, C, h, w), signed, or ``None``.
            tokens (Tensor): class tokens of all layers, (N, L, C, D).
            batch_data_samples: Samples with metainfo ``img_label`` (C,).
        """
        logits = logits.float()
        labels = image_labels([s.metainfo for s in batch_data_samples], self.num_classes, logits)
        losses = dict(loss_cls=F.multilabel_soft_margin_loss(logits, labels))
        if scores is not None:
            losses['loss_patch'] = F.multilabel_soft_margin_loss(self.pool(scores.float()), labels)
        if self.variant == 'plus':
            losses['loss_cct'] = class_token_contrast(tokens.float(), labels)
        return losses | image_level_decisions(logits, labels)

    def pool(self, scores: Tensor) -> Tensor:
        """Patch logits (N, C) of the patch scores (N, C, h, w)."""
        return weighted_ranking_pool(scores) if self.variant == 'plus' else scores.mean((2, 3))

    def guide_map(self, inputs: Sequence[Tensor]) -> Tensor:
        """The map of ``guide``, (N, C, h, w), >= 0, of what :meth:`forward` takes."""
        scores = self.forward(inputs)[1] if self.guide == 'cam' else None
        return self.activation(inputs) if scores is None else F.relu(scores)

    def activation(self, inputs: Sequence[Tensor]) -> Tensor:
        """CAM of one view, spread over similar patches.

        Args:
            inputs (Sequence[Tensor]): what :class:`MCTformer` returns with attentions.

        Returns:
            Tensor: A CAM with A the affinity, (N, C, h, w), >= 0, unnormalised.
        """
        return spread(self.fused_cam(inputs), inputs[3])

    def fused_cam(self, inputs: Sequence[Tensor]) -> Tensor:
        """CAM before the affinity refinement, see the table of the class.

        Args:
            inputs (Sequence[Tensor]): what :class:`MCTformer` returns with attentions.

        Returns:
            Tensor: (N, C, h, w), >= 0, unnormalised, in float32: tiny products must not underflow.

        Raises:
            ValueError: There are no attentions: the backbone was in training mode, and no level set asked for
                them.
        """
        if len(inputs) < 4:
            raise ValueError(
                'the fused CAM needs attentions, which MCTformer returns in eval mode, and in training only '
                'for a level set with guide="fused" (train_attentions): call model.eval() before extract_feat.'
            )
        scores = self.forward(inputs)[1]
        patch = None if scores is None else F.relu(scores.float())
        if self.cam_type == 'patch' and patch is not None:
            return patch
        layers = inputs[2][:, -self.num_layers :].float()
        attention = layers.mean(1) if self.variant == 'plus' else layers.sum(1)
        if self.cam_type == 'attention' or patch is None:
            return attention
        fused = attention * patch
        if self.variant != 'plus':
            return fused
        # The root is steep without end at 0, where the ReLU lets no gradient pass: 0 * inf is NaN.
        nothing = fused == 0
        return fused.masked_fill(nothing, 1).sqrt().masked_fill(nothing, 0)

    def classify(self, inputs: Sequence[Tensor]) -> Tensor:
        """Logits (N, C) of the image's classes, of what :class:`MCTformer` returns."""
        return self.forward(inputs)[0]


def spread(cam: Tensor, affinity: Tensor) -> Tensor:
    """Give every patch the sum of what all patches have, weighted by its affinity to them.

    Args:
        cam (Tensor): (N, C, h, w).
        affinity (Tensor): (N, h * w, h * w) by query and key, >= 0.

    Returns:
        Tensor: like ``cam``.
    """
    # tiny products would underflow in half precision
    with torch.autocast(cam.device.type, enabled=False):
        return (cam.flatten(2) @ affinity.to(cam).transpose(1, 2)).view_as(cam)


def weighted_ranking_pool(scores: Tensor, decay: float = GWRP_DECAY) -> Tensor:
    """Global weighted ranking pooling: the j-th largest score weighs ``decay ** (j - 1)``.

    Args:
        scores (Tensor): (N, C, h, w), signed.
        decay: 1 is the mean, 0 the maximum.

    Returns:
        Tensor: weighted means, (N, C).
    """
    ranked = scores.flatten(2).sort(dim=2, descending=True).values
    weights = decay ** torch.arange(ranked.shape[2], device=scores.device, dtype=scores.dtype)
    return (ranked * (weights / weights.sum())).sum(2)


def class_token_contrast(tokens: Tensor, labels: Tensor) -> Tensor:
    """Contrastive class token loss of MCTformer+: tokens of different classes shall differ.

    For every present class the cross-entropy of telling its token, by cosine similarity without
    temperature, from those of all C classes; the mean over classes, layers and images.

    Args:
        tokens (Tensor): class tokens after every layer, (N, L, C, D).
        labels (Tensor): image labels, (N, C), 0/1.

    Returns:
        Tensor: a scalar; log C where all tokens coincide, as they do at the start.
    """
    tokens = F.normalize(tokens, dim=3)
    with torch.autocast(tokens.device.type, enabled=False):
        similarity = tokens @ tokens.transpose(2, 3)
    entropy = -similarity.log_softmax(3).diagonal(dim1=2, dim2=3).mean(1)
    return ((entropy * labels).sum(1) / (labels.sum(1) + LABEL_EPS)).mean()

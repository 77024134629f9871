"""CLIP-ES: a segmenter out of CLIP without training (Lin et al., CVPR 2023, arXiv:2212.09506)."""

from collections.abc import Sequence

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.nn import functional as F

from mmlevelset.models.backbones.clip_vit import CLIPBlock
from mmlevelset.registry import MODELS
from mmlevelset.structures.fields import image_labels, set_cams

from .clip_affinity import refined, unit_range
from .maps_only import MapsOnly

TEMPERATURE = 1 / 0.07  # where CLIP's training starts; the checkpoint has the value it came to


@MODELS.register_module()
class CLIPESHead(MapsOnly, BaseDecodeHead):
    """CLIP's last block, and the CAM that its text directions give: nothing here is trained.

    ::

        loss(feats, samples)                activation(feats, labels)
          └─ _maps                            └─ _maps
                                                   ├─ grad_cam   of the softmax over the present classes
                                                   │             and the backgrounds, through the block
                                                   └─ refined    by the attention of the last blocks

    Texts become buffers, made once by tools/model_converters/clip_es.py from ``classes``,
    ``backgrounds`` and ``prompt``; the text tower is not part of the host.

    Args:
        num_classes: Foreground classes C.
        classes: Their C names in the prompt, synonyms included.
        backgrounds: Names of B things that are no class.
        prompt: Sentence with ``{}`` in the place of the name.
        in_channels: Channels D of the tokens.
        num_heads: Heads of the block's attention.
        features: Channels E of the space that texts and images share.
        box_threshold: See :func:`~mmlevelset.models.heads.clip_affinity.boxes`: 0.4 on VOC, 0.7 on
            COCO.
        align_corners: mmseg's attribute, unused here.
        init_cfg: Initialisation.

    Raises:
        ValueError: There are not C names.
    """

    needs_labels = True
    text: Tensor
    background_text: Tensor

    def __init__(
        self,
        num_classes: int,
        classes: Sequence[str],
        backgrounds: Sequence[str],
        prompt: str = 'a clean origami {}.',
        in_channels: int = 768,
        num_heads: int = 12,
        features: int = 512,
        box_threshold: float = 0.4,
        align_corners: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        if len(classes) != num_classes:
            raise ValueError(
                f'CLIPESHead: num_classes={num_classes}, but {len(classes)} names in classes; give '
                'every foreground class of the data set a name, in its order'
            )
        super().__init__(
            in_channels=in_channels,
            channels=in_channels,
            num_classes=num_classes,
            dropout_ratio=0,
            align_corners=align_corners,
            out_channels=num_classes,
            init_cfg=init_cfg,
        )
        del self.loss_decode, self.conv_seg  # mmseg's pixel-wise loss and classifier
        self.classes, self.backgrounds, self.prompt = tuple(classes), tuple(backgrounds), prompt
        self.box_threshold = box_threshold
        self.block = CLIPBlock(in_channels, num_heads)
        self.ln_post = nn.LayerNorm(in_channels)
        self.proj = nn.Parameter(in_channels**-0.5 * torch.randn(in_channels, features))
        self.logit_scale = nn.Parameter(torch.tensor(TEMPERATURE).log())
        self.requires_grad_(False)
        self.register_buffer('text', torch.zeros(num_classes, features))
        self.register_buffer('background_text', torch.zeros(len(backgrounds), features))
        self.guides = False

    def guide_level_set(self, backbone: nn.Module) -> None:
        """Know that there is a level set, which is all that can be trained."""
        self.guides = True

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Text similarities of ``inputs``, (N, C, h, w), in [-1, 1], see :meth:`text_similarity`."""
        return self.text_similarity(inputs)

    def text_similarity(self, inputs: Sequence[Tensor]) -> Tensor:
        """Compare every patch with the text of every class.

        The image's feature is the mean of those of its patches, before they are scaled to length 1.

        Args:
            inputs (Sequence[Tensor]): what :class:`CLIPViT` returns.

        Returns:
            Tensor: cosines, (N, C, h, w), in [-1, 1].

        Raises:
            ValueError: The weights were not loaded.
        """
        self._check_texts()
        *maps, tokens, _ = inputs
        with torch.autocast(tokens.device.type, enabled=False):
            return self._similarity(self.block(tokens.float())[0], maps[-1].shape[2:])

    def _similarity(self, last: Tensor, size: Sequence[int]) -> Tensor:
        """Cosines (N, C, h, w) of the last tokens (N, 1 + h * w, D) to the texts, size being (h, w)."""
        patches = F.normalize(self._project(last), dim=2)
        return (self.text @ patches.mT).unflatten(2, tuple(size))

    def loss(
        self,
        inputs: Sequence[Tensor],
        batch_data_samples: list[SegDataSample],
        train_cfg: dict | None = None,
    ) -> dict[str, Tensor]:
        """Leave CAM and text similarities, (C, h, w), on every sample for a level set; there is no loss.

        Args:
            inputs (Sequence[Tensor]): what :class:`CLIPViT` returns.
            batch_data_samples: Samples with metainfo ``img_label`` (C,).
            train_cfg: Unused, mmseg's signature.

        Raises:
            ValueError: There is no level set, so nothing to train; or a folder gave a sample its text
                similarities, which a prediction would not have.
        """
        if not self.guides:
            raise ValueError(
                'CLIP-ES trains nothing: export its seeds with tools/test.py, or train a config with '
                'a level set, configs/seed/clip_es/*_levelset_*.py'
            )
        metas = [sample.metainfo for sample in batch_data_samples]
        labels = image_labels(metas, self.num_classes, inputs[0])
        cams, texts = self._maps(inputs, labels)
        set_cams(batch_data_samples, cams)
        for sample, text in zip(batch_data_samples, texts, strict=True):
            if 'text_similarity' in sample:
                raise ValueError(
                    f'{sample.get("img_path")}: got text similarities of a folder, and CLIP-ES makes its '
                    "own, in training and prediction alike; take LoadGuide(field='text_similarity') out "
                    'of the pipeline'
                )
            sample.set_data({'text_similarity': text})
        return {}

    def activation(self, inputs: Sequence[Tensor], labels: Tensor | None = None) -> Tensor:
        """CAM after the refinement.

        Args:
            inputs (Sequence[Tensor]): what :class:`CLIPViT` returns.
            labels (Tensor, optional): present classes, (N, C), 0/1; default: all of them.

        Returns:
            Tensor: (N, C, h, w), in [0, 1), 0 for absent classes.

        Raises:
            ValueError: The weights were not loaded.
        """
        if labels is None:
            labels = inputs[0].new_ones(len(inputs[0]), self.num_classes)
        return self._maps(inputs, labels)[0]

    def _maps(self, inputs: Sequence[Tensor], labels: Tensor) -> tuple[Tensor, Tensor]:
        """CAM and text similarities, (N, C, h, w) each, of one pass through the block.

        Arguments and maps as of :meth:`activation` and :meth:`text_similarity`.
        """
        *maps, tokens, attention = inputs
        size = maps[-1].shape[2:]
        with torch.autocast(tokens.device.type, enabled=False):
            cam, own, last = self.grad_cam(tokens.float(), labels, size)
            # The official code takes their mean; Sinkhorn's normalisation makes the same of the sum.
            cam = refined(cam, attention.float() + own, self.box_threshold)
            return cam, self._similarity(last, size)

    def grad_cam(
        self, tokens: Tensor, labels: Tensor, size: Sequence[int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """GradCAM of the probabilities at the output of the block's first LayerNorm.

        Args:
            tokens (Tensor): of the last but one block, (N, 1 + h * w, D).
            labels (Tensor): present classes, (N, C), 0/1.
            size: (h, w).

        Returns:
            tuple: maps (N, C, h, w), in [0, 1), 0 for absent classes; the block's attention between
            patches, (N, h * w, h * w) by query and key; and its tokens, (N, 1 + h * w, D).
        """
        cam = tokens.new_zeros(len(tokens), self.num_classes, tokens.shape[1] - 1)
        rank = labels.cumsum(1) * labels  # the k-th class of every image, by one gradient
        with torch.enable_grad():
            normed = self.block.ln_1(tokens).detach().requires_grad_()
            last, attention = self.block.after_norm(tokens, normed)
            probability = self.probabilities(last, labels)
            for k in range(1, int(labels.sum(1).max()) + 1):
                n, c = (rank == k).nonzero(as_tuple=True)
                (slope,) = torch.autograd.grad(probability[n, c].sum(), normed, retain_graph=True)
                weight = slope[n, 1:].mean(1, keepdim=True)
                cam[n, c] = (weight * normed.detach()[n, 1:]).sum(2)
        cam = cam.unflatten(2, tuple(size)).relu()
        # Twice, as in the official code: a map of tiny values reaches 1 by the second time only.
        return unit_range(unit_range(cam)), attention.detach()[:, 1:, 1:], last.detach()

    def probabilities(self, tokens: Tensor, labels: Tensor) -> Tensor:
        """Softmax over the present classes and the backgrounds.

        Args:
            tokens (Tensor): of the last block, (N, 1 + h * w, D).
            labels (Tensor): present classes, (N, C), 0/1.

        Returns:
            Tensor: (N, C), 0 for absent classes.

        Raises:
            ValueError: The weights were not loaded.
        """
        self._check_texts()
        image = F.normalize(self._project(tokens).mean(1), dim=1)
        logits = self.logit_scale.exp() * image @ torch.cat([self.text, self.background_text]).mT
        absent = F.pad(labels == 0, (0, len(self.background_text)))
        return logits.masked_fill(absent, float('-inf')).softmax(1)[:, : self.num_classes]

    def _project(self, tokens: Tensor) -> Tensor:
        """Features of the patches, (N, h * w, E), of the last tokens (N, 1 + h * w, D)."""
        return self.ln_post(tokens)[:, 1:] @ self.proj

    def _check_texts(self) -> None:
        if not self.text.any():
            raise ValueError(
                'CLIPESHead has no texts: convert the weights of CLIP with '
                'tools/model_converters/clip_es.py and give the file as load_from, or to tools/test.py'
            )

"""The head of WeakTr: learnt weights of the attention heads, coarse and fine CAMs."""

from collections.abc import Sequence
from typing import Any

from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.nn import functional as F

from mmlevelset.registry import MODELS
from mmlevelset.structures.fields import image_labels, set_cams

from .mctformer_head import MCTformerHead, spread

REDUCTION = 8  # of both bottlenecks: --reduction and --feat-reduction of the official commands


class AttentionFusion(nn.Module):
    """Adaptive attention fusion (AAF): how much each of the K = heads * L attention maps counts.

    A map is judged by its D / heads channels of the attention's output, each at its maximum over all
    tokens: two linear layers make one number of them. A bottleneck then weighs the K maps against one
    another, by a sigmoid. No gradient passes to the transformer.

    Args:
        maps: K.
        channels: D / heads.
    """

    def __init__(self, maps: int, channels: int) -> None:
        super().__init__()
        hidden = max(channels // REDUCTION, 1)
        self.judge = nn.Sequential(nn.Linear(channels, hidden), nn.Linear(hidden, 1))
        hidden = max(maps // REDUCTION, 1)
        self.balance = nn.Sequential(
            nn.Linear(maps, hidden, bias=False),
            nn.ReLU(),
            nn.Linear(hidden, maps, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, outputs: Tensor, heads: int) -> Tensor:
        """Weigh the maps.

        The official code gives channel j of the output, which is behind the projection that mixes the
        heads, to head j mod ``heads``; the checkpoints need the same.

        Args:
            outputs (Tensor): outputs of the attention, (N, L, T, D), signed.
            heads: Of every attention.

        Returns:
            Tensor: weights in (0, 1), (N, K), head by head and within a head layer by layer.
        """
        pooled = outputs.amax(2).unflatten(2, (-1, heads))  # (N, L, D / heads, heads)
        judged = self.judge(pooled.permute(0, 3, 1, 2))
        return self.balance(judged.flatten(1))


@MODELS.register_module()
class WeakTrHead(MCTformerHead):
    """Class tokens, a patch classifier, and a CAM from learnt weights of the attention heads.

    ::

        loss(feats, samples)
          ├─ fuse(feats)       AttentionFusion: M, attention of the class tokens to the patches, and
          │                    A, of the patches to the patches, means over the weighed maps
          ├─ MCTformerHead     loss_cls of the class tokens, loss_patch of the coarse CAM S
          └─ loss_fine         of the fine CAM A (M * ReLU(S)), where S has no gradient

    The rest is MCTformer-V2's, and so is ``cam_type``. The loss of the fine CAM trains the fusion
    alone; the map that a level set sees also has the gradient of S.

    Args:
        num_classes: Foreground classes C.
        in_channels: Channels D of the tokens.
        num_layers: Blocks L of the backbone.
        num_heads: Heads of every attention.
        **kwargs: ``cam_type``, ``guide``, ``align_corners`` and ``init_cfg`` of
            :class:`MCTformerHead`.
    """

    conv_seg: nn.Conv2d

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 384,
        num_layers: int = 12,
        num_heads: int = 6,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_classes, in_channels, variant='v2', num_layers=1, **kwargs)
        self.sizes = (num_heads, num_layers)
        self.fusion = AttentionFusion(num_heads * num_layers, in_channels // num_heads)

    def fuse(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """What :class:`MCTformer` returns without ``per_head``, from what it returns with it.

        Returns:
            tuple: patch tokens (N, D, h, w), class tokens (N, L, C, D), M (N, 1, C, h, w) and
            A (N, h * w, h * w) by query and key, both >= 0, with the graph of the fusion.

        Raises:
            ValueError: The backbone has other numbers of blocks or heads than this head, or no
                ``per_head``.
        """
        per_head = len(inputs) == 4 and inputs[3].ndim == 4
        sizes = tuple(inputs[2].shape[1:3]) if per_head else ()
        if sizes != self.sizes:
            found = f'{sizes[0]} heads of {sizes[1]} blocks' if sizes else 'no such attention'
            raise ValueError(
                f'WeakTrHead fuses the attention of {self.sizes[0]} heads of {self.sizes[1]} blocks, got '
                f"{found}: give the backbone per_head=True, and the head the backbone's num_heads, and "
                'its depth as num_layers'
            )
        patches, tokens, attention, outputs = inputs
        c = self.num_classes
        weights = self.fusion(outputs, heads=self.sizes[0])
        maps = attention.flatten(3).flatten(1, 2)  # (N, K, T * h * w)
        fused = (weights[:, None].to(maps) @ maps / maps.shape[1]).view_as(attention[:, 0, 0])
        return patches, tokens, fused[:, None, :c].unflatten(3, patches.shape[2:]), fused[:, c:]

    def activation(self, inputs: Sequence[Tensor]) -> Tensor:
        """Fine CAM of one view, (N, C, h, w), >= 0, unnormalised."""
        return super().activation(self.fuse(inputs))

    def guide_map(self, inputs: Sequence[Tensor]) -> Tensor:
        """The map of ``guide``, (N, C, h, w), >= 0, of what :meth:`fuse` takes."""
        feats = self.fuse(inputs)
        return self._seen(feats, self.conv_seg(feats[0]))

    def _seen(self, feats: Sequence[Tensor], scores: Tensor) -> Tensor:
        return F.relu(scores) if self.guide == 'cam' else super().activation(feats)

    def loss(
        self,
        inputs: Sequence[Tensor],
        batch_data_samples: list[SegDataSample],
        train_cfg: dict | None = None,
    ) -> dict[str, Tensor]:
        """As :meth:`MCTformerHead.loss`, and ``loss_fine``.

        Args:
            inputs (Sequence[Tensor]): what :class:`MCTformer` returns with ``per_head``: patch tokens
                (N, D, h, w), class tokens (N, L, C, D), attention (N, heads, L, C + h * w, h * w), >= 0,
                and outputs of the blocks (N, L, T, D), signed, T the number of all tokens.
            batch_data_samples: Samples with metainfo ``img_label`` (C,).
            train_cfg: Unused, mmseg's signature.
        """
        feats = self.fuse(inputs)
        logits, scores = self.classify(feats), self.conv_seg(feats[0])
        set_cams(batch_data_samples, self._seen(feats, scores))
        losses = self.loss_by_feat(logits, scores, feats[1], batch_data_samples)
        coarse = F.relu(scores.detach().float())
        fine = self.pool(spread(feats[2][:, 0].float() * coarse, feats[3]))
        labels = image_labels([s.metainfo for s in batch_data_samples], self.num_classes, fine)
        losses['loss_fine'] = F.multilabel_soft_margin_loss(fine, labels)
        return losses

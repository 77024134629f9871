"""The level-set energy among the ``loss_decode`` of mmsegmentation's heads."""

from typing import Any

import torch
from mmseg.models.segmentors import CascadeEncoderDecoder, EncoderDecoder
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmlevelset.levelset import IMAGE_STRIDE, LevelSetLoss, shrink
from mmlevelset.levelset.energy_loss import NO_REWARD
from mmlevelset.levelset.limits import check_number
from mmlevelset.models.data_preprocessor import box_of, continued
from mmlevelset.models.seeds import unit_inputs
from mmlevelset.registry import MODELS


@MODELS.register_module(name='LevelSetLoss')
class DecodeLevelSetLoss(nn.Module):
    """:class:`mmlevelset.levelset.LevelSetLoss` of the logits of a decode head, beside its other losses.

    mmsegmentation gives a loss the logits and the label maps, not the image: the segmentor has to be
    ``mmlevelset.LevelSetEncoderDecoder`` or ``mmlevelset.LevelSetCascadeEncoderDecoder``, which do
    what theirs do and hand the image over. The energy is that of the logits on a grid of 4 pixels.

    Args:
        background: As of :class:`mmlevelset.levelset.LevelSetLoss`.
        loss_weight: Weight beside the other losses.
        loss_name: Of the entry in the log; begins with ``loss_``.
        **energy: Options of :class:`mmlevelset.levelset.LevelSetEnergyLoss`.

    Attributes:
        image (Tensor): x of the batch that is trained on, (N, 3, H, W), in [0, 1]; None otherwise.
    """

    image: Tensor | None = None

    def __init__(
        self,
        background: int | None = 0,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_level_set',
        **energy: Any,
    ) -> None:
        super().__init__()
        check_number('loss_weight', loss_weight, 0, cure=NO_REWARD)
        self.loss = LevelSetLoss(background, **energy)
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(
        self,
        seg_logit: Tensor,
        seg_label: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = 255,
    ) -> Tensor:
        """Mean energy of the labels that the label map of an image shows.

        Args:
            seg_logit (Tensor): (N, L, h, w).
            seg_label (Tensor): label maps, (N, h, w) integers; only the presence of a label is used.
            weight (Tensor, optional): of pixels; the energy has none.
            ignore_index: Label of pixels that show nothing.

        Returns:
            Tensor: scalar, >= 0.

        Raises:
            ValueError: Nobody gave the image.
        """
        if self.image is None:
            raise ValueError(
                'LevelSetLoss got no image, which mmsegmentation gives no loss: set '
                "model.type to 'mmlevelset.LevelSetEncoderDecoder' (or "
                "'mmlevelset.LevelSetCascadeEncoderDecoder'), which hands it over"
            )
        count, background = seg_logit.shape[1], self.loss.background
        labels = range(count) if count > 1 else [1]
        skipped = None if background is None or count == 1 else background % count
        known = seg_label != ignore_index
        shown = [(known & (seg_label == k)).flatten(1).any(1) for k in labels if k != skipped]
        # mmsegmentation has enlarged the logits to the label map; a coarser grid is ten times as fast.
        grid = [-(-side // IMAGE_STRIDE) for side in self.image.shape[2:]]
        if seg_logit.shape[3] > grid[1]:
            seg_logit = shrink(seg_logit, grid)
        loss = self.loss(seg_logit, self.image, labels=torch.stack(shown, 1))
        return self.loss_weight * loss


class ImageToLosses:
    """Mixin of segmentors that gives the image to every :class:`DecodeLevelSetLoss` of their heads."""

    def loss(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """Losses of the segmentor.

        Args:
            inputs (Tensor): normalised images, (N, 3, H, W).
            data_samples: Their samples.

        Returns:
            dict: as of the segmentor without the mixin.
        """
        model: Any = self
        losses = [m for m in model.modules() if isinstance(m, DecodeLevelSetLoss)]
        image = unit_inputs(model.data_preprocessor, inputs)
        shape = image.shape[2:]
        boxes = [box_of(sample, sample.metainfo.get('img_shape', shape)) for sample in data_samples]
        image = torch.stack([continued(x, box) for x, box in zip(image, boxes, strict=True)])
        for loss in losses:
            loss.image = image
        try:
            return super().loss(inputs, data_samples)  # type: ignore[misc]
        finally:
            for loss in losses:
                loss.image = None


@MODELS.register_module()
class LevelSetEncoderDecoder(ImageToLosses, EncoderDecoder):
    """mmsegmentation's ``EncoderDecoder`` whose heads may have a ``mmlevelset.LevelSetLoss``."""


@MODELS.register_module()
class LevelSetCascadeEncoderDecoder(ImageToLosses, CascadeEncoderDecoder):
    """mmsegmentation's ``CascadeEncoderDecoder`` whose heads may have a ``mmlevelset.LevelSetLoss``."""

"""SEAM's two views of a batch (Y. Wang et al., CVPR 2020)."""

from typing import Any

from mmseg.models.utils import resize
from mmseg.structures import SegDataSample
from mmseg.utils import add_prefix
from torch import Tensor

from mmlevelset.registry import MODELS

from .seed_segmentor import SeedSegmentor


@MODELS.register_module()
class SEAM(SeedSegmentor):
    """An encoder-decoder that shows its decode head every batch at two sizes.

    ::

        loss(inputs, samples)
          ├─ extract_feat(inputs)             the backbone's maps and the image
          ├─ extract_feat(resized inputs)
          ├─ decode_head.loss(both views, samples)          writes the CAM of the full view
          └─ auxiliary_head.loss(full view, samples)        the level set, where there is one

    The pixel correlation module looks at the image as well, so it ends the tuple of features.

    Args:
        small_scale: Sides of the small view, as a share of the image's, rounded down to whole pixels;
            0.3 in SEAM's train_SEAM.py: 448 x 448 and 134 x 134.
        **kwargs: Of :class:`SeedSegmentor`.

    Raises:
        ValueError: A small view that is not smaller.
    """

    def __init__(self, small_scale: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 < small_scale < 1:
            raise ValueError(f'SEAM: small_scale={small_scale}, expected a share between 0 and 1')
        self.small_scale = small_scale

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the backbone's maps (N, K_i, h_i, w_i) and, last, ``inputs``, normalised, (N, 3, H, W)."""
        return (*super().extract_feat(inputs), inputs)

    def loss(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """Losses of both views.

        Args:
            inputs (Tensor): normalised images, (N, 3, H, W).
            data_samples: Samples with metainfo ``img_label`` (C,).

        Returns:
            dict: ``decode.*`` of :class:`SEAMHead` and ``aux.*`` of the auxiliary head.
        """
        size = [int(side * self.small_scale) for side in inputs.shape[2:]]
        small = resize(inputs, size, mode='bilinear', align_corners=True)
        full = self.extract_feat(inputs)
        views = full, self.extract_feat(small)
        losses = add_prefix(self.decode_head.loss(views, data_samples, self.train_cfg), 'decode')
        if self.with_auxiliary_head:
            losses.update(self._auxiliary_head_forward_train(full, data_samples))
        return losses

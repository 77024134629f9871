"""Predictions of a segmentation model from several scales and flips, and a dense CRF."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.model import BaseTTAModel
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmlevelset.fileio.images import read_image
from mmlevelset.registry import MODELS, REFINERS

MERGES = ('mean_prob', 'mean_logits', 'max')


@MODELS.register_module()
class SegTTAModel(BaseTTAModel):
    """Merge the views of an image into one label map.

    Every view goes through the segmentor's own ``test_step``, with its sliding window if it has one,
    which undoes padding and flip and resizes the logits to the image. Of those,

    ===============  ===========================================  ===================================
    ``merge``        scores                                       used by
    ===============  ===========================================  ===================================
    ``mean_prob``    mean of the softmax                          mmsegmentation
    ``mean_logits``  softmax of the mean                          SEAM's re-trained model
    ``max``          maximum of the softmax, sums to 1 or more    MCTformer's re-trained model
    ===============  ===========================================  ===================================

    Args:
        module: The segmentor or its config.
        merge: See above.
        crf: A refiner's config, e.g. ``crf_mctformer_test`` of ``configs/_base_/refine/dense_crf.py``;
            it sees the image as it is on disk. None: no refinement.
        data_preprocessor: See ``BaseTTAModel``.

    Raises:
        ValueError: For an unknown ``merge``.
    """

    def __init__(
        self,
        module: dict | nn.Module,
        merge: str = 'mean_prob',
        crf: dict | None = None,
        data_preprocessor: dict | None = None,
    ) -> None:
        if merge not in MERGES:
            raise ValueError(f'merge={merge!r} is unknown; choose one of {MERGES}')
        super().__init__(module, data_preprocessor)
        self.merge = merge
        self.crf = REFINERS.build(crf) if crf else None

    def merge_preds(
        self, data_samples_list: Sequence[Sequence[SegDataSample]]
    ) -> list[SegDataSample]:
        """Merge the views of every image.

        Args:
            data_samples_list: Per image and view: a sample with ``seg_logits``, (C, H, W), at the
                size of the image.

        Returns:
            list[SegDataSample]: per image ``seg_logits``, the scores (C, H, W) >= 0, and
            ``pred_sem_seg``, (1, H, W), their argmax.

        Raises:
            ValueError: The segmentor has one output channel, a sigmoid.
        """
        merged = []
        for views in data_samples_list:
            sample = views[0]
            scores = self._merge([view.seg_logits.data for view in views])
            if self.crf is not None:
                refined = self.crf.refine(_read_rgb(sample), scores.float().cpu().numpy())
                scores = torch.from_numpy(refined).to(scores)
            label = scores.argmax(0, keepdim=True)
            sample.set_data(
                dict(seg_logits=PixelData(data=scores), pred_sem_seg=PixelData(data=label))
            )
            merged.append(sample)
        return merged

    def _merge(self, logits: list[Tensor]) -> Tensor:
        """Scores (C, H, W) of the logits (C, H, W) of all views."""
        if len(logits[0]) == 1:
            raise ValueError(
                'SegTTAModel needs one output channel per label, the background too, got one in all; '
                'set out_channels=2 in the decode head'
            )
        if self.merge == 'mean_logits':
            total = logits[0]
            for other in logits[1:]:
                total = total + other
            return (total / len(logits)).softmax(0)
        scores = logits[0].softmax(0)
        for other in logits[1:]:  # one view at a time: 81 classes of a large image fill the memory
            other = other.softmax(0)
            scores = torch.maximum(scores, other) if self.merge == 'max' else scores + other
        return scores if self.merge == 'max' else scores / len(logits)


def _read_rgb(sample: SegDataSample) -> np.ndarray:
    """The image of a sample, (H, W, 3) uint8."""
    path = sample.metainfo.get('img_path')
    if path is None or not Path(path).is_file():
        raise FileNotFoundError(
            f'the CRF reads the image again, but cannot read {path!r}; put img_path into the '
            'meta_keys of PackSegInputs and run on the machine that has the images'
        )
    return read_image(path)

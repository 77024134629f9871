"""Predictions of a segmentation model from several scales and flips, and a dense CRF."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

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
        crf_tolerance: Labels are left out of the CRF, the least likely first, as long as the scores left
            out sum to no more than this in any pixel; theirs are 0 then. 0: the CRF sees all labels.
        data_preprocessor: See ``BaseTTAModel``.

    Raises:
        ValueError: For an unknown ``merge``, or a tolerance out of range.
    """

    def __init__(
        self,
        module: dict | nn.Module,
        merge: str = 'mean_prob',
        crf: dict | None = None,
        crf_tolerance: float = 0.0,
        data_preprocessor: dict | None = None,
    ) -> None:
        if merge not in MERGES:
            raise ValueError(f'merge={merge!r} is unknown; choose one of {MERGES}')
        if not 0 <= crf_tolerance < 1:
            raise ValueError(f'crf_tolerance must lie in [0, 1), got {crf_tolerance}')
        super().__init__(module, data_preprocessor)
        self.merge = merge
        self.crf: CRF | None = REFINERS.build(crf) if crf else None
        self.crf_config = crf
        self.crf_tolerance = crf_tolerance

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
            set_scores(sample, self._merge([view.seg_logits.data for view in views]))
            if self.crf is not None:
                task = self.crf_task(sample)
                set_refined(sample, task.labels, refine_task(self.crf, task))
            merged.append(sample)
        return merged

    def crf_task(self, sample: SegDataSample) -> 'CRFTask':
        """What the CRF needs of a merged sample, without the labels that hardly occur."""
        scores = sample.seg_logits.data.float().cpu().numpy()
        labels = likely_labels(scores, self.crf_tolerance)
        return CRFTask(_image_of(sample), labels, scores[labels])

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


class CRF(Protocol):
    """What a test asks of a refiner: of ``mmlevelset.DenseCRF``, say."""

    def refine(self, image: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Refine scores (L, H, W), >= 0, by an RGB image (H, W, 3) uint8."""


class CRFTask(NamedTuple):
    """A CRF that is still to be run, perhaps by another process."""

    image: str  # file
    labels: np.ndarray  # (K,) labels that take part
    scores: np.ndarray  # theirs, (K, H, W) float32 >= 0


def likely_labels(scores: np.ndarray, tolerance: float) -> np.ndarray:
    """Labels that matter: without the least likely ones, whose scores are small all over the image.

    Args:
        scores (np.ndarray): scores of all labels, (L, H, W), >= 0.
        tolerance: What the scores left out may sum to in a pixel, in [0, 1).

    Returns:
        np.ndarray: at least one label, (K,), ascending.
    """
    order, left_out = scores.max((1, 2)).argsort(), 0
    total = np.zeros_like(scores[0])
    while tolerance and left_out < len(order) - 1:
        total += scores[order[left_out]]
        if total.max() > tolerance:
            break
        left_out += 1
    return np.sort(order[left_out:])


def refine_task(crf: CRF, task: CRFTask) -> np.ndarray:
    """Refined scores (K, H, W) of the labels of a task."""
    return crf.refine(read_image(task.image), task.scores)


def set_refined(sample: SegDataSample, labels: np.ndarray, refined: np.ndarray) -> None:
    """Put scores (K, H, W) of :func:`refine_task` into a sample; all but ``labels`` (K,) score 0."""
    scores = torch.zeros_like(sample.seg_logits.data)
    scores[labels] = torch.from_numpy(refined).to(scores)
    set_scores(sample, scores)


def set_scores(sample: SegDataSample, scores: Tensor) -> None:
    """Set the scores (C, H, W) of a sample, and the labels (1, H, W) that win."""
    label = scores.argmax(0, keepdim=True)
    sample.set_data(dict(seg_logits=PixelData(data=scores), pred_sem_seg=PixelData(data=label)))


def _image_of(sample: SegDataSample) -> str:
    """The file with the image of a sample."""
    path = sample.metainfo.get('img_path')
    if path is None or not Path(path).is_file():
        raise FileNotFoundError(
            f'the CRF reads the image again, but cannot read {path!r}; put img_path into the '
            'meta_keys of PackSegInputs and run on the machine that has the images'
        )
    return str(path)

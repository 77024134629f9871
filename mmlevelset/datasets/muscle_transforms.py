"""The two overlapping views of an image that MuSCLe compares. Facts: SCoulY/MuSCLe, commit 79c9e4d."""

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from PIL import Image

from mmlevelset.registry import TRANSFORMS

from .input_transforms import PackImageLabels


@TRANSFORMS.register_module()
class OverlappingViews(BaseTransform):
    """Cut two random crops that share at least a pixel out of the image; the image stays.

    Args:
        size: Of the views, (h, w), in pixels.
        min_size: An image that is smaller along an axis is resized to this (H, W) for the views,
            whatever its aspect.
        jitter: Config of a transform that changes the colours of each view on its own.

    Raises:
        ValueError: Views that are larger than ``min_size``.
    """

    def __init__(
        self, size: Sequence[int], min_size: Sequence[int], jitter: dict | None = None
    ) -> None:
        self.size, self.min_size = np.array(size), np.array(min_size)
        if (self.size > self.min_size).any():
            raise ValueError(
                f'OverlappingViews: size={tuple(size)} does not fit into min_size={tuple(min_size)}; '
                'make the views smaller'
            )
        self.jitter = jitter and TRANSFORMS.build(jitter)

    def transform(self, results: dict) -> dict:
        """Add ``views`` and ``view_boxes``.

        ``views`` is an ndarray (2, h, w, 3) uint8, BGR; ``view_boxes`` an ndarray (2, 4) int64: the
        overlap in either view as top, left, height and width, in pixels.
        """
        image = results['img']
        if (image.shape[:2] < self.min_size).any():
            height, width = self.min_size.tolist()
            image = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
            image = np.asarray(image)
        room = image.shape[:2] - self.size
        while True:
            corners = np.random.randint(room + 1, size=(2, 2))  # of either view: top, left
            shape = self.size - np.abs(corners[0] - corners[1])
            if (shape > 0).all():
                break
        offsets = corners.max(0) - corners
        results['view_boxes'] = np.hstack([offsets, np.tile(shape, (2, 1))])
        results['views'] = np.stack([self._view(image, corner) for corner in corners])
        return results

    def _view(self, image: np.ndarray, corner: np.ndarray) -> np.ndarray:
        (y, x), (h, w) = corner, self.size
        view = dict(img=image[y : y + h, x : x + w])
        return (self.jitter(view) if self.jitter else view)['img']


@TRANSFORMS.register_module()
class PackViews(PackImageLabels):
    """:class:`PackImageLabels` that puts the views of :class:`OverlappingViews` on the sample."""

    def transform(self, results: dict) -> dict:
        """Pack; the sample gets ``views`` (Tensor (2, 3, h, w), uint8) and ``view_boxes`` (2, 4)."""
        views = np.ascontiguousarray(results['views'].transpose(0, 3, 1, 2))
        boxes = torch.from_numpy(results['view_boxes'])
        packed = super().transform(results)
        packed['data_samples'].set_data(dict(views=torch.from_numpy(views), view_boxes=boxes))
        return packed

"""Inputs of AffinityNet and IRNet: images with the labels that seeds are confident of.

``gt_seg_map`` starts as what is loaded (scores or labels of the image) and ends as a label map on
the grid of the network: 0 background, 1.. classes, 255 unsure.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmcv.image import imresize
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmseg.datasets.transforms import Resize

from mmlevelset.fileio.soft import read_soft
from mmlevelset.registry import TRANSFORMS

from .augment import RandomPlacedCrop, placed

NO_SCORE = 1e-5  # psa: voc12/data.py; all scores are below it only outside of the image


@TRANSFORMS.register_module()
class LoadAffinityScores(BaseTransform):
    """Load PSA's two CRF posteriors, of low and of high alpha.

    Args:
        folder: What tools/refine.py wrote: ``<folder>/low/soft/<id>.npz`` and ``<folder>/high/…``.
    """

    def __init__(self, folder: str) -> None:
        self.folders = [Path(folder) / name / 'soft' for name in ('low', 'high')]

    def transform(self, results: dict) -> dict:
        """Add ``gt_seg_map`` (ndarray (H, W, 2 (K+1)) float32): background and present classes, low
        alpha before high alpha.

        Raises:
            FileNotFoundError: If there are no posteriors of this image.
            ValueError: If they have another size than the image.
        """
        maps = []
        for folder in self.folders:
            path = folder / f'{Path(results["img_path"]).stem}.npz'
            soft = read_soft(path)[1]
            if soft.shape[1:] != results['img'].shape[:2]:
                raise ValueError(
                    f'{path} is {soft.shape[1:]} (H, W), the image {results["img"].shape[:2]}; refine the seeds '
                    'of these images'
                )
            maps.append(soft)
        results['gt_seg_map'] = np.concatenate(maps).transpose(1, 2, 0)
        results['seg_fields'].append('gt_seg_map')
        return results


@TRANSFORMS.register_module()
class PoolAffinityLabel(BaseTransform):
    """PSA's labels of the grid, from averages of the scores.

    Foreground where a class wins at low alpha, background where the background wins at high alpha
    (whatever wins at low alpha), unsure elsewhere. Classes are numbered within the image: labels of
    different images do not compare.

    Args:
        stride: Of the grid, in pixels.

    Raises:
        ValueError: The sides of an image are no multiples of it.
    """

    def __init__(self, stride: int = 8) -> None:
        self.stride = stride

    def transform(self, results: dict) -> dict:
        """Turn ``gt_seg_map``, scores (ndarray (H, W, 2 (K+1))), into labels (ndarray (h, w) uint8)."""
        scores = results['gt_seg_map']
        height, width, channels = scores.shape
        if height % self.stride or width % self.stride:
            raise ValueError(
                f'PoolAffinityLabel: scores of {height} x {width} pixels for a grid of stride {self.stride}; crop '
                'or resize the images to multiples of it before'
            )
        grid = (height // self.stride, self.stride, width // self.stride, self.stride, channels)
        scores = scores.reshape(grid).mean(axis=(1, 3), dtype=np.float32)
        low, high = np.split(scores, 2, axis=2)
        label = low.argmax(axis=2).astype(np.uint8)
        label[label == 0] = 255
        label[high.argmax(axis=2) == 0] = 0
        label[scores.max(axis=2) < NO_SCORE] = 255
        results['gt_seg_map'] = label
        return results


@TRANSFORMS.register_module()
class StrideLabel(BaseTransform):
    """IRN's labels of the grid: those of the pixels in the middle of its cells.

    Args:
        stride: Of the grid, in pixels.
    """

    def __init__(self, stride: int = 4) -> None:
        self.stride = stride

    def transform(self, results: dict) -> dict:
        """Shrink ``gt_seg_map`` (ndarray (H, W)) to (h, w)."""
        middle = slice(self.stride // 2, None, self.stride)
        results['gt_seg_map'] = np.ascontiguousarray(results['gt_seg_map'][middle, middle])
        return results


@TRANSFORMS.register_module()
class RandomPlacedPairCrop(RandomPlacedCrop):
    """:class:`RandomPlacedCrop` of the image and of ``gt_seg_map`` alike.

    Args:
        crop_size: (H, W).
        pad_val: Colour of the ground, BGR.
        seg_pad_val: Of ``gt_seg_map``: 255 for labels, 0 for scores.
    """

    def __init__(
        self, crop_size: Sequence[int], pad_val: Sequence[float], seg_pad_val: float
    ) -> None:
        super().__init__(crop_size, pad_val)
        self.seg_pad_val = seg_pad_val

    def transform(self, results: dict) -> dict:
        """Replace ``img`` and ``gt_seg_map`` by their crops, update ``img_shape``."""
        offsets = self._offsets(results['img'].shape[:2])
        for key, ground in (('img', self.pad_val), ('gt_seg_map', self.seg_pad_val)):
            results[key] = placed(results[key], offsets, self.crop_size, ground)
        results['img_shape'] = self.crop_size
        return results


@TRANSFORMS.register_module()
class RandomRescale(Resize):
    """Resize by a random factor, the image with a filter, the labels to the nearest.

    Pillow takes the label in the middle of what becomes a pixel, OpenCV the one in its corner; and OpenCV's
    filters do not blur what they shrink. The defaults are IRN's.

    Args:
        ratio_range: The factor is drawn uniformly from it; IRN's is (0.5, 1.5).
        interpolation: Filter of the image, a name of mmcv's.
        backend: ``'pillow'`` or ``'cv2'``, of the image.
        label_backend: Likewise, of the labels.
    """

    def __init__(
        self,
        ratio_range: Sequence[float],
        interpolation: str = 'bicubic',
        backend: str = 'pillow',
        label_backend: str = 'pillow',
    ) -> None:
        super().__init__(scale_factor=1.0, interpolation=interpolation, backend=backend)
        self.low, self.high = ratio_range
        self.label_backend = label_backend

    @cache_randomness
    def _ratio(self) -> float:
        return np.random.uniform(self.low, self.high)

    def transform(self, results: dict) -> dict:
        """Resize ``img`` and ``gt_seg_map``, update ``img_shape``."""
        ratio = self._ratio()
        height, width = results['img'].shape[:2]
        results['scale'] = round(width * ratio), round(height * ratio)
        self._resize_img(results)
        for key in results.get('seg_fields', []):
            results[key] = imresize(
                results[key], results['scale'], interpolation='nearest', backend=self.label_backend
            )
        return results

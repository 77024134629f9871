"""The data preprocessor that also hands the input image to the level-set energy."""

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.models.data_preprocessor import SegDataPreProcessor
from mmseg.structures import SegDataSample
from torch import Tensor

from mmlevelset.registry import MODELS


@MODELS.register_module()
class LevelSetPreProcessor(SegDataPreProcessor):
    """:class:`SegDataPreProcessor` that writes ``input_image`` on every sample; same arguments.

    ``E(phi, x)`` of eq. 24 needs the image, and an auxiliary head sees features and samples only. Where the
    backbone sees the ground that a smaller image lies on, ``input_image`` goes on with the colours of the image's
    rim: otherwise that rim would be the strongest edge there is, and draw the contours.
    """

    def forward(self, data: dict, training: bool = False) -> dict[str, Any]:
        """Normalise, pad and stack ``inputs`` to (N, 3, H, W); write ``input_image`` (3, H, W) on each sample.

        Raises:
            ValueError: Images of several sizes in a batch at test time, or in training, one larger than ``size``.
        """
        shapes = [tuple(image.shape[-2:]) for image in data['inputs']]
        sizes = sorted(set(shapes))
        if len(sizes) > 1 and not training:
            raise ValueError(
                f'got images of the sizes (H, W) {", ".join(map(str, sizes))} in a batch, expected one: '
                'test with batch_size=1, or resize them in the test pipeline'
            )
        large = [s for s in sizes if self.size and (s[0] > self.size[0] or s[1] > self.size[1])]
        if training and large and len(sizes) > 1:
            raise ValueError(
                f'data_preprocessor.size={tuple(self.size)}, which images are padded to, and a batch of several '
                f'sizes has one of {large[-1]} (H, W): set it to the size of the last crop or resize of the '
                'training pipeline'
            )
        data = super().forward(data, training)
        samples = data['data_samples']
        if samples is None:
            return data
        mean, std = (
            (self.mean.flatten().tolist(), self.std.flatten().tolist())
            if self._enable_normalize
            else ([0.0] * 3, [1.0] * 3)
        )
        for sample, image, shape in zip(samples, data['inputs'], shapes, strict=True):
            sample.set_metainfo(dict(img_mean=mean, img_std=std))
            sample.set_data({'input_image': continued(image, box_of(sample, shape))})
        return data


def box_of(sample: SegDataSample, shape: Sequence[int]) -> tuple[int, ...]:
    """Where the image lies on its ground: as it was placed, or in the corner, (H, W) in ``shape``, as it is padded."""
    return sample.metainfo.get('img_box') or (0, 0, *shape[:2])


def continued(image: Tensor, box: Sequence[int]) -> Tensor:
    """An image that goes on beyond its rim, every pixel of the ground with the colour of the nearest of the image.

    Args:
        image (Tensor): (K, H, W), with its ground.
        box (Sequence[int]): (top, left, bottom, right) of the image, in pixels, the last two exclusive.

    Returns:
        Tensor: like ``image``; itself where there is no ground.
    """
    top, left, bottom, right = box
    if (top, left, bottom, right) == (0, 0, *image.shape[-2:]):
        return image
    rows = torch.arange(image.shape[-2], device=image.device).clamp(top, bottom - 1)
    columns = torch.arange(image.shape[-1], device=image.device).clamp(left, right - 1)
    return image[:, rows[:, None], columns]

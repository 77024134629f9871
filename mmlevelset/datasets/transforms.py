"""Loading transforms whose errors name the file."""

from typing import Any

from mmcv.transforms import LoadImageFromFile
from mmseg.datasets.transforms import LoadAnnotations

from mmlevelset.registry import TRANSFORMS


@TRANSFORMS.register_module()
class CheckedLoadImage(LoadImageFromFile):
    """``LoadImageFromFile`` that refuses truncated images.

    Some OpenCV versions fill the missing part of a truncated JPEG with grey and go on, and Pillow's
    error does not say which file it read; here Pillow decodes and the error names the file.
    Grey images become three equal channels, in BGR order like mmcv's default.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(imdecode_backend='pillow', **kwargs)

    def transform(self, results: dict) -> dict:
        """Add ``img`` (ndarray (H, W, 3) uint8, BGR), ``img_shape`` and ``ori_shape`` (H, W).

        Raises:
            ValueError: The file is truncated or no image.
        """
        try:
            return super().transform(results)
        except (OSError, SyntaxError, AssertionError) as error:
            raise ValueError(
                f'{results["img_path"]}: cannot be read as an image ({error}). '
                'Copy or download the file again.'
            ) from error


@TRANSFORMS.register_module()
class CheckedLoadAnnotations(LoadAnnotations):
    """``LoadAnnotations`` that checks the mask against the image it belongs to."""

    def transform(self, results: dict) -> dict:
        """Add ``gt_seg_map`` (ndarray (H, W) uint8, labels at the original image size).

        Raises:
            ValueError: No mask path, an unreadable or colour mask, or another size than the image.
        """
        path = results.get('seg_map_path')
        if path is None:
            raise ValueError(
                f'No mask for {results.get("img_path")}: the data set was built without '
                'data_prefix=dict(seg_map_path=...). Set it, or drop the loading of annotations '
                'from the pipeline.'
            )
        try:
            results = super().transform(results)
        except (OSError, SyntaxError) as error:
            raise ValueError(
                f'{path}: cannot be read as a mask ({error}). Copy or download the file again.'
            ) from error
        shape, expected = results['gt_seg_map'].shape, tuple(results['ori_shape'][:2])
        if len(shape) != 2:
            raise ValueError(
                f'{path}: got a colour image of shape {shape}, expected label indices '
                f'{expected} (a palette or grey PNG). Convert the colours to indices.'
            )
        if shape != expected:
            raise ValueError(
                f"{path}: the mask's size (H, W) is {shape}, that of its image "
                f'{results["img_path"]} is {expected}. They must be equal.'
            )
        return results

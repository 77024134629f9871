"""Loading transforms: the project's readers of images and masks, inside a pipeline."""

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine import fileio
from mmseg.datasets.transforms import LoadAnnotations

from mmlevelset.fileio.images import decode_image
from mmlevelset.fileio.labels import VOID, decode_label
from mmlevelset.registry import TRANSFORMS


@TRANSFORMS.register_module()
class CheckedLoadImage(LoadImageFromFile):
    """``LoadImageFromFile`` with the reader that all tools share, in BGR order like mmcv's default.

    Args:
        to_float32: Give float32 instead of uint8.
        backend_args: Where files come from, see :class:`mmengine.fileio.BaseStorageBackend`.
    """

    def __init__(self, to_float32: bool = False, backend_args: dict | None = None) -> None:
        super().__init__(to_float32, imdecode_backend='pillow', backend_args=backend_args)

    def transform(self, results: dict | str | np.ndarray) -> dict:
        """Add ``img`` (ndarray (H, W, 3) uint8, BGR), ``img_shape`` and ``ori_shape`` (H, W).

        Args:
            results: With ``img_path``; or, of an inferencer, a path or the image itself (H, W, 3), BGR.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is damaged, or not an image of 8 bits per channel.
        """
        if isinstance(results, np.ndarray):
            shape = results.shape[:2]
            return dict(img=results, img_path=None, img_shape=shape, ori_shape=shape)
        if isinstance(results, str):
            results = dict(img_path=results)
        data = fileio.get(results['img_path'], backend_args=self.backend_args)
        image = decode_image(data, results['img_path'])[..., ::-1]
        results['img'] = image.astype(np.float32) if self.to_float32 else image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results


@TRANSFORMS.register_module()
class CheckedLoadAnnotations(LoadAnnotations):
    """``LoadAnnotations`` with the reader that all tools share, checked against image and classes."""

    def transform(self, results: dict) -> dict:
        """Add ``gt_seg_map`` (ndarray (H, W) uint8, labels at the original image size).

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: No mask path, an unreadable or colour mask, unknown labels, or another size
                than the image; or labels that are shifted beside image-level labels that are not.
        """
        if 'seg_fields' not in results:
            return results  # a picture that inference_model was given, and no item of a data set
        path = results.get('seg_map_path')
        if path is None:
            raise ValueError(
                f'No mask for {results.get("img_path")}: the data set was built without '
                'data_prefix=dict(seg_map_path=...). Set it, or drop the loading of annotations '
                'from the pipeline.'
            )
        data = fileio.get(path, backend_args=self.backend_args)
        label = self._renamed(decode_label(data, path, results.get('num_labels')), results)
        expected = tuple(results['ori_shape'][:2])
        if label.shape != expected:
            raise ValueError(
                f"{path}: the mask's size (H, W) is {label.shape}, that of its image "
                f'{results["img_path"]} is {expected}. They must be equal.'
            )
        results['gt_seg_map'] = label
        results['seg_fields'].append('gt_seg_map')
        return results

    def _renamed(self, label: np.ndarray, results: dict) -> np.ndarray:
        """Labels as mmsegmentation's options of the data set change them."""
        shift = self.reduce_zero_label or results.get('reduce_zero_label')
        names = results.get('label_map')
        if (shift or names) and 'img_label' in results:
            raise ValueError(
                f'{results["seg_map_path"]}: reduce_zero_label and label_map change the labels of masks '
                'and not the image-level labels. Leave them out; masks hold 0 (background), 1..C and 255.'
            )
        if shift:
            label = np.where(label == VOID, VOID, label - np.uint8(1))  # 0 becomes 255
        if names:
            table = np.arange(VOID + 1, dtype=np.uint8)
            table[list(names)] = list(names.values())
            label = table[label]
        return label

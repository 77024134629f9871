"""Exported seeds beside the images of a training, as what level sets learn from."""

from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform

from mmlevelset.fileio.seeds import pack_scores, read_seed
from mmlevelset.registry import TRANSFORMS

from .input_transforms import FIELDS


@TRANSFORMS.register_module()
class LoadGuide(BaseTransform):
    """Load the seed of an image, which level sets are trained on in the place of the host's CAM.

    It comes after the image and before all that changes its shape, and goes through resizing,
    cropping and flipping like a mask (of the transforms with OpenCV; Pillow resizes no map of C
    channels). :class:`PackImageLabels` leaves it on the sample as ``guide``. Option ``guide_dir`` of
    a data set puts this transform in its place.

    As ``text_similarity`` it does not take a CAM's place: it is what a ``text_weight`` of the energy
    looks at.

    Args:
        seed_dir: Folder of ``<id>.npz``: seeds of AdvCAM, of LPCAM or of any other method that saw
            image-level labels alone.
        field: ``'guide'`` or ``'text_similarity'``.

    Raises:
        ValueError: For another field.
    """

    def __init__(self, seed_dir: str, field: str = 'guide') -> None:
        if field not in FIELDS:
            raise ValueError(f'LoadGuide: field={field!r} is unknown; choose one of {FIELDS}')
        self.seed_dir, self.field = Path(seed_dir), field

    def transform(self, results: dict) -> dict:
        """Add the field (ndarray (H, W, C) uint8, 255 times the seed, 0 for absent classes).

        Raises:
            FileNotFoundError: There is no such seed.
            ValueError: The image has no image-level label, or the seed another size or classes that
                the label does not name.
        """
        path = self.seed_dir / f'{Path(results["img_path"]).stem}.npz'
        if 'img_label' not in results:
            raise ValueError(
                f'{results["img_path"]}: no image-level label, so the classes of its guide {path} are '
                'unknown; give the data set image_labels'
            )
        label = np.asarray(results['img_label'])
        seed = read_seed(path, len(label))
        if tuple(seed.size) != tuple(results['img_shape'][:2]):
            raise ValueError(
                f'{path}: a seed of {tuple(seed.size)} (H, W), the image has {results["img_shape"]}; '
                'export the seeds of this data set, and load the guide right after the image'
            )
        absent = [int(key) for key in seed.keys if not label[key]]
        if absent:
            raise ValueError(
                f'{path}: seeds of the classes {absent} (0 is the first foreground class), which the '
                'image-level label does not name; export the seeds of this data set'
            )
        guide = np.zeros((*seed.size, len(label)), np.uint8)
        guide[..., seed.keys] = pack_scores(np.asarray(seed.scores), 'uint8').transpose(1, 2, 0)
        results[self.field] = guide
        results.setdefault('seg_fields', []).append(self.field)
        return results

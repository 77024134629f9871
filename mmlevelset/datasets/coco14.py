"""COCO 2014 with image-level labels."""

import re

from mmlevelset.fileio.labels import voc_palette
from mmlevelset.registry import DATASETS

from .voc import VOCImageLabelDataset


def coco_number(id_: str) -> str:
    """The image number in any form of a COCO id.

    Args:
        id_ (str): ``COCO_train2014_000000279803``, ``000000279803`` or ``279803``.

    Returns:
        str: Twelve digits. Numbers of train2014 and val2014 are distinct.
    """
    match = re.fullmatch(r'(?:COCO_\w+_)?0*(\d+)', id_)
    return match[1].zfill(12) if match else id_


@DATASETS.register_module()
class COCO14Dataset(VOCImageLabelDataset):
    """COCO 2014 in the layout that ``tools/dataset_converters/coco14.py`` writes.

    Lists, label files, images and masks may name an image ``COCO_train2014_000000279803``,
    ``000000279803`` or by its number; the number decides.
    An image without annotation has a label of zeros and a mask of background.

    Masks hold 0 (background), 1..80 (categories by rank of their id) and 255 (void). Which object
    is on top and what becomes of crowds is in the ``meta.json`` of the mask folder.

    Args:
        ann_file (str): Split list, ``ImageSets/train.txt``.
        image_labels (str | None): ``image_labels.json``, or ``cls_labels.npy`` with keys of text or
            integers.
        **kwargs: Of :class:`VOCImageLabelDataset`.

    Raises:
        FileNotFoundError: A folder, list, label file, image or mask is missing.
        ValueError: Repeated ids, unknown classes or images without label.
    """

    METAINFO = dict(
        # fmt: off
        classes=(
            'background',
            'person',
            'bicycle',
            'car',
            'motorcycle',
            'airplane',
            'bus',
            'train',
            'truck',
            'boat',
            'traffic light',
            'fire hydrant',
            'stop sign',
            'parking meter',
            'bench',
            'bird',
            'cat',
            'dog',
            'horse',
            'sheep',
            'cow',
            'elephant',
            'bear',
            'zebra',
            'giraffe',
            'backpack',
            'umbrella',
            'handbag',
            'tie',
            'suitcase',
            'frisbee',
            'skis',
            'snowboard',
            'sports ball',
            'kite',
            'baseball bat',
            'baseball glove',
            'skateboard',
            'surfboard',
            'tennis racket',
            'bottle',
            'wine glass',
            'cup',
            'fork',
            'knife',
            'spoon',
            'bowl',
            'banana',
            'apple',
            'sandwich',
            'orange',
            'broccoli',
            'carrot',
            'hot dog',
            'pizza',
            'donut',
            'cake',
            'chair',
            'couch',
            'potted plant',
            'bed',
            'dining table',
            'toilet',
            'tv',
            'laptop',
            'mouse',
            'remote',
            'keyboard',
            'cell phone',
            'microwave',
            'oven',
            'toaster',
            'sink',
            'refrigerator',
            'book',
            'clock',
            'vase',
            'scissors',
            'teddy bear',
            'hair drier',
            'toothbrush',
        ),
        # fmt: on
        palette=voc_palette(81).tolist(),
    )

    @staticmethod
    def same(id_: str) -> str:
        """What ids must have in common: the number of the image."""
        return coco_number(id_)

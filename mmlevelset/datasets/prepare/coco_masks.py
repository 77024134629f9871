"""Label maps from COCO's objects. They are not unique: overlap and crowds need a convention."""

from collections.abc import Sequence
from typing import Any

import numpy as np

# Category ids that COCO never used.
UNUSED = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
CATEGORIES = tuple(id_ for id_ in range(1, 91) if id_ not in UNUSED)
LABELS = {category: label for label, category in enumerate(CATEGORIES, 1)}

OVERLAP = {
    'small_on_top': 'the smaller `area` wins; of equals the first (coco2voc; AFA, ToCo, MCTformer)',
    'annotation_order': 'the later annotation wins (ReCAM, LPCAM)',
    'annotation_order_first': 'the first annotation wins (SEAM)',
}
CROWD = {
    'include': 'a crowd is an object like others (coco2voc, SEAM)',
    'ignore255': 'what only a crowd covers becomes 255',
    'drop': 'crowds are background (ReCAM, LPCAM)',
}


def draw_mask(
    annotations: Sequence[dict[str, Any]],
    size: tuple[int, int],
    overlap: str = 'small_on_top',
    crowd: str = 'include',
) -> np.ndarray:
    """Draw the objects of one image.

    Args:
        annotations: Of the JSON, in its order: ``category_id``, ``iscrowd``, ``area``,
            ``segmentation`` (polygons or RLE).
        size: (H, W) of the image, in pixels.
        overlap: Key of :data:`OVERLAP`: whose pixels they are where objects overlap.
        crowd: Key of :data:`CROWD`: what becomes of crowd regions.

    Returns:
        np.ndarray: labels, (H, W) uint8; 0 background, 1..80 by rank of the category id, 255 void.

    Raises:
        ImportError: Without pycocotools.
        ValueError: On unknown conventions or categories.
    """
    if overlap not in OVERLAP or crowd not in CROWD:
        raise ValueError(
            f'overlap must be one of {list(OVERLAP)} and crowd one of {list(CROWD)}, '
            f'got {overlap!r} and {crowd!r}'
        )
    mask = np.zeros(size, np.uint8, order='F')  # as pycocotools decodes
    objects = [a for a in annotations if crowd != 'drop' or not a['iscrowd']]
    if overlap == 'small_on_top':  # sorted() is stable: of equal areas the first is on top
        objects = sorted(objects, key=lambda a: a['area'])[::-1]
    elif overlap == 'annotation_order_first':
        objects = objects[::-1]
    if crowd == 'ignore255':  # below everything else
        objects = sorted(objects, key=lambda a: not a['iscrowd'])
    for item in objects:  # the last one is on top
        ignored = crowd == 'ignore255' and item['iscrowd']
        region = _region(item['segmentation'], size).view(bool)
        np.copyto(mask, 255 if ignored else _label(item), where=region)
    return np.ascontiguousarray(mask)


def _label(item: dict[str, Any]) -> int:
    if item['category_id'] not in LABELS:
        raise ValueError(
            f'annotation {item.get("id")}: category {item["category_id"]} is none of the 80 of COCO'
        )
    return LABELS[item['category_id']]


def _region(segmentation: list | dict, size: tuple[int, int]) -> np.ndarray:
    """(H, W) uint8 of 0 and 1."""
    coder = require_pycocotools()
    if isinstance(segmentation, list):
        runs = coder.merge(coder.frPyObjects(segmentation, *size))
    elif isinstance(segmentation['counts'], list):
        runs = coder.frPyObjects(segmentation, *size)
    else:
        runs = segmentation
    return coder.decode(runs)


def require_pycocotools() -> Any:
    """The module ``pycocotools.mask``.

    Raises:
        ImportError: It is not installed; names the extra.
    """
    try:
        from pycocotools import mask
    except ImportError as error:
        raise ImportError(
            'COCO masks are drawn with pycocotools: pip install -e ".[coco]" '
            '(or pip install pycocotools)'
        ) from error
    return mask

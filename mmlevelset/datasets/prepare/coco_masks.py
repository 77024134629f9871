"""Label maps from COCO's objects. They are not unique: overlap and crowds need a convention."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmlevelset.fileio.coco_labels import LABELS

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
        ValueError: On unknown conventions or categories, or a damaged segmentation; names the annotation.
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
        np.copyto(mask, 255 if ignored else _label(item), where=_region(item, size))
    return np.ascontiguousarray(mask)


def _label(item: dict[str, Any]) -> int:
    if item['category_id'] not in LABELS:
        raise ValueError(
            f'annotation {item.get("id")}: category {item["category_id"]} is none of the 80 of COCO'
        )
    return LABELS[item['category_id']]


def _region(item: dict[str, Any], size: tuple[int, int]) -> np.ndarray:
    """(H, W) bool of an object; one without area, such as a point or a line, is nowhere."""
    coder = require_pycocotools()
    segmentation = item['segmentation']
    try:
        if isinstance(segmentation, list):
            segmentation = [points for points in segmentation if len(points) >= 6]  # a triangle
            if not segmentation:
                return np.zeros(size, bool)
            runs = coder.merge(coder.frPyObjects(segmentation, *size))
        else:
            counts = segmentation['counts']
            if tuple(segmentation['size']) != tuple(size):
                raise ValueError(f'its mask is of size {segmentation["size"]}, the image of {size}')
            if isinstance(counts, list) and sum(counts) != size[0] * size[1]:
                raise ValueError(f'its runs have {sum(counts)} pixels, the image has {size}')
            runs = (
                coder.frPyObjects(segmentation, *size) if isinstance(counts, list) else segmentation
            )
        region = coder.decode(runs)
        # Behind runs that end too early lies whatever was in memory before.
        if region.sum(dtype=np.int64) != coder.area(runs):
            raise ValueError('its runs end before the image does')
    except Exception as error:  # pycocotools raises plain ones
        raise ValueError(
            f'annotation {item.get("id")}: the segmentation is damaged ({error})'
        ) from error
    return region.view(bool)


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

"""What the pipelines of all data sets end with: test-time augmentation, and packing with image labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import TestTimeAug
from mmseg.datasets.transforms import PackSegInputs

from mmlevelset.registry import TRANSFORMS

# What mmsegmentation's heads and metrics read, and the id and image-level label of the image.
META_KEYS = (
    'img_path', 'seg_map_path', 'img_id', 'img_label', 'ori_shape', 'img_shape', 'pad_shape',
    'scale_factor', 'flip', 'flip_direction', 'reduce_zero_label', 'img_box',
)  # fmt: skip
# Maps of C channels that LoadGuide loads, and one that LoadEdges does.
FIELDS = ('guide', 'text_similarity')
EDGE = 'edge'
LOADERS = ('LoadGuide', 'LoadEdges')
PLACED = 'RandomPlacedCrop'
# Transforms of mmcv and mmsegmentation that change what an image shows where, and not all of its `seg_fields`.
IMAGE_ALONE = (
    'CenterCrop',
    'Pad',
    'Albu',
    'RandomMosaic',
    'SegRescale',
    'mmcv.Resize',
    'mmcv.RandomFlip',
)
MOVING = (
    *IMAGE_ALONE,
    'Resize',
    'RandomResize',
    'RandomChoiceResize',
    'RandomFlip',
    'RandomCrop',
    'RandomRotate',
)
CURE = 'train on a pipeline of Resize, RandomCrop and RandomFlip'


def check_unmoved(results: dict, transform: str) -> None:
    """Refuse loaded maps beside an image that a transform is about to move alone.

    Args:
        results (dict): What a pipeline hands on.
        transform (str): Name of the transform.

    Raises:
        ValueError: A guide, a text similarity or edges were loaded.
    """
    if loaded := [field for field in (*FIELDS, EDGE) if field in results]:
        raise ValueError(
            f'{results.get("img_path")}: {transform} moves the image and not its {" and ".join(loaded)}, which '
            f'guide_dir, edge_dir or LoadGuide loaded; {CURE}'
        )


def uint8_image(results: dict, transform: str) -> np.ndarray:
    """The image, (H, W, 3) uint8, BGR, for a transform that knows grey levels of 8 bits alone.

    Args:
        results (dict): What a pipeline hands on.
        transform (str): Name of the transform.

    Raises:
        ValueError: The image has another type.
    """
    image = results['img']
    if image.dtype != np.uint8:
        raise ValueError(
            f'{results.get("img_path")}: {transform} got an image of {image.dtype}, expected uint8: put it before '
            'what makes it another (RandomPlacedCrop, RandomErasing, to_float32 of the loading)'
        )
    return image


def type_of(step: Any) -> str:
    """Name of a transform, built or in a pipeline's config, with the scope ``mmcv.`` alone; '' of another thing."""
    kind = step.get('type', '') if isinstance(step, dict) else type(step)
    if isinstance(kind, type):
        kind = f'{kind.__module__}.{kind.__name__}'
    scope, _, name = str(kind).rpartition('.')
    return (
        f'mmcv.{name}' if scope.split('.')[0] == 'mmcv' and f'mmcv.{name}' in IMAGE_ALONE else name
    )


def all_types(pipeline: Sequence[Any]) -> list[str]:
    """Names of all transforms of a pipeline, those within others included, in order."""
    names: list[str] = []
    for step in pipeline:
        if isinstance(step, list | tuple):
            names += all_types(step)
            continue
        names.append(type_of(step))
        inner = step.get('transforms') if isinstance(step, dict) else None
        if inner is not None:
            names += all_types(inner if isinstance(inner, list | tuple) else [inner])
    return names


def check_moved(pipeline: Sequence[Any]) -> None:
    """Refuse a pipeline that moves an image and not what was loaded or noted beside it.

    Args:
        pipeline: Its transforms, or their configs.

    Raises:
        ValueError: Names the transform.
    """
    names = all_types(pipeline)
    loader = next((i for i, name in enumerate(names) if name in LOADERS), len(names))
    if unmoved := [name for name in names[loader:] if name in IMAGE_ALONE]:
        raise ValueError(
            f'{unmoved[0]} moves an image and not the maps that {names[loader]} loads beside it; {CURE}'
        )
    placed = names.index(PLACED) if PLACED in names else len(names)
    if later := [name for name in names[placed:] if name in MOVING]:
        raise ValueError(
            f'{later[0]} moves an image that {PLACED} has placed on its ground, so that nothing knows where it lies; '
            f'put {PLACED} behind it'
        )


@TRANSFORMS.register_module()
class PackImageLabels(PackSegInputs):
    """mmsegmentation's ``PackSegInputs`` that takes the image's id and image-level label along.

    Args:
        meta_keys: What becomes metainfo of the sample, where the image has it.
    """

    def __init__(self, meta_keys: Sequence[str] = META_KEYS) -> None:
        super().__init__(meta_keys=meta_keys)

    def transform(self, results: dict) -> dict:
        """Pack ``inputs`` and ``data_samples``, with each of ``FIELDS`` (C, H, W), and ``edge`` (1, H, W)."""
        packed = super().transform(results)
        for field in (*FIELDS, EDGE):
            if field in results:
                maps = np.ascontiguousarray(np.atleast_3d(results[field]).transpose(2, 0, 1))
                packed['data_samples'].set_data({field: torch.from_numpy(maps).float() / 255})
        return packed


@TRANSFORMS.register_module()
class MultiScaleFlip(TestTimeAug):
    """Give an image at several sizes, each as it is and mirrored, for test-time augmentation.

    Give ``ratios`` or ``scales``, or neither for the image's own size.

    Args:
        ratios: Factors of the image's size, whose aspect stays.
        scales: Fixed sizes (width, height), in pixels.
        resize: Transform that applies the ratios: ``'Resize'``, or ``'mmlevelset.ResizeByRatio'`` for
            the filters of SEAM and IRN.
        interpolation: Filter of ``'Resize'``, a name of mmcv's.
        flip: Add the mirrored images.
        masks: Load the ground truth, for the evaluation.

    Raises:
        ValueError: Both ratios and scales are given, an unknown ``resize``, or one with another filter.
    """

    def __init__(
        self,
        ratios: Sequence[float] = (),
        scales: Sequence[Sequence[int]] = (),
        resize: str = 'Resize',
        interpolation: str = 'bilinear',
        flip: bool = True,
        masks: bool = True,
    ) -> None:
        options = {'Resize': 'scale_factor', 'mmlevelset.ResizeByRatio': 'ratio'}
        if ratios and scales:
            raise ValueError(
                f'MultiScaleFlip: got ratios={ratios} and scales={scales}; give one of them'
            )
        if resize not in options:
            raise ValueError(
                f'MultiScaleFlip: resize must be one of {list(options)}, got {resize!r}'
            )
        if resize != 'Resize' and interpolation != 'bilinear':
            raise ValueError(
                f'MultiScaleFlip: {resize} has a filter of its own, got interpolation={interpolation!r}; leave it out'
            )
        sizes = [{'type': resize, options[resize]: ratio} for ratio in ratios]
        if resize == 'Resize':
            sizes = [dict(size, keep_ratio=True, interpolation=interpolation) for size in sizes]
        fixed = dict(type='Resize', keep_ratio=False, interpolation=interpolation)
        sizes += [dict(fixed, scale=tuple(scale)) for scale in scales]
        flips = [dict(type='RandomFlip', prob=prob) for prob in (0.0, 1.0)] if flip else []
        load = [dict(type='mmlevelset.CheckedLoadAnnotations')] if masks else []
        branches = [sizes, flips, load, [dict(type='mmlevelset.PackImageLabels')]]
        super().__init__([branch for branch in branches if branch])

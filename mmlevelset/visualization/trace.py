"""Panels of the level sets of one image."""

import cv2
import numpy as np
import torch
from torch import Tensor

from mmlevelset.levelset import LevelSetTrace, normalise_cam

from .panels import Panel, level_set_panel, score_panel

GUIDE = 'map of guide_dir'  # what level sets learn from in the place of a CAM, in captions


def trace_panels(
    image: np.ndarray,
    trace: LevelSetTrace,
    cam: Tensor,
    limit: float,
    index: int = 0,
    source: str = 'CAM',
) -> list[Panel]:
    """Image, CAM, SDF, phi^0, phi^T and its contour of the class with the largest region.

    Args:
        image: (H, W, 3) uint8, RGB.
        trace: Of a batch that holds the image.
        cam (Tensor): the image's CAM, or the map in its place, (C, h, w), >= 0.
        limit: Pixels of the map at full colour.
        index: The image's place in the batch.
        source: What ``cam`` is, for the captions.

    Returns:
        list[Panel]: six panels of the size of ``image``.
    """
    height, width = image.shape[:2]

    def upsample(value: Tensor) -> np.ndarray:
        array = value.detach().float().cpu().numpy()
        return cv2.resize(array, (width, height), interpolation=cv2.INTER_LINEAR)

    rows = (trace.images == index).nonzero().flatten()
    if len(rows):
        m = rows[(trace.settled[rows] > 0).sum((1, 2, 3)).argmax()]
        score = cam[trace.classes[m]]
        maps = [trace.sdf[m, 0], trace.phi0[m, 0], trace.settled[m, 0]]
    else:  # no present class has a contour
        score, maps = cam.amax(0), [torch.full_like(cam[0], -limit)] * 3
    sdf, phi0, phi = (upsample(value) for value in maps)
    return [
        Panel('image', image),
        score_panel(source, image, upsample(normalise_cam(score[None, None])[0, 0])),
        level_set_panel(f'SDF of the {source}', image, sdf, limit),
        level_set_panel('phi 0', image, phi0, limit),
        level_set_panel('phi T', image, phi, limit),
        level_set_panel('contour of phi T', image, phi, limit, on_image=True),
    ]

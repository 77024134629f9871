"""The operator of Table 3: its images, starts, condition and training on the Chan-Vese energy."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmlevelset.datasets.shapes_generator import draw_image
from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.fileio.ids import IMAGE_SUFFIXES
from mmlevelset.fileio.images import read_image
from mmlevelset.levelset import (
    FNOEvolution,
    contour_length,
    data_force,
    region_energy,
    signed_distance,
    standardise,
)

LENGTH = 0.01  # weight of the contour length relative to the variance, default of chan_vese
# Pixels across the maps that the operator is trained on, and of the image its condition sees at
# any size: grain that the training never saw would make the contour of a large map ragged.
GRID = 56
_CAM = 14  # pixels across the map of the starts, stride 32 at 448 px
_TRUNCATE = 20 / 448  # of the side: SDFs are cut there, and the operator's unit
_DRAWN = 60  # training images, where no folder is given
_PHOTOGRAPHS = 300  # training images, at most, of a folder
_GREY = torch.tensor([0.299, 0.587, 0.114])  # ITU-R BT.601


def grey_images(folder: str | None, size: int) -> tuple[Tensor, Tensor]:
    """The benchmark image and other images to train on. Grey, because scikit-image takes no colour.

    Args:
        folder (str, optional): photographs; the first in the order of names is the benchmark.
            Without it, images of the Shapes generator: one of its validation split, its training
            split.
        size (int): pixels across the benchmark image; photographs are cut to a square.

    Returns:
        tuple[Tensor, Tensor]: (1, 1, size, size) and (N, 1, GRID, GRID), in [0, 1].

    Raises:
        FileNotFoundError: if the folder has less than two images.
    """
    if folder is None:
        train = [_grey(draw_image(0, 0, i, 4 * GRID)[0]) for i in range(_DRAWN)]
        image = _grey(draw_image(0, 1, 0, size)[0])
    else:
        files = sorted(f for f in Path(folder).iterdir() if f.suffix.lower() in IMAGE_SUFFIXES)
        if len(files) < 2:
            raise FileNotFoundError(
                f'{folder} has {len(files)} images ({", ".join(IMAGE_SUFFIXES)}), expected at least 2: '
                'one to measure on and others to train the operator.'
            )
        files = files[: 1 + _PHOTOGRAPHS]
        image, *train = (_grey(read_image(f)) for f in files)
    return _square(image, size), torch.cat([_square(x, GRID) for x in train])


def _grey(rgb: np.ndarray) -> Tensor:
    return (torch.from_numpy(rgb.copy()).float() / 255 @ _GREY)[None, None]


def _square(image: Tensor, size: int) -> Tensor:
    height, width = image.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    image = image[..., top : top + side, left : left + side]
    mode = dict(mode='area') if side >= size else dict(mode='bilinear', align_corners=False)
    return F.interpolate(image, (size, size), **mode)


def starts(image: Tensor, classes: int, generator: torch.Generator) -> Tensor:
    """Signed distances phi^0 of CAM-like blobs.

    A CAM is coarse and right in part: the image on a 14 x 14 grid (bright or dark is inside) plus
    as much noise, cut where 20 to 50 % of the pixels are inside.

    Args:
        image (Tensor): (N, 1, h, w), in [0, 1].
        classes (int): level sets per image, C.
        generator (torch.Generator): source of the randomness, on the CPU.

    Returns:
        Tensor: phi^0, (N, C, h, w), in pixels, positive inside, cut at 20 px of a 448 px map.
    """
    n, _, height, width = image.shape
    coarse = standardise(F.adaptive_avg_pool2d(image, _CAM)).cpu()
    sign = 2.0 * torch.randint(2, (n, classes, 1, 1), generator=generator) - 1
    coarse = sign * coarse + torch.randn(n, classes, _CAM, _CAM, generator=generator)
    quantile = 0.5 + 0.3 * torch.rand(n * classes, 1, generator=generator)
    ranked = coarse.flatten(0, 1).flatten(1).sort(dim=1).values
    threshold = ranked.gather(1, (quantile * (_CAM**2 - 1)).long()).view(n, classes, 1, 1)
    fine = F.interpolate(coarse - threshold, (height, width), mode='bicubic', align_corners=False)
    return signed_distance((fine > 0).to(image.device), truncate=_TRUNCATE * height)


def objective(phi: Tensor, image: Tensor) -> Tensor:
    """Chan-Vese energy that ``chan_vese`` descends on: region terms over the variance, and length.

    Args:
        phi (Tensor): level sets, (N, C, h, w), in pixels, positive inside.
        image (Tensor): (N, 1, h, w), in [0, 1].

    Returns:
        Tensor: (N, C), dimensionless; 1 for an empty region.
    """
    variance = image.flatten(1).var(dim=1, unbiased=False)[:, None].clamp_min(1e-4)
    return region_energy(phi, image) / variance + LENGTH * contour_length(phi)


def coarse_image(image: Tensor) -> Tensor:
    """The image (N, 1, h, w) as seen on the grid of the training, at its own size."""
    size = image.shape[2:]
    if max(size) <= GRID:
        return image
    coarse = F.adaptive_avg_pool2d(image, GRID)
    return F.interpolate(coarse, size, mode='bilinear', align_corners=False)


def one_pass(operator: FNOEvolution, phi: Tensor, image: Tensor) -> Tensor:
    """phi^T of one pass, conditioned on the data force of phi^0 as in the level-set head.

    Args:
        operator (FNOEvolution): with one condition channel.
        phi (Tensor): phi^0, (N, C, h, w), in pixels, positive inside.
        image (Tensor): (N, 1, h, w), in [0, 1].

    Returns:
        Tensor: phi^T, like ``phi``.
    """
    condition = data_force(phi, coarse_image(image))
    norm = torch.linalg.vector_norm(condition, dim=(2, 3), keepdim=True)
    condition.div_((norm / math.sqrt(phi[0, 0].numel())).clamp_min_(1e-6))
    unit = _TRUNCATE * phi.shape[2]
    return operator.operator(phi / unit, condition[:, :, None]).mul_(unit)


def train(classes: int, images: Tensor, steps: int, device: torch.device) -> FNOEvolution:
    """Train a group of Table 3 (diag, 12 modes, 4 layers) on the energy of its one pass.

    Args:
        classes (int): level sets, C.
        images (Tensor): (N, 1, GRID, GRID), in [0, 1].
        steps (int): optimiser steps of four images.
        device (torch.device): where to train.

    Returns:
        FNOEvolution: the trained operator.
    """
    generator = torch.Generator().manual_seed(0)
    operator = FNOEvolution(classes, condition_channels=1).to(device)
    rate = 1e-2
    optimiser = torch.optim.AdamW(operator.parameters(), lr=rate, weight_decay=0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=max(steps, 2))
    for _ in range(steps):
        image = images[torch.randint(len(images), (4,), generator=generator)].to(device)
        phi = one_pass(operator, starts(image, classes, generator), image)
        loss = objective(phi, image).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(operator.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return operator.eval()


def save(path: Path, operator: FNOEvolution, kwargs: dict[str, Any]) -> None:
    """Write an operator in the format of :func:`load`."""
    with atomic_path(path) as temporary:
        torch.save(dict(kwargs=kwargs, state_dict=operator.state_dict()), temporary)


def load(path: str, classes: int, device: torch.device) -> FNOEvolution:
    """Read an operator: ``dict(kwargs=…, state_dict=…)`` of :class:`FNOEvolution`.

    Args:
        path (str): file written by ``torch.save``; loading it executes no code.
        classes (int): level sets of the benchmark, C.
        device (torch.device): where to put it.

    Returns:
        FNOEvolution: the operator.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it holds something else or does not fit the benchmark.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path} does not exist; leave --operator out to train one.')
    state = torch.load(path, map_location=device, weights_only=True)
    if not isinstance(state, dict) or not {'kwargs', 'state_dict'} <= state.keys():
        raise ValueError(f"{path}: expected a dict with 'kwargs' and 'state_dict' of FNOEvolution.")
    operator = FNOEvolution(**state['kwargs']).to(device)
    operator.load_state_dict(state['state_dict'])
    fits = operator.num_classes == classes or not operator.grouped
    if not fits or operator.condition_channels != 1:
        raise ValueError(
            f'{path}: num_classes={operator.num_classes}, condition_channels='
            f'{operator.condition_channels}, expected {classes} and 1 (the data force).'
        )
    return operator.eval()

"""What the field uses for the same work; every peer is optional."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mmlevelset.levelset import SpectralConv2d


class MissingPeer(Exception):
    """A peer that is not installed; the message says how to install it."""


def optional(module: str, package: str) -> ModuleType:
    """Import a module.

    Args:
        module (str): dotted name.
        package (str): what pip calls it.

    Returns:
        ModuleType: the module.

    Raises:
        MissingPeer: if it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingPeer(f'not installed: pip install {package} ({error})') from error


def naive_region_energy(phi: Tensor, data: Tensor, weight: Tensor, eps: float = 1.0) -> Tensor:
    """``region_energy`` as eq 19-23 read: builds I_c = w_c X, (N, C, K, h, w), and both residuals.

    Args:
        phi (Tensor): level sets, (N, C, h, w), in pixels, positive inside.
        data (Tensor): X, (N, K, h, w).
        weight (Tensor): w of eq 20, (N, C, h, w).
        eps (float): width of the Heaviside function, in pixels.

    Returns:
        Tensor: (N, C), in data units squared.
    """
    intensity = weight[:, :, None] * data[:, None]
    total = phi.new_zeros(())
    for side in (torch.sigmoid(phi / eps), torch.sigmoid(-phi / eps)):
        side = side[:, :, None]
        area = side.sum(dim=(3, 4), keepdim=True) + 1e-6
        mean = (side * intensity).sum(dim=(3, 4), keepdim=True) / area
        total = total + (side * (intensity - mean).square()).mean(dim=(2, 3, 4))
    return total


def neuralop_layer(ours: SpectralConv2d) -> nn.Module:
    """neuraloperator's ``SpectralConv`` with the modes, mixing and weights of ours.

    Its ``n_modes`` counts both signs: 12 modes of ours are (24, 22) there.

    Raises:
        MissingPeer: if neuraloperator is not installed.
    """
    package = 'neuraloperator tensorly-torch'
    module = optional('neuralop.layers.spectral_convolution', package)
    weight, modes = ours.weight.detach(), ours.modes
    diag = ours.mixing == 'diag'
    layer = module.SpectralConv(
        ours.channels, ours.channels, (2 * modes, 2 * modes - 2), bias=False, separable=diag
    ).to(weight.device)
    # Ours: (out, in, 2, rows 0 .. m - 1, -m .. -1, m); theirs: complex (in, out, rows -m .. m - 1).
    value = torch.complex(*weight.unbind(-3)).roll(modes, dims=-2)
    with torch.no_grad():
        layer.weight.tensor.copy_(value if diag else value.transpose(0, 1))
    return layer


def skimage_chan_vese(image: Tensor, phi: Tensor, length: float) -> Callable[[int], Tensor]:
    """scikit-image's ``chan_vese``, one class after the other.

    Args:
        image (Tensor): (h, w), in [0, 1].
        phi (Tensor): phi^0, (C, h, w), in pixels, positive inside.
        length (float): weight of the length, relative to the variance, as in our ``chan_vese``.

    Returns:
        Callable: from iterations to phi^T (C, h, w).

    Raises:
        MissingPeer: if scikit-image is not installed.
    """
    chan_vese = optional('skimage.segmentation', 'scikit-image').chan_vese
    x, start = image.cpu().numpy(), phi.cpu().numpy()
    # Its energy is a sum over the pixels of the image rescaled to [0, 1].
    options: dict[str, Any] = dict(mu=length * min(x.shape) * x.var() / np.ptp(x) ** 2)

    def run(steps: int) -> Tensor:
        options.update(max_num_iter=steps, tol=0, extended_output=True)
        return torch.from_numpy(
            np.stack([chan_vese(x, init_level_set=p, **options)[1] for p in start])
        )

    return run


def skimage_morphological(image: Tensor, phi: Tensor) -> Callable[[int], Tensor]:
    """scikit-image's ``morphological_chan_vese``, one class after the other; see above.

    Returns:
        Callable: from iterations to +1 inside and -1 outside, (C, h, w).

    Raises:
        MissingPeer: if scikit-image is not installed.
    """
    evolve = optional('skimage.segmentation', 'scikit-image').morphological_chan_vese
    x, start = image.cpu().numpy(), (phi > 0).cpu().numpy()

    def run(steps: int) -> Tensor:
        masks = np.stack([evolve(x, steps, init_level_set=mask) for mask in start])
        return torch.from_numpy(2 * masks.astype(np.float32) - 1)

    return run

"""From class activation maps to class masks (eq 9-10) and energy weights (eq 20)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

# Slope that spreads a CAM in [0, 1] over sigmoid logits in [-4, 4], i.e. over weights 0.02 .. 0.98.
_NORMALISED_SLOPE = 8.0


def normalise_cam(cam: Tensor, img_label: Tensor | None = None, eps: float = 1e-5) -> Tensor:
    """Clip a CAM at zero and scale every class map to a maximum of one.

    Differentiable. A map whose maximum is below ``eps`` is not blown up to one.

    Args:
        cam (Tensor): class activation maps of the C foreground classes, (N, C, h, w), any scale.
        img_label (Tensor, optional): 0/1 image labels, (N, C); absent classes become zero.
        eps (float): smallest maximum to divide by, in the unit of ``cam``: that of IRN, PSA and SEAM. These
            and other hosts add theirs to the maximum of a seed, as ``SeedRecipe`` does after them.

    Returns:
        Tensor: (N, C, h, w) in [0, 1], float32 or the wider dtype of ``cam``.

    Raises:
        ValueError: if ``cam`` is not 4-D or ``img_label`` is not (N, C).
    """
    _check(cam, img_label)
    cam = cam.to(torch.promote_types(cam.dtype, torch.float32)).relu()
    if img_label is not None:
        present = img_label.to(cam.device)[:, :, None, None] > 0
        cam = cam.where(present, 0)  # also where an absent class is not finite
    return cam / cam.amax(dim=(2, 3), keepdim=True).clamp_min(eps)


def smooth_cam(cam: Tensor, sigma: float) -> Tensor:
    """Smooth every map with a Gaussian, whose borders repeat the outermost pixels.

    Args:
        cam (Tensor): class activation maps, (N, C, h, w), any scale.
        sigma (float): standard deviation of the Gaussian, in pixels of the maps; 0 leaves them as they are.

    Returns:
        Tensor: like ``cam``.
    """
    reach = math.ceil(3 * sigma)
    if not reach:
        return cam
    offsets = torch.arange(-reach, reach + 1, dtype=cam.dtype, device=cam.device)
    weights = (-0.5 * (offsets / sigma).square()).softmax(0)
    maps = F.pad(cam.flatten(0, 1)[:, None], 4 * [reach], mode='replicate')
    with torch.autocast(cam.device.type, enabled=False):
        maps = F.conv2d(F.conv2d(maps, weights[None, None, None]), weights[None, None, :, None])
    return maps.view_as(cam)


@torch.no_grad()
def cam_masks(cam: Tensor, img_label: Tensor, background: float | Tensor = 0.35) -> Tensor:
    """Assign every pixel to a present class or to the background (eq 9-10).

    The paper's argmax over the C class channels leaves no background, so a constant channel is put
    in front of the normalised maps. The softmax of eq 9 does not change the argmax and is left out.

    Args:
        cam (Tensor): class activation maps, (N, C, h, w), any scale.
        img_label (Tensor): 0/1 image labels, (N, C); absent classes own no pixel.
        background (float or Tensor): score of the background channel, in [0, 1), or one per class,
            (C,): every class is then measured by its own. Ties go to the background.

    Returns:
        Tensor: bool masks M_c, (N, C, h, w); at most one class is true at a pixel.

    Raises:
        ValueError: if a shape is wrong or a single ``background`` lies outside [0, 1).
    """
    if isinstance(background, Tensor):
        if background.shape != cam.shape[1:2]:
            raise ValueError(
                f'background has shape {tuple(background.shape)}, expected {tuple(cam.shape[1:2])}: '
                'one score per class of cam.'
            )
        background = background.to(cam)[:, None, None]
    elif not 0 <= background < 1:
        raise ValueError(
            f'background is {background}, expected a value in [0, 1): the CAM it competes with is '
            'normalised to a maximum of 1. Set it near 0.35.'
        )
    # Against backgrounds of their own, classes compete by their share of the way up to 1.
    scores = (normalise_cam(cam, img_label) - background) / (1 - background)
    scores = torch.cat([torch.zeros_like(scores[:, :1]), scores], dim=1)
    # eq 9; torch.argmax returns the first of equal maxima, which is the background.
    owner = scores.argmax(dim=1, keepdim=True)
    classes = torch.arange(1, scores.shape[1], device=cam.device)
    return owner == classes[None, :, None, None]  # eq 10


def cam_weight(cam: Tensor, alpha: float, cam_logit: str = 'literal') -> Tensor:
    """Weight w = (1 - alpha) + alpha * sigmoid(C) that modulates the data of the energy (eq 20).

    Args:
        cam (Tensor): class activation maps, (N, C, h, w), any scale.
        alpha (float): share of the CAM in the weight, in [0, 1]; 0 gives w = 1 everywhere.
        cam_logit (str): ``'literal'`` feeds the CAM itself to the sigmoid, which keeps it in
            [0.5, 1) because a CAM is not negative; ``'normalised'`` feeds 8 * (C - 0.5) of the
            max-normalised CAM, which uses nearly the whole range of the sigmoid.

    Returns:
        Tensor: w, (N, C, h, w), in (0, 1].

    Raises:
        ValueError: if ``alpha`` lies outside [0, 1] or ``cam_logit`` is unknown.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f'alpha is {alpha}, expected a value in [0, 1].')
    _check(cam, None)
    if cam_logit == 'literal':
        logit = cam.to(torch.promote_types(cam.dtype, torch.float32))
    elif cam_logit == 'normalised':
        logit = _NORMALISED_SLOPE * (normalise_cam(cam) - 0.5)
    else:
        raise ValueError(f"cam_logit is {cam_logit!r}, expected 'literal' or 'normalised'.")
    return (1 - alpha) + alpha * logit.sigmoid()


def _check(cam: Tensor, img_label: Tensor | None) -> None:
    if cam.dim() != 4 or not cam.is_floating_point():
        raise ValueError(
            f'cam has shape {tuple(cam.shape)} and dtype {cam.dtype}, expected a floating-point '
            '(N, C, h, w) tensor of the foreground classes.'
        )
    if img_label is not None and img_label.shape != cam.shape[:2]:
        raise ValueError(
            f'img_label has shape {tuple(img_label.shape)}, expected {tuple(cam.shape[:2])}: one '
            'value per image and foreground class of cam (no background entry).'
        )

"""Pixel-adaptive refinement, PAR (Ru et al., "Learning Affinity from Attention", CVPR 2022)."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mmlevelset.models.trained import checked_device
from mmlevelset.refine.base import Refiner, check_scores_of, rgb_image
from mmlevelset.registry import REFINERS

# afa/model/PAR.py: w1, both widths in standard deviations of the neighbours, and w2, the share of
# the position term; 1e-8 keeps flat regions finite.
WIDTH, POSITION_SHARE, EPS = 0.3, 0.01, 1e-8


@REFINERS.register_module()
class PAR(Refiner):
    """Iterated average over neighbours of similar colour, as AFA applies it to CAMs: softmax over the
    present classes, at a fraction of the resolution.

    Args:
        background: Background score of seeds; see :class:`Refiner`. AFA takes the scores 0.35 and 0.55 (VOC).
        iterations: Averaging steps (AFA: 10 on VOC, 15 on COCO).
        dilations: Distances in pixels of the eight neighbours each.
        downscale: Image and scores are refined at 1/downscale of their size.
        device: Device of the computation.

    Raises:
        ValueError: For settings out of range.
    """

    def __init__(
        self,
        background: dict[str, float] | None = None,
        iterations: int = 10,
        dilations: Sequence[int] = (1, 2, 4, 8, 12, 24),
        downscale: int = 2,
        device: str = 'cpu',
    ) -> None:
        super().__init__(background)
        if iterations < 0 or downscale < 1 or not dilations or min(dilations) < 1:
            raise ValueError(
                'expected iterations >= 0, downscale >= 1 and dilations >= 1, got '
                f'{iterations}, {downscale} and {dilations}'
            )
        self.iterations = iterations
        self.dilations = tuple(dilations)
        self.downscale = downscale
        self.device = checked_device(device)

    @torch.inference_mode()
    def refine(self, image: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """See :meth:`Refiner.refine`; the result sums to 1 over the classes."""
        image = rgb_image(image)
        check_scores_of(image, scores)
        size = image.shape[:2]
        small = [max(1, length // self.downscale) for length in size]
        pixels = torch.from_numpy(image).to(self.device).float().permute(2, 0, 1)
        masks = torch.tensor(scores, dtype=torch.float32, device=self.device)
        pixels, masks = (_resize(maps, small) for maps in (pixels, masks))
        refined = pixel_adaptive_refinement(
            pixels, masks.softmax(dim=0), self.iterations, self.dilations
        )
        refined = _resize(refined, size)
        # Each step multiplies the sum by 1 + POSITION_SHARE.
        return (refined / refined.sum(dim=0)).cpu().numpy()


def pixel_adaptive_refinement(
    image: Tensor,
    masks: Tensor,
    iterations: int = 10,
    dilations: Sequence[int] = (1, 2, 4, 8, 12, 24),
) -> Tensor:
    """Average the masks over colour-weighted neighbours, ``iterations`` times.

    The colour weight is a softmax over the neighbours of ``-(|dI| / std / 0.3)^2``, mean over the
    channels, where std is the standard deviation of the neighbours' colours; the position weight is
    the same of the distances, times 0.01.

    Args:
        image (Tensor): image of any range, (3, H, W) float32.
        masks (Tensor): scores, (C, h, w) float32; resized to the image (corners aligned).
        iterations: Averaging steps.
        dilations: Distances in pixels of the eight neighbours each; beyond the image the border
            pixel is repeated.

    Returns:
        Tensor: refined masks, (C, H, W) float32; their sum has grown by 1.01^iterations.
    """
    if masks.shape[1:] != image.shape[1:]:
        masks = _resize(masks, image.shape[1:], align_corners=True)
    weights = _weights(image, dilations)
    for _ in range(iterations):
        refined = torch.zeros_like(masks)
        for weight, neighbour in zip(weights, _neighbours(masks, dilations), strict=True):
            refined.addcmul_(weight, neighbour)
        masks = refined
    return masks


def _weights(image: Tensor, dilations: Sequence[int]) -> Tensor:
    """Weights of the 8 D neighbours, (8 D, H, W)."""
    count = 8 * len(dilations)
    mean, variance = torch.zeros_like(image), torch.zeros_like(image)
    for n in _neighbours(image, dilations):
        mean += n
    mean /= count
    for n in _neighbours(image, dilations):
        variance += (n - mean).square_()
    width = ((variance / (count - 1)).sqrt_() + EPS) * WIDTH
    colour = torch.stack(
        [-((n - image) / width).square_().mean(dim=0) for n in _neighbours(image, dilations)]
    )
    distance = image.new_tensor([(dy * dy + dx * dx) ** 0.5 for dy, dx in _offsets(dilations)])
    position = -((distance / ((distance.std() + EPS) * WIDTH)).square())
    return colour.softmax(dim=0) + POSITION_SHARE * position.softmax(dim=0)[:, None, None]


def _offsets(dilations: Sequence[int]) -> list[tuple[int, int]]:
    steps = (-1, 0, 1)
    return [(d * y, d * x) for d in dilations for y in steps for x in steps if y or x]


def _neighbours(maps: Tensor, dilations: Sequence[int]) -> Iterator[Tensor]:
    """Views of the maps, (C, H, W) each, shifted by every offset."""
    height, width = maps.shape[1:]
    reach = max(dilations)
    padded = F.pad(maps, [reach] * 4, mode='replicate')
    for dy, dx in _offsets(dilations):
        yield padded[:, reach + dy : reach + dy + height, reach + dx : reach + dx + width]


def _resize(maps: Tensor, size: Sequence[int], align_corners: bool = False) -> Tensor:
    return F.interpolate(maps[None], tuple(size), mode='bilinear', align_corners=align_corners)[0]

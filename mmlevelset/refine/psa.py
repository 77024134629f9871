"""The random walk of PSA (Ahn and Kwak, arXiv:1803.10464); SEAM and MCTformer use it too."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mmlevelset.affinity.losses import feature_affinity
from mmlevelset.affinity.paths import half_disc
from mmlevelset.refine.base import Refiner
from mmlevelset.refine.model import load_model, normalised
from mmlevelset.refine.random_walk import random_walk, transition_matrix
from mmlevelset.registry import REFINERS


@REFINERS.register_module()
class PSAWalk(Refiner):
    """Random walk by the affinities of a trained AffinityNet.

    Image and scores are padded with zeros, the scores averaged to the grid of the network, spread
    by 2^logt steps and resized back. As in PSA, pixels in the outer radius - 1 columns and the last
    radius - 1 rows of the grid start no pair, so they have fewer neighbours.

    Args:
        config: Config whose decode head is an ``AffinityNet``.
        checkpoint: Its weights.
        background: ``dict(alpha=a)`` or ``dict(score=s)``, see :class:`Refiner`; it walks along.
        beta: Exponent of the affinities.
        logt: Logarithm of the number of steps to the base 2.
        stride: Of the grid, in pixels of the image.
        device: Device of network and walk.
    """

    def __init__(
        self,
        config: str,
        checkpoint: str,
        background: dict[str, float],
        beta: float = 8,
        logt: int = 8,
        stride: int = 8,
        device: str = 'cpu',
    ) -> None:
        super().__init__(background)
        self.model = load_model(config, checkpoint, device)
        self.radius = self.model.decode_head.radius
        self.beta = beta
        self.logt = logt
        self.stride = stride
        self.device = device

    @torch.inference_mode()
    def refine(self, image: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Walk; arguments and result as of :meth:`Refiner.refine`."""
        height, width = image.shape[:2]
        # At least one pixel of the grid must start pairs.
        rows = max(-(-height // self.stride), self.radius)
        columns = max(-(-width // self.stride), 2 * self.radius - 1)
        padding = (0, columns * self.stride - width, 0, rows * self.stride - height)
        x = F.pad(normalised(self.model, image), padding)
        features = self.model.decode_head(self.model.extract_feat(x))[0]
        if features.shape[1:] != (rows, columns):
            raise ValueError(
                f'the network has a grid of {tuple(features.shape[1:])} for {tuple(x.shape[2:])} '
                f'pixels, not of stride {self.stride}; set the stride of the first map of its head'
            )
        seeds = F.pad(torch.from_numpy(scores).to(self.device), padding)
        walked = feature_walk(
            F.avg_pool2d(seeds, self.stride), features, self.radius, self.beta, 2**self.logt
        )
        walked = F.interpolate(walked[None], scale_factor=self.stride, mode='bilinear')[0]
        return walked[:, :height, :width].cpu().numpy()


def feature_walk(x: Tensor, features: Tensor, radius: int, beta: float, steps: int) -> Tensor:
    """PSA's walk on the grid.

    Args:
        x (Tensor): scores, (K, h, w).
        features (Tensor): AffinityNet's, (C, h, w).
        radius: Of the pairs.
        beta: Exponent of the affinities.
        steps: Of the walk.

    Returns:
        Tensor: (K, h, w).
    """
    affinity = feature_affinity(features[None].float(), radius)[0]
    size = x.shape[1], x.shape[2]
    transition = transition_matrix(affinity, half_disc(radius), size, beta, left=radius - 1)
    return random_walk(x, transition, steps)

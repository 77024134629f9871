"""Label making and random walk of IRN (Ahn, Cho and Kwak, arXiv:1904.05044)."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mmlevelset.affinity.losses import path_affinity
from mmlevelset.affinity.paths import search_paths
from mmlevelset.levelset.sdf import TRUNCATE, seed_scores
from mmlevelset.refine.base import Refiner
from mmlevelset.refine.model import load_model, normalised
from mmlevelset.refine.random_walk import random_walk, transition_matrix
from mmlevelset.registry import REFINERS


@REFINERS.register_module()
class IRNWalk(Refiner):
    """Random walk that does not cross the edges of a trained IRNet.

    The background is a constant that is compared with the walked scores, divided by their largest
    value over all classes.

    IRN's walk carries evidence from where a CAM is high to the rest of its object. The scores of level sets say how
    far the contour is, and a walk blurs that; with ``from_labels`` it starts from what they enclose.

    Args:
        config: Config whose decode head is an ``IRNet``.
        checkpoint: Its weights.
        background: ``dict(score=s)``.
        beta: Exponent of the affinities.
        exp_times: Logarithm of the number of steps to the base 2.
        radius: Of the pairs of the walk, in pixels of the grid; training uses larger ones.
        power: Exponent of the seeds before the walk.
        from_labels: Walk from the labels of the seeds, 1 where a class is the label and 0 elsewhere, in the place
            of their scores.
        crop_size: Smaller images are padded with zeros to this side, as in IRN; it changes the edges, by the
            group norms. Larger images stay as they are, where IRN's negative padding cuts them.
            0 never pads.
        device: Device of network and walk.

    Raises:
        ValueError: For a background other than a constant.
    """

    def __init__(
        self,
        config: str,
        checkpoint: str,
        background: dict[str, float],
        beta: float = 10,
        exp_times: int = 8,
        radius: int = 5,
        power: float = 1.0,
        from_labels: bool = False,
        crop_size: int = 512,
        device: str = 'cpu',
    ) -> None:
        if set(background) != {'score'}:
            raise ValueError(f'IRNWalk needs background=dict(score=...), got {background}')
        super().__init__(background)
        self.model = load_model(config, checkpoint, device)
        self.stride = self.model.decode_head.stride
        self.beta = beta
        self.exp_times = exp_times
        self.radius = radius
        self.power = power
        self.from_labels = from_labels
        self.crop_size = crop_size
        self.device = device

    @torch.inference_mode()
    def refine(self, image: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Walk; arguments and result as of :meth:`Refiner.refine`."""
        height, width = image.shape[:2]
        edge = self.edge(image)
        start = scores[1:]
        if self.from_labels:
            won = (start == scores.max(axis=0)) & (start > scores[:1])  # a tie is background
            start = won.astype(np.float32)
        seeds = torch.from_numpy(start).to(self.device) ** self.power
        seeds = F.interpolate(seeds[None], edge.shape, mode='bilinear')[0]
        walked = edge_walk(seeds, edge, self.radius, self.beta, 2**self.exp_times)
        walked = F.interpolate(walked[None], scale_factor=self.stride, mode='bilinear')[0]
        walked = walked[:, :height, :width]
        walked = walked / walked.max().clamp_min(torch.finfo(walked.dtype).tiny)
        return np.concatenate([scores[:1], walked.cpu().numpy()])

    @torch.inference_mode()
    def edge(self, image: np.ndarray) -> Tensor:
        """Probability of an edge, from the image and its mirror image.

        Args:
            image (np.ndarray): RGB image, (H, W, 3) uint8.

        Returns:
            Tensor: (h, w) in [0, 1], on the grid of the network.
        """
        x = normalised(self.model, image)
        height, width = x.shape[2:]
        padding = (0, max(0, self.crop_size - width), 0, max(0, self.crop_size - height))
        views = F.pad(torch.cat([x, x.flip(3)]), padding)
        edge = self.model.decode_head(self.model.extract_feat(views))
        edge = edge[:, : -(-height // self.stride), : -(-width // self.stride)]
        return ((edge[0] + edge[1].flip(1)) / 2).sigmoid()

    def image_edges(self, image: np.ndarray) -> np.ndarray:
        """:meth:`edge` of every pixel of the image, (H, W) float32 in [0, 1]."""
        height, width = image.shape[:2]
        edge = F.interpolate(
            self.edge(image)[None, None], scale_factor=self.stride, mode='bilinear'
        )
        return edge[0, 0, :height, :width].float().cpu().numpy()


def edge_walk(x: Tensor, edge: Tensor, radius: int, beta: float, steps: int) -> Tensor:
    """IRN's walk on the grid; scores on edges are dropped first.

    Args:
        x (Tensor): scores, (K, h, w).
        edge (Tensor): probability of an edge in [0, 1], (h, w).
        radius: Of the pairs.
        beta: Exponent of the affinities.
        steps: Of the walk.

    Returns:
        Tensor: (K, h, w).
    """
    # The frame lets all pixels of the map start pairs; none of its own pairs is kept.
    framed = F.pad(edge[None].float(), (radius, radius, 0, radius), value=1.0)
    affinity = path_affinity(framed, radius)[0]
    partners = np.array([path[0] for path in search_paths(radius)])
    transition = transition_matrix(affinity, partners, (x.shape[1], x.shape[2]), beta, left=-1)
    return random_walk(x * (1 - edge), transition, steps)


@REFINERS.register_module()
class IRLabel(Refiner):
    """Labels that IRNet is trained on: confident classes, confident background, the rest unsure.

    The maps are 1 at the label and 0 elsewhere; where all of them are 0, the pixel is unsure.

    Args:
        crf: Config of the dense CRF for labels, ``gt_prob=0.7`` in IRN.
        foreground: A pixel is of a class where the CRF says so with this background score ...
        background: ... and background where it says so with this one.
        band: Of level sets, in the place of both: what lies this far inside or outside of the contour, in
            pixels of the image that the network saw, is sure.
        margin: In the place of both, with ``background=dict(score=s)``: they lie this far above and below s,
            the threshold of the seeds.
        truncate: Of the :class:`LevelSetHead` that made the seeds, in the same pixels; the scores of
            ``band`` follow it. ``tools/refine.py`` takes it from the seeds that state it.

    Raises:
        ValueError: Unless 0 <= ``background`` <= ``foreground`` < 1, or on another set of arguments than both scores,
            a ``band`` alone, or a ``margin`` with the threshold.
    """

    def __init__(
        self,
        crf: dict,
        foreground: float | None = None,
        background: float | dict[str, float] | None = None,
        band: float | None = None,
        truncate: float = TRUNCATE,
        margin: float | None = None,
    ) -> None:
        high, low = _sure_scores(foreground, background, band, truncate, margin)
        if not 0 <= low <= high < 1:
            raise ValueError(
                f'expected 0 <= background <= foreground < 1, got {low} and {high}; the higher score leaves '
                'the confident foreground, and a margin must leave room on both sides of the threshold'
            )
        super().__init__(dict(score=high))
        self.crf = REFINERS.build(crf)
        self.low = low

    def refine(self, image: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Make labels; arguments and result as of :meth:`Refiner.refine`."""
        weak = scores.copy()
        weak[0] = self.low
        foreground, rest = (self.crf.refine(image, s).argmax(axis=0) for s in (scores, weak))
        soft = (np.arange(len(scores))[:, None, None] == foreground).astype(np.float32)
        soft[0] = (foreground == 0) & (rest == 0)
        return soft


def _sure_scores(
    foreground: float | None,
    background: float | dict[str, float] | None,
    band: float | None,
    truncate: float,
    margin: float | None,
) -> tuple[float, float]:
    """Background scores of the sure foreground and of the sure background, from what :class:`IRLabel` takes."""
    match foreground, background, band, margin:
        case float() | int(), float() | int(), None, None:
            return foreground, background
        case None, None, float() | int(), None:
            high, low = seed_scores(
                torch.tensor([band, -band], dtype=torch.float64), truncate
            ).tolist()
            return high, low
        case None, {'score': float() | int() as score}, None, float() | int():
            return score + margin, score - margin
    raise ValueError(
        f'IRLabel: got foreground={foreground}, background={background}, band={band}, margin={margin}; '
        'expected both scores, the band of level sets alone, or a margin with background=dict(score=...)'
    )

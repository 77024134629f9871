"""Scores of any model, evolved on the image: level sets without training or network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .classical import ClassicalEvolution
from .energy import standardise
from .evolution import Evolution
from .limits import check_number
from .loss_inputs import check_batch
from .sdf import TRUNCATE, seed_scores, signed_distance, valid_masks

BACKGROUND = 0.5  # score on the zero level of a level set


class LevelSetRefiner(nn.Module):
    """Move the contours of score maps to what the image shows, in plain torch.

    The label map of the scores becomes a signed distance function per class, phi^0 (eq 11-12), an
    evolution moves it on the image, phi^T (eq 8), and scores come back from it::

        refined = LevelSetRefiner()(image, logits.softmax(1)).argmax(1)

    Args:
        evolution: Any :class:`Evolution`; default: Chan and Vese's, 15 steps, on the image. It may be
            a trained :class:`FNOEvolution`.
        truncate (float, optional): distance in pixels at which phi^0 and the scores end, see
            :func:`seed_scores`. Default: what counts as one in a learnt ``evolution``, ``max_phi`` of Chan and
            Vese's up to 80, 80 of DRLSE.
    """

    def __init__(self, evolution: Evolution | None = None, truncate: float | None = None) -> None:
        super().__init__()
        self.evolution = evolution or ClassicalEvolution('chan_vese', geodesic=False)
        own = self.evolution.truncate
        if isinstance(self.evolution, ClassicalEvolution):  # which has no such unit
            own = min(self.evolution.lengths.get('max_phi', TRUNCATE), TRUNCATE)
        self.truncate = own if truncate is None else truncate
        check_number('truncate', self.truncate, 0, ends='()')

    def forward(self, image: Tensor, scores: Tensor, features: Tensor | None = None) -> Tensor:
        """Evolve the regions of a batch.

        Args:
            image (Tensor): x, (N, 3, H, W), in [0, 1].
            scores (Tensor): scores of the labels, background first, (N, L, H, W), of any unit: where
                a label has the highest is inside.
            features (Tensor, optional): F, (N, K, H, W), of any unit. Default: the image, as it is.

        Returns:
            Tensor: (N, L, H, W), in (0, 1): 0.5 of the background, above 0.5 inside a contour.

        Raises:
            ValueError: The shapes do not fit, the image is not in [0, 1], scores are not finite, or there
                is no label beside the background.
        """
        fits = scores.dim() == image.dim() == 4 and scores.shape[1] > 1
        if not fits or (len(scores), *scores.shape[2:]) != (len(image), *image.shape[2:]):
            raise ValueError(
                f'scores have shape {tuple(scores.shape)}, expected (N, L, H, W) of N, H, W of the image '
                f'{tuple(image.shape)}, with the background first and L of at least 2'
            )
        check_batch(scores, image, features)
        if not scores.isfinite().all():
            raise ValueError('scores are not finite somewhere, so no label has the highest there')
        data = image if features is None else standardise(features)
        phi = initial_phi(scores, self.truncate)
        if self.evolution.grouped:
            phi = self.evolution(phi, image, data)
        else:  # one level set at a time, and those that have a contour
            n, c = valid_masks(phi > 0).nonzero(as_tuple=True)
            if len(n):
                moved = self.evolution(phi[n, c][:, None], image[n], data[n])[:, 0]
                phi = phi.index_put((n, c), moved.to(phi))
        evolved = seed_scores(phi, self.truncate)
        return torch.cat([torch.full_like(evolved[:, :1], BACKGROUND), evolved], dim=1)


def initial_phi(scores: Tensor, truncate: float) -> Tensor:
    """Signed distances of the label map of scores.

    Args:
        scores (Tensor): background and K classes, (N, K + 1, H, W).
        truncate (float): where distances end, in pixels of the map.

    Returns:
        Tensor: (N, K, H, W), in pixels, positive inside, from -``truncate``, which a class without a pixel has
        everywhere, to ``truncate``.
    """
    label = scores.argmax(dim=1, keepdim=True)
    classes = torch.arange(1, scores.shape[1], device=label.device)
    return signed_distance(label == classes[:, None, None], subpixel=True, truncate=truncate)

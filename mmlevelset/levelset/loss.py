"""The level-set energy as a loss for any segmentation model (eq 18-24)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .energy import reduced, standardise
from .energy_loss import LevelSetEnergyLoss
from .loss_inputs import check_batch, check_shown
from .sdf import valid_masks

# phi of one unit of the margin, in pixels of the image: with it H(phi) of eq 19 is sigmoid(margin).
_PIXELS_PER_LOGIT = 4.0


def logit_margins(logits: Tensor) -> Tensor:
    """Margin of every label over the best of the others: positive where the label wins.

    Args:
        logits (Tensor): (N, L, h, w); of a single channel the other label has the logit 0.

    Returns:
        Tensor: (N, L, h, w), in units of the logits.
    """
    if logits.shape[1] == 1:
        return logits
    best, winner = logits.topk(2, dim=1)
    others = best[:, :1].expand_as(logits).scatter(1, winner[:, :1], best[:, 1:])
    return logits - others


class LevelSetLoss(nn.Module):
    """Energy of the level sets that a model's logits are, in plain torch.

    A label k has the level set phi_k = 4 px (z_k - max_{j != k} z_j): inside, where label k wins,
    phi_k is positive, and its zero level is the contour that the label map shows. A logit is no
    distance; 4 px is the width eps of the Heaviside function, so that H(phi_k) = sigmoid(z_k -
    max z_j), which for two labels is the probability of the softmax. The energy of phi_k is that of
    the default preset: two homogeneous regions of the features (eq 21, 24; weight 0.6), and edges of
    the image along the contour (weight 0.3). It sees no annotation.

    Add it to the loss that a model is trained by::

        loss = F.cross_entropy(logits, target) + 0.1 * level_set_loss(logits, image)

    Args:
        background (int, optional): Label that gets no level set of its own, because its contours are
            those of the others; None: all labels get one, and a single channel does anyway.
        **energy: Options of :class:`LevelSetEnergyLoss`, e.g. ``edge_weight``; lengths are in pixels
            of the image.

    Raises:
        ValueError: An option is unknown, or one that needs a CAM or a text.
    """

    def __init__(self, background: int | None = 0, **energy: Any) -> None:
        super().__init__()
        if energy.get('alpha'):
            raise ValueError(
                f'alpha={energy["alpha"]} weighs the data by a CAM (eq 20), and there is none here; leave '
                'it out, or use LevelSetHead'
            )
        if energy.get('text_weight'):
            raise ValueError(
                f'text_weight={energy["text_weight"]} asks for similarities to the text of every class, and '
                'there are none here; leave it out, or use LevelSetHead'
            )
        try:
            self.energy = LevelSetEnergyLoss(**energy)
        except TypeError as error:
            raise ValueError(
                f'LevelSetLoss: {error}; see the options of LevelSetEnergyLoss'
            ) from error
        self.background = background

    def forward(
        self,
        logits: Tensor,
        image: Tensor,
        features: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> Tensor:
        """Mean energy of the level sets of a batch.

        Args:
            logits (Tensor): z, (N, L, h, w), before softmax or sigmoid; of L = 1, those of a sigmoid.
                The only input that gets a gradient.
            image (Tensor): x, (N, K, H, W), in [0, 1], H >= h: the grid of the logits or a finer one.
            features (Tensor, optional): F, (N, K', h', w'), of any size and unit: what the regions
                should be homogeneous in, e.g. of the backbone. Default: the colours of the image.
            labels (Tensor, optional): classes that an image shows, (N, C), 0/1, C the labels that
                have a level set, in their order. Default: those that win a pixel, but not all.

        Returns:
            Tensor: scalar >= 0; 0 where no image has a class, and of an empty batch.

        Raises:
            ValueError: The shapes do not fit, or what was given is no tensor.
        """
        total = sum(self.terms(logits, image, features, labels).values())
        return torch.as_tensor(total + 0 * logits.sum())  # of a diverged model, NaN and not 0

    def terms(
        self,
        logits: Tensor,
        image: Tensor,
        features: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Terms of the energy by name, scalars that :meth:`forward` sums; same arguments."""
        check_batch(logits, image, features)
        if not len(logits):
            return {
                name: 0 * logits.sum() for name, weight in self.energy.weights.items() if weight
            }
        phi = self.level_sets(logits)
        if labels is None:
            shown = valid_masks(phi > 0)
        else:
            check_shown(labels, phi.shape[:2], self.background)
            shown = labels.to(phi.device) > 0
        classes = shown.any(0).nonzero().flatten()  # what no image shows costs nothing
        phi, weight = phi[:, classes], shown[:, classes].to(phi.dtype)
        size = phi.shape[2:]
        x = reduced(image.detach().to(phi.dtype), size)
        data = x if features is None else features.detach().to(phi.dtype)
        mode = 'area' if features is None else 'bilinear'
        data = standardise(data if data.shape[2:] == size else F.interpolate(data, size, mode=mode))
        stride = image.shape[3] / size[1]
        energies = self.energy.energies(phi / stride, x, data, None, stride)
        count = weight.sum().clamp_min(1)
        return {name: (weight * energy).sum() / count for name, energy in energies.items()}

    def level_sets(self, logits: Tensor) -> Tensor:
        """Level sets of logits, see the class.

        Args:
            logits (Tensor): z, (N, L, h, w).

        Returns:
            Tensor: phi, (N, C, h, w), in pixels of the image, positive inside; C = L, or L - 1
            without the background.
        """
        margins = _PIXELS_PER_LOGIT * logit_margins(logits.float())
        if self.background is None or logits.shape[1] == 1:
            return margins
        if not -logits.shape[1] <= self.background < logits.shape[1]:
            raise ValueError(
                f'background={self.background}, and the logits have {logits.shape[1]} labels; expected '
                f'0 to {logits.shape[1] - 1}, or None where no label is the background'
            )
        kept = [k for k in range(logits.shape[1]) if k != self.background % logits.shape[1]]
        return margins[:, kept]

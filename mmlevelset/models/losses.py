"""The two losses of the level set (eq 24, 25), on the formulas of ``mmlevelset.levelset``."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmlevelset.levelset.energy_loss import LevelSetEnergyLoss, batch_mean
from mmlevelset.registry import MODELS

__all__ = ['AreaLoss', 'LevelSetEnergyLoss', 'SDFLoss', 'batch_mean']


@MODELS.register_module()
class SDFLoss(nn.Module):
    """Mean squared error between phi^0 and the signed distance function of the CAM (eq 25).

    Args:
        truncate: Distances beyond this many pixels of the input image count as this many, and the
            result is divided by its square, so that the far field does not dominate and the scale
            does not follow the resolution; ``None`` is the literal eq 25, in pixels of the map.
        loss_weight: lambda_1 of eq 27.
    """

    def __init__(self, truncate: float | None = 80.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.truncate = truncate
        self.loss_weight = loss_weight

    def forward(self, phi: Tensor, sdf: Tensor, stride: float) -> Tensor:
        """Compare level sets with signed distances.

        Args:
            phi (Tensor): phi^0, or phi^T, of the present classes, (M, 1, h, w), in pixels of the map,
                positive inside.
            sdf (Tensor): D of eq 26, (M, 1, h, w), in pixels of the map, positive inside.
            stride (float): pixels of the input image per pixel of the map.

        Returns:
            Tensor: scalar, >= 0; 0 where M is 0.
        """
        scale = 1.0
        if self.truncate is not None:
            scale = self.truncate / stride
            sdf = sdf.clamp(-scale, scale)
        return self.loss_weight * batch_mean((phi.float() / scale - sdf / scale).square())


@MODELS.register_module()
class AreaLoss(nn.Module):
    """Keep a level set within a factor of the area of the CAM's mask.

    The mean of uncertain signed distances is negative: outside, distances reach the cut, inside a
    small object they do not. So eq 25 alone takes what is hard to find for background, and a class
    can vanish. The loss is Huber's of what |log(A(phi) / A(D))| has beyond the allowed factor. Areas
    A are means of the soft Heaviside function of the energy, and their logarithm has a gradient even
    where a level set is negative everywhere.

    Args:
        factor: Areas between 1 / factor and factor times that of the mask cost nothing; >= 1.
        eps: Width of the Heaviside function, in pixels of the input image.
        loss_weight: Weight beside lambda_1 and lambda_2 of eq 27.
    """

    def __init__(self, factor: float = 1.0, eps: float = 4.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.factor, self.eps, self.loss_weight = factor, eps, loss_weight

    def forward(self, phi: Tensor, sdf: Tensor, stride: float) -> Tensor:
        """Compare areas of level sets (M, 1, h, w); arguments and result as of :class:`SDFLoss`."""
        found, wanted = (_log_area(value, self.eps / stride) for value in (phi, sdf))
        excess = ((found - wanted).abs() - math.log(self.factor)).relu()
        # Huber's: beyond a factor of e the gradient does not grow any more.
        loss = F.huber_loss(excess, torch.zeros_like(excess), reduction='none')
        return self.loss_weight * batch_mean(loss[:, None])


def _log_area(phi: Tensor, eps: float) -> Tensor:
    """Logarithm of the mean of H(phi) = sigmoid(phi / eps), (M,), of phi (M, 1, h, w)."""
    log_heaviside = F.logsigmoid(phi.float() / eps).flatten(1)
    return log_heaviside.logsumexp(1) - math.log(log_heaviside.shape[1])

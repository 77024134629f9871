"""The losses of the level set (eq 24, 25), on the formulas of ``mmlevelset.levelset``, and one of the CAM."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmlevelset.levelset import LevelSetTrace, normalise_cam, seed_scores, valid_masks
from mmlevelset.levelset.energy_loss import NO_REWARD, LevelSetEnergyLoss, batch_mean
from mmlevelset.levelset.limits import check_number
from mmlevelset.registry import MODELS

__all__ = ['CAMLoss', 'LevelSetEnergyLoss', 'SDFLoss', 'batch_mean', 'energy_losses']


@MODELS.register_module()
class SDFLoss(nn.Module):
    """Mean squared error between phi^0 and the signed distance function of the CAM (eq 25).

    Args:
        truncate: Distances beyond this many pixels of the input image count as this many, and the
            result is divided by its square, so that the far field does not dominate and the scale
            does not follow the resolution; ``None`` is the literal eq 25, in pixels of the map.
        loss_weight: lambda_1 of eq 27.

    Raises:
        ValueError: A number is out of its range.
    """

    def __init__(self, truncate: float | None = 80.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        if truncate is not None:
            check_number('truncate', truncate, 0, ends='()', cure='None is the literal eq 25')
        check_number('loss_weight', loss_weight, 0, cure=NO_REWARD)
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
class CAMLoss(nn.Module):
    """Mean squared error between the CAM, scaled to a maximum of 1, and the seed of its level set.

    Not in the paper, whose CAM is trained by the level sets as well, but only as a weight of the energy, whose
    gradient merely shrinks it. Level sets without a contour teach nothing: they would make the CAM a point, or fill it.

    Args:
        loss_weight: Factor of the loss.

    Raises:
        ValueError: ``loss_weight`` is negative.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        check_number('loss_weight', loss_weight, 0, cure=NO_REWARD)
        self.loss_weight = loss_weight

    def forward(
        self, cam: Tensor, pairs: tuple[Tensor, Tensor], phi: Tensor, truncate: float
    ) -> Tensor:
        """Compare the CAMs of some classes of some images with their level sets.

        Args:
            cam (Tensor): C, (N, C, h', w'), >= 0, unnormalised, with its graph.
            pairs (tuple[Tensor, Tensor]): image n in 0 .. N-1 and class c in 0 .. C-1 of every pair, (M,)
                integers each.
            phi (Tensor): level sets of the pairs as they are predicted, (M, 1, h, w), positive inside; no
                gradient reaches them.
            truncate (float): of the level sets, in the unit of ``phi``.

        Returns:
            Tensor: scalar, >= 0; 0 where no level set has a contour.

        Raises:
            ValueError: The CAM has no graph, so that nothing could learn.
        """
        if self.training and torch.is_grad_enabled() and not cam.requires_grad:
            raise ValueError(
                'loss_cam teaches a CAM, and this one cannot learn: it comes from a folder (guide_dir), or the host '
                'is frozen or finds its CAM without a gradient. Leave loss_cam out.'
            )
        kept = valid_masks(phi > 0)[:, 0]
        maps = F.interpolate(cam.float()[pairs][kept][:, None], phi.shape[2:], mode='bilinear')
        seeds = seed_scores(phi.detach()[kept], truncate)
        return self.loss_weight * batch_mean((normalise_cam(maps) - seeds).square())


def energy_losses(
    loss: nn.Module, trace: LevelSetTrace, factor: float, decoupled: bool
) -> dict[str, Tensor]:
    """Losses of phi^T and, decoupled, of phi^0.

    Args:
        loss: The energy.
        trace: Level sets and what the energy looks at.
        factor: Of the warm-up; at 0 no energy is computed.
        decoupled: Whether f_LSI has an energy of its own.

    Returns:
        dict: ``loss_energy*``, scalars.
    """
    if not factor:
        # f_LSE stays in the graph, see LevelSetHead.evolve.
        return dict(loss_energy=0 * trace.phi.sum())
    losses = {k: factor * v for k, v in loss(trace.phi, *trace.seen(loss)).items()}
    if decoupled:
        energy = loss(trace.phi0, *trace.seen(loss))
        losses['loss_energy_phi0'] = factor * sum(energy.values())
    return losses

"""How far a predicted level set follows the CAM of its own image: where the features did not learn it."""

from typing import Any

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

# The last 20 batches that showed a class count, as for its contour.
MEMORY = 0.95
# Predicted level sets follow D with at least this slope (docs/en/results.md: SEAM and MuSCLe).
LEAST = 0.5


def slopes(moments: Tensor) -> Tensor:
    """Slopes of the regressions of level sets on their targets.

    Args:
        moments (Tensor): (C, 5), sums over maps: of ones, and of the means of D, D^2, phi and D phi.

    Returns:
        Tensor: (C,) float64, 1 for level sets that equal D but for a constant, 0 for those that know nothing of
        D; nan without a map.
    """
    sdf, square, phi, product = (moments[:, 1:].double() / moments[:, :1]).unbind(1)
    return (product - sdf * phi) / (square - sdf.square())


def moments_of(sdf: Tensor, phi: Tensor) -> Tensor:
    """What :func:`slopes` needs of every map.

    Args:
        sdf (Tensor): D, (M, 1, h, w), in shares of the truncation distance, positive inside.
        phi (Tensor): phi^0, likewise.

    Returns:
        Tensor: (M, 5) float32.
    """
    sdf, phi = sdf.clamp(-1, 1).float().flatten(1), phi.float().flatten(1)
    maps = (torch.ones_like(sdf), sdf, sdf.square(), phi, sdf * phi)
    return torch.stack([value.mean(1) for value in maps], dim=1)


class Guidance(nn.Module):
    """For every class the share of D that is added to its level sets where they are predicted.

    phi^0 is the mean of D that f_LSI finds in the features of all images. The slope of phi^0 against D is the
    part of D it has learnt. What it learnt of most classes is better than D, whose errors differ from image to
    image; a class of which it learnt less than half has faint level sets, and the CAM of the image itself knows
    more. So phi gets as much of D as makes its slope one half, LEAST - slope, and nothing where it is more. No
    label but the image's is used.

    Args:
        num_classes: Foreground classes C.

    Attributes:
        moments (Tensor): (C, 5), see :func:`slopes`, over the last batches; a buffer: saved with the model.
    """

    moments: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.register_buffer('moments', torch.zeros(num_classes, 5))

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: Any) -> None:
        """Take a checkpoint without moments as well, made by a head that counted nothing."""
        state_dict.setdefault(f'{prefix}moments', torch.zeros_like(self.moments))
        super()._load_from_state_dict(state_dict, prefix, *args)

    @torch.no_grad()
    def update(self, classes: Tensor, sdf: Tensor, phi: Tensor, guided: bool = False) -> None:
        """Count the level sets of a batch, of all processes; those that are not finite are left out.

        Args:
            classes (Tensor): (M,) integers in 0 .. C-1.
            sdf (Tensor): D, (M, 1, h, w), in shares of the truncation distance, positive inside.
            phi (Tensor): phi^0, likewise.
            guided (bool): whether D comes from a folder: prediction knows no folder, so nothing counts.
        """
        rows = moments_of(sdf, phi)
        kept = rows.isfinite().all(1) & (not guided)
        # On the CPU: sums by index on a GPU have no deterministic order.
        new = rows.new_zeros(self.moments.shape, device='cpu')
        new = new.index_add(0, classes[kept].cpu(), rows[kept].cpu()).to(self.moments)
        all_reduce(new)
        self.moments.copy_(torch.where(new[:, :1] > 0, MEMORY * self.moments + new, self.moments))
        if guided:
            self.moments.zero_()

    @torch.no_grad()
    def forward(self) -> Tensor:
        """Shares of D found so far.

        Returns:
            Tensor: one per class, of shape (C,), float32 in [0, 1]; 0 for classes without a map.
        """
        return (LEAST - slopes(self.moments).nan_to_num(nan=1.0)).clamp(0, 1).float()

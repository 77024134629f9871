"""What a training has seen of every class lately."""

from typing import Any

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn


class ClassHistogram(nn.Module):
    """Running histogram of the maps of every class, over all processes.

    Args:
        num_classes: Foreground classes C.
        cells: Cells B of a class's histogram.
        memory: Weight that a class keeps of its older maps when a batch brings new ones: about
            1 / (1 - memory) batches count.

    Attributes:
        histogram (Tensor): share of a map's pixels by class and cell, (C, B), summed over maps; a
            buffer: saved with the model.
    """

    histogram: Tensor

    def __init__(self, num_classes: int, cells: int, memory: float) -> None:
        super().__init__()
        self.memory = memory
        self.register_buffer('histogram', torch.zeros(num_classes, cells))

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: Any) -> None:
        """Take a checkpoint without a histogram as well, made by a head that counted nothing."""
        state_dict.setdefault(f'{prefix}histogram', torch.zeros_like(self.histogram))
        super()._load_from_state_dict(state_dict, prefix, *args)

    @torch.no_grad()
    def count(self, classes: Tensor, cells: Tensor) -> None:
        """Add the maps of a batch.

        Args:
            classes (Tensor): of the M maps, (M,) integers in 0 .. C-1.
            cells (Tensor): the cell of every pixel, (M, P) integers in 0 .. B-1.
        """
        index = (cells + self.histogram.shape[1] * classes[:, None]).flatten()
        new = torch.bincount(index, minlength=self.histogram.numel()).view_as(self.histogram)
        new = new / cells.shape[1] if len(cells) else new.float()  # maps, not pixels
        all_reduce(new)
        seen = new.sum(1, keepdim=True) > 0
        self.histogram.copy_(torch.where(seen, self.memory * self.histogram + new, self.histogram))

"""The contract of every evolution: phi^T = evolution(phi^0, image, features) (eq 8)."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Evolution(nn.Module, ABC):
    """An evolution of level sets phi^0 to phi^T on an image x and its features F.

    A subclass writes :meth:`forward`: it makes what it wants to see of x and F and repeats its own
    steps. A level-set head gives it ``num_classes`` and ``truncate`` beside the options of its
    config.

    Args:
        num_classes (int): foreground classes C.
        truncate (float): distance that counts as one inside a network, in pixels of x. In pixels
            the weights would not fit another resolution.

    Attributes:
        grouped (bool): whether the level sets of an image influence one another. Then the evolution
            gets those of all classes, present or not. Otherwise it gets one level set at a time,
            C = 1, with a copy of the image and the features, and only those of the present classes.
        text (bool): whether :meth:`forward` wants a fourth argument, the similarities of every pixel to
            the text of every class, standardised, (N, C, h, w).
    """

    grouped: bool = False
    text: bool = False

    def __init__(self, num_classes: int = 1, truncate: float = 20.0) -> None:
        super().__init__()
        if num_classes < 1 or not truncate > 0:
            raise ValueError(
                f'num_classes={num_classes}, truncate={truncate}, expected >= 1 and pixels > 0.'
            )
        self.num_classes, self.truncate = num_classes, truncate

    @abstractmethod
    def forward(self, phi: Tensor, image: Tensor, features: Tensor) -> Tensor:
        """Evolve phi^0 to phi^T.

        Args:
            phi (Tensor): phi^0, (N, C, h, w), in pixels of x, positive inside; N >= 1.
            image (Tensor): x, (N, 3, H, W), in [0, 1], on the grid of ``phi`` or a finer one: a head
                on a coarse map looks for edges where there are some.
            features (Tensor): F standardised per image and channel, (N, K, h, w).

        Returns:
            Tensor: phi^T, (N, C, h, w), in pixels of x, positive inside.
        """

"""What a level-set head computes on its way, for losses and pictures."""

from typing import Any, NamedTuple

from torch import Tensor, nn


class LevelSetTrace(NamedTuple):
    """All maps of one pass, one row per pair of an image and a present class with a contour.

    Absent classes have no level set to speak of, so nothing is computed for them: the cost follows
    the labels of the images, not the classes of the data set.
    """

    images: Tensor  # (M,) index of the image in the batch
    classes: Tensor  # (M,) index of the foreground class
    image: Tensor  # x, (M, 3, H, W), in [0, 1], on the grid of phi or, if that is coarser, of 4 px
    data: Tensor  # F standardised per channel, (M, K, h, w)
    cam: Tensor  # C >= 0 of the host, blurred where the head is told to, (M, 1, h, w)
    sdf: Tensor  # D, (M, 1, h, w), in pixels, positive inside
    phi0: Tensor  # (M, 1, h, w), in pixels, positive inside, with graph
    phi: Tensor  # phi^T, (M, 1, h, w), in pixels, positive inside, with graph
    settled: Tensor  # phi^T from the zero of its class, (M, 1, h, w), as it is predicted
    stride: float  # pixels of the input image per pixel of these maps
    text: Tensor | None = None  # similarity to the class's text, standardised, (M, 1, h, w)
    edge: Tensor | None = None  # probability of a learnt edge, (M, 1, H', W')

    def seen(self, energy: nn.Module) -> tuple[Any, ...]:
        """What an energy looks at beside a level set.

        Args:
            energy: Gets :attr:`text`, where there is one, if its attribute ``text`` is true, and
                :attr:`edge` behind it, where there is one, if its attribute ``learnt_edges`` is.
        """
        maps = (self.image, self.data, self.cam, self.stride)
        text = self.text if getattr(energy, 'text', False) else None
        if self.edge is not None and getattr(energy, 'learnt_edges', False):
            return (*maps, text, self.edge)
        return maps if text is None else (*maps, text)

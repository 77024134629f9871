"""What the tools of seeds and pictures ask of a segmentor and of the head that makes its CAMs."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from torch import Tensor, nn


class CAMSource(Protocol):
    """A head that makes CAMs; ``classify(feats)``, logits (N, C), is up to it."""

    num_classes: int

    def activation(self, inputs: Sequence[Tensor]) -> Tensor:
        """Unnormalised CAM (N, C, h, w), >= 0, of feature maps (N, K_i, h_i, w_i)."""


class Host(Protocol):
    """A segmentor; its decode head is a :class:`CAMSource` where CAMs are asked of it."""

    decode_head: Any
    data_preprocessor: nn.Module

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Feature maps (N, K_i, h_i, w_i) of normalised images (N, 3, H, W)."""

    def modules(self) -> Iterator[nn.Module]:
        """All modules, its own first, as of :class:`torch.nn.Module`."""

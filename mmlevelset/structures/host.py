"""What the tools of seeds and pictures ask of a segmentor and of the head that makes its CAMs."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from mmseg.structures import SegDataSample
from torch import Tensor, nn

from .fields import get_text_similarities


class CAMSource(Protocol):
    """A head that makes CAMs; ``classify(feats)``, logits (N, C), is up to it.

    One whose maps depend on what else an image shows says ``needs_labels = True``, and its
    ``activation`` takes the labels (N, C) as a second argument.
    """

    num_classes: int

    def activation(self, inputs: Sequence[Tensor]) -> Tensor:
        """Unnormalised CAM (N, C, h, w), >= 0, of feature maps (N, K_i, h_i, w_i)."""


def cams_of(head: CAMSource, inputs: Sequence[Tensor], labels: Tensor) -> Tensor:
    """CAM of a head that may need to know which classes are present.

    Args:
        head: Makes CAMs.
        inputs (Sequence[Tensor]): feature maps, (N, K_i, h_i, w_i).
        labels (Tensor): present classes, (N, C), 0/1.

    Returns:
        Tensor: (N, C, h, w), >= 0, unnormalised; what absent classes have is up to the head.
    """
    given = (inputs, labels) if getattr(head, 'needs_labels', False) else (inputs,)
    return head.activation(*given)


def guide_of(head: CAMSource, inputs: Sequence[Tensor], labels: Tensor) -> Tensor:
    """What a level set learns from where a head makes it: not the CAM that seeds are made from, if it says so.

    Args:
        head: Makes CAMs; one whose level sets may see another map has ``guide_map(feats)``.
        inputs (Sequence[Tensor]): feature maps, (N, K_i, h_i, w_i).
        labels (Tensor): present classes, (N, C), 0/1.

    Returns:
        Tensor: (N, C, h, w), >= 0, unnormalised, as :func:`cams_of`.
    """
    own = getattr(head, 'guide_map', None)
    return cams_of(head, inputs, labels) if own is None else own(inputs)


def text_similarities(
    model: 'Host', inputs: Sequence[Tensor], samples: Sequence[SegDataSample] = ()
) -> Tensor | None:
    """Fit of every pixel to the text of every class, loaded or of a host that knows one.

    Args:
        model: A segmentor; its decode head may have ``text_similarity(feats)``.
        inputs (Sequence[Tensor]): feature maps, (N, K_i, h_i, w_i).
        samples: Of the images; what was loaded for all of them comes before what the host says.

    Returns:
        Tensor: (N, C, h, w), in any unit, or ``None``.

    Raises:
        ValueError: A map was loaded for an image that was padded afterwards.
    """
    if (loaded := get_text_similarities(samples)) is not None:
        return loaded
    source = getattr(model.decode_head, 'text_similarity', None)
    return None if source is None else source(inputs)


class Host(Protocol):
    """A segmentor; its decode head is a :class:`CAMSource` where CAMs are asked of it."""

    decode_head: Any
    data_preprocessor: nn.Module

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Feature maps (N, K_i, h_i, w_i) of normalised images (N, 3, H, W)."""

    def modules(self) -> Iterator[nn.Module]:
        """All modules, its own first, as of :class:`torch.nn.Module`."""

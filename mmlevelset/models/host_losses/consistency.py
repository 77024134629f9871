"""Agreement of class activation maps. Constants: SCoulY/MuSCLe, commit 79c9e4d."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

EPS = 1e-6  # of the max-min normalisation
TOP_SHARE = 0.2  # of the pixels of the present classes that the ER loss looks at


def present_channels(labels: Tensor) -> Tensor:
    """Put an always present background in front of image labels (N, C), 0/1: bool, (N, C + 1)."""
    return F.pad(labels, (1, 0), value=1) > 0


def softmax_norm(cam: Tensor) -> Tensor:
    """Softmax over the foreground classes; the background is what their maximum leaves of one.

    Args:
        cam (Tensor): background and foreground maps, (N, C + 1, h, w), any scale; the background's
            own map is not read.

    Returns:
        Tensor: like ``cam``, in [0, 1].
    """
    foreground = cam[:, 1:].softmax(1)
    return torch.cat([1 - foreground.amax(1, keepdim=True), foreground], 1)


def max_norm(cam: Tensor) -> Tensor:
    """Scale every map of ``cam`` (N, C + 1, h, w), any scale, to minimum 0 and maximum 1."""
    cam = cam.relu()
    low, high = cam.amin((2, 3), keepdim=True), cam.amax((2, 3), keepdim=True)
    return ((cam - low - EPS) / (high - low + EPS)).relu()


def equivariant_loss(cam: Tensor, sgc: Tensor, labels: Tensor) -> Tensor:
    """Equivariant regularisation (ER): the propagated map moves towards the map it was made from.

    Args:
        cam (Tensor): background and foreground maps, (N, C + 1, H, W), any scale; no gradient.
        sgc (Tensor): the same after propagation, same shape.
        labels (Tensor): image labels, (N, C), 0/1.

    Returns:
        Tensor: mean of the largest differences of every image, absent classes counting as 0, a
        scalar >= 0. How many is set by the number of present classes in the whole batch, as in
        the host.
    """
    present = present_channels(labels)
    gaps = (softmax_norm(cam.detach())[present] - softmax_norm(sgc)[present]).abs()
    asked = int(TOP_SHARE * labels.sum().item() * cam[0, 0].numel())
    count = max(1, min(asked, cam[0].numel()))  # one where no image has a class
    total = cam.new_zeros(())
    for gap in gaps.flatten(1).split(present.sum(1).tolist()):
        gap = gap.flatten()
        # Mostly more are asked for than the present classes have, and the others are zeros.
        total = total + (
            gap.sum() if count >= len(gap) else gap.topk(count, sorted=False).values.sum()
        )
    return total / (count * len(cam))


def overlap(maps: Tensor, boxes: Tensor, channels: Tensor | None = None) -> list[Tensor]:
    """Cut the same pixels out of all channels of every image.

    Args:
        maps (Tensor): (N, C, H, W).
        boxes (Tensor): top, left, height and width, in pixels, (N, 4).
        channels (Tensor, optional): which channels of each image to keep, bool, (N, C).

    Returns:
        list[Tensor]: (C_i, h_i, w_i) of each image.
    """
    crops = [
        m[:, y : y + h, x : x + w] for m, (y, x, h, w) in zip(maps, boxes.tolist(), strict=True)
    ]
    if channels is None:
        return crops
    return [crop[kept] for crop, kept in zip(crops, channels, strict=True)]


def pixel_consistency_loss(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    """PixPro (arXiv:2011.10043) on class scores: one minus the mean cosine of corresponding pixels.

    Args:
        first (Sequence[Tensor]): scores of the overlap in the first view, (C, h, w) an image.
        second (Sequence[Tensor]): in the second view, same shapes; no gradient.

    Returns:
        Tensor: mean over the images, a scalar, 0 to 1 for scores >= 0.
    """
    cosines = [
        F.cosine_similarity(a, b.detach(), dim=0).mean() for a, b in zip(first, second, strict=True)
    ]
    return 1 - torch.stack(cosines).mean()

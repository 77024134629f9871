"""Earth mover's distance between patches of two views. Constants: SCoulY/MuSCLe, commit 79c9e4d."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

REGULARISATION = 0.1  # epsilon of the entropic transport
ITERATIONS = 10
TINY = 1e-6  # keeps the weight of a pixel positive
MIN_SIDE, MAX_ASPECT = 15, 5  # of the overlap, else the image is left out
MIN_PATCH, MAX_PATCH = 7, 28  # sides of the first view's patches, in pixels
POOL = 4  # pixels that are averaged, per axis


def transport_score(first: Tensor, second: Tensor) -> Tensor:
    """Cost of moving one patch onto the other, by Sinkhorn's iterations.

    A pixel of one patch has the weight of its likeness to the mean of the other patch; the weights
    are not normalised. Both scalings are updated at once from the previous pair, as in the host, so
    after ten iterations the plan has not the marginals of a transport. Gradients flow through
    the plan only, not through the weights and the cost that it is multiplied by.

    Args:
        first (Tensor): unit vectors of the pixels, (M, K, P) for M patches.
        second (Tensor): likewise, (M, K, Q).

    Returns:
        Tensor: sum of plan times cost, divided by P Q, (M,), >= 0.
    """
    cost = 1 - first.transpose(1, 2) @ second
    with torch.no_grad():
        sources = (first * second.mean(2, keepdim=True)).sum(1)[..., None] + TINY
        sinks = (second * first.mean(2, keepdim=True)).sum(1)[..., None] + TINY
    kernel = (-cost / REGULARISATION).exp()
    # The exponentials of the dual variables. Updated at once they grow to 1e7, which half precision cannot hold.
    a, b = torch.ones_like(sources), torch.ones_like(sinks)
    for _ in range(ITERATIONS):
        a, b = sources / (kernel @ b), sinks / (kernel.transpose(1, 2) @ a)
    plan = a * kernel * b.transpose(1, 2)
    return (plan * cost.detach()).mean((1, 2))


def best_transport(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    """Score of the cheapest pair of patches; only this pair gets a gradient.

    Args:
        first (Sequence[Tensor]): patches of the first view, (K, h, w) each, any sizes.
        second (Sequence[Tensor]): patches of the second view, likewise.

    Returns:
        Tensor: a scalar >= 0.
    """
    pairs = [(a.flatten(1)[None], b.flatten(1)[None]) for a in first for b in second]
    with torch.no_grad():
        # Pairs of equal sizes are compared in one go.
        sizes = {(a.shape, b.shape) for a, b in pairs}
        scores = torch.zeros(len(pairs))
        for size in sizes:
            same = [i for i, (a, b) in enumerate(pairs) if (a.shape, b.shape) == size]
            a, b = (torch.cat(side) for side in zip(*(pairs[i] for i in same), strict=True))
            scores[same] = transport_score(a, b).cpu()
    return transport_score(*pairs[int(scores.argmin())])[0]


def emd_loss(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    """Earth mover's distance between the overlaps of two views.

    The first view is cut into a random grid of patches, the second into its quadrants.

    Args:
        first (Sequence[Tensor]): class scores of the overlap in the first view, (K, h, w) an image,
            unit vectors per pixel.
        second (Sequence[Tensor]): in the second view, same shapes; no gradient.

    Returns:
        Tensor: mean of :func:`best_transport` over the images whose overlap and patches are large
            enough, a scalar >= 0, in float32 whatever the precision of the training; 0 with the graph where
            there is none.
    """
    scores = []
    with torch.autocast(first[0].device.type, enabled=False):
        for a, b in zip(first, second, strict=True):
            short, long = sorted(a.shape[1:])
            if short < MIN_SIDE or long > MAX_ASPECT * short:
                continue
            patches = grid_patches(a.float())
            if patches:
                scores.append(best_transport(patches, quadrants(b.detach().float())))
    return torch.stack(scores).mean() if scores else 0 * torch.stack([a.sum() for a in first]).sum()


def grid_patches(maps: Tensor) -> list[Tensor]:
    """Cut ``maps`` (K, H, W), sides >= 15 pixels, into a grid of random patch size and stride.

    Patches are a third to a half of a side long, strides a half to a whole of the patch. Patches
    are resized to one stride, left out where this is below 7 pixels, and averaged in cells of 4 x 4
    where it is above 28.
    """
    (h, step_h), (w, step_w) = _random_axis(maps.shape[1]), _random_axis(maps.shape[2])
    if min(step_h, step_w) < MIN_PATCH:
        return []
    patches = maps.unfold(1, h, step_h).unfold(2, w, step_w).flatten(1, 2).transpose(0, 1)
    patches = F.interpolate(patches, (step_h, step_w), mode='bilinear', align_corners=True)
    if max(step_h, step_w) > MAX_PATCH:
        patches = F.avg_pool2d(patches, POOL)
    return list(patches)


def _random_axis(side: int) -> tuple[int, int]:
    """Length and stride of the patches along an axis, in pixels."""
    length = _random(side // 3, side // 2)
    return length, _random(length // 2, length)


def _random(low: int, high: int) -> int:
    """A whole number from ``low`` to ``high``, both included."""
    return int(torch.randint(low, high + 1, ()))


def quadrants(maps: Tensor) -> list[Tensor]:
    """Cut ``maps`` (K, H, W) into quadrants, averaged in cells of 4 x 4 pixels."""
    h, w = maps.shape[1] // 2, maps.shape[2] // 2
    return [F.avg_pool2d(maps[:, y : y + h, x : x + w], POOL) for y in (0, h) for x in (0, w)]

"""AdvCAM: the CAMs along a climb of the image towards its class (Lee, Kim and Yoon, CVPR 2021)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from mmlevelset.models.heads.cam_head import CAMHead
from mmlevelset.registry import MODELS
from mmlevelset.structures.host import Host

from .base import linear_head, mirror_sum, with_mirror


@MODELS.register_module()
class AdvCAM:
    r"""Sum of the CAMs of an image that is changed step by step in favour of one class.

    ::

        maps(model, inputs, labels)
          └─ climb(image, class)                     once per image and present class
               ├─ regions(x)                         CAM of x and its mirror image
               └─ x + step * g / max|g|              g: gradient of the objective below

    The objective is :math:`y_c - \sum_{k \ne c} y_k - \lambda \sum_p m_p |A_p - A^0_p|`: y are the
    positive scores, averaged over the pixels and summed over the image and its mirror image, A is the
    map, A^0 the map before the first step, and m marks the pixels where the map exceeds ``threshold``
    of its maximum. The last term keeps the discriminative region from growing at the expense of the
    rest. The climb begins with the image itself, so the first of the summed maps is the plain CAM.

    Every view is climbed together with its mirror image, as in the official code: give a test-time
    augmentation without flips. Its map of the half scale is to count twice by that code, but the
    factor stays for the scales that follow, hence multiplies all of them and drops out.

    Args:
        iterations: Maps of a climb, ``adv_iter`` of obtain_CAM_masking.py (jbeomlee93/AdvCAM).
        small_iterations: The same for views smaller than the image: half of it, rounded down, at
            the half scale (the same file).
        step: Size of a step in the unit of the normalised image, ``AD_stepsize`` (the same file).
        regularisation: lambda, ``AD_coeff`` (the same file).
        threshold: Share of the maximum, ``score_th`` (the same file).

    Raises:
        ValueError: A climb of no map.
    """

    def __init__(
        self,
        iterations: int = 27,
        small_iterations: int = 13,
        step: float = 0.08,
        regularisation: float = 7.0,
        threshold: float = 0.5,
    ) -> None:
        if min(iterations, small_iterations) < 1:
            raise ValueError(
                f'AdvCAM: got iterations={iterations} and small_iterations={small_iterations}, '
                'expected at least 1, the plain CAM'
            )
        self.iterations = iterations
        self.small_iterations = small_iterations
        self.step = step
        self.regularisation = regularisation
        self.threshold = threshold

    def describe(self) -> str:
        """Name for ``meta.json``; the options are part of the config."""
        return 'AdvCAM'

    def maps(self, model: Host, inputs: Tensor, labels: Tensor, metas: Sequence[dict]) -> Tensor:
        """Make the CAMs of a batch; arguments and result as of :meth:`CAMMethod.maps`."""
        head = linear_head(model, 'AdvCAM')
        cams = torch.zeros_like(head.activation(model.extract_feat(inputs)))
        for n, c in labels.nonzero().tolist():
            (height, width), whole = metas[n]['img_shape'][:2], metas[n]['ori_shape'][:2]
            small = height * width < whole[0] * whole[1]
            steps = self.small_iterations if small else self.iterations
            cams[n, c] = self.climb(model, inputs[n], c, steps)
        return cams

    def climb(self, model: Host, image: Tensor, target: int, iterations: int) -> Tensor:
        """Sum the maps of one class along the climb.

        Args:
            model: The host.
            image (Tensor): normalised, (3, H, W).
            target: Class in 0 .. C-1.
            iterations: Maps to sum.

        Returns:
            Tensor: (h, w), >= 0.
        """
        head = linear_head(model, 'AdvCAM')
        pair = with_mirror(image.detach())
        found: list[Tensor] = []
        while True:
            with torch.enable_grad():
                pair = pair.detach().requires_grad_()
                scores, region = regions(model, head, pair, target)
                found.append(region.detach())
                if len(found) == iterations:
                    return torch.stack(found).sum(0)
                objective = self._objective(scores, region, found[0], target)
                (gradient,) = torch.autograd.grad(objective, pair)
            # The range of the image is that of the step before, as in the official adv_climb.
            low, high = pair.detach().aminmax()
            step = self.step * gradient / (gradient.abs().max() + 1e-12)
            pair = (pair.detach() + step).clamp(low, high)

    def _objective(self, scores: Tensor, region: Tensor, before: Tensor, target: int) -> Tensor:
        """What a step increases, a scalar, of scores (2, C, h, w) and maps (h, w)."""
        logits = F.relu(scores).mean((2, 3))
        found = region.detach()
        salient = found > self.threshold * found.max()
        moved = ((region - before).abs() * salient).sum()
        return 2 * logits[:, target].sum() - logits.sum() - self.regularisation * moved


def regions(model: Host, head: CAMHead, pair: Tensor, target: int) -> tuple[Tensor, Tensor]:
    """Scores and the map of one class, of an image and its mirror image.

    The map is GradCAM's: the features are weighted by the gradient of the positive scores, summed
    over the pixels and divided by the number of its positive entries over the whole pair. For a
    linear classifier this is the CAM; the division sets the unit of the regularisation.

    Args:
        model: The host.
        head: Its head.
        pair (Tensor): normalised, (2, 3, H, W), with gradient.
        target: Class in 0 .. C-1.

    Returns:
        tuple: scores (2, C, h, w), signed, and the map (h, w), >= 0, upright; with graph.
    """
    features = model.extract_feat(pair)
    scores = head(features)
    feature = features[head.in_index]
    (gradient,) = torch.autograd.grad(F.relu(scores[:, target]).sum(), feature, retain_graph=True)
    weight = gradient.sum((2, 3), keepdim=True) / ((gradient > 0).sum() + 1e-12)
    return scores, mirror_sum(F.relu((feature * weight).sum(1)))

"""Move the contours of any model's scores to the edges of an image, without training.

``python examples/refine_scores.py`` needs torch and mmlevelset alone.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from mmlevelset.levelset import LevelSetRefiner


def scene(size: int = 96) -> tuple[Tensor, Tensor, Tensor]:
    """A bright square, scores of a coarse network (12 x 12), and the true label map."""
    truth = torch.zeros(1, size, size, dtype=torch.long)
    truth[:, 20:70, 30:75] = 1
    image = (0.2 + 0.6 * truth[:, None] + 0.05 * torch.randn(1, 3, size, size)).clamp(0, 1)
    coarse = F.interpolate(truth[:, None].float(), (12, 12), mode='area')
    scores = F.interpolate(coarse, (size, size), mode='bilinear')
    return image, torch.cat([1 - scores, scores], 1), truth


def main() -> tuple[float, float]:
    """Pixels that are wrong before and after."""
    torch.manual_seed(0)
    image, scores, truth = scene()
    refined = LevelSetRefiner()(image, scores)
    wrong = [float((maps.argmax(1) != truth).float().mean()) for maps in (scores, refined)]
    return wrong[0], wrong[1]


if __name__ == '__main__':
    print('wrong pixels: {:.2%} before, {:.2%} after'.format(*main()))

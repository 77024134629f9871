"""Train a tiny network from coarse label maps; the level-set loss moves its contours to the edges.

``python examples/plain_torch.py`` needs torch and mmlevelset alone, and takes some seconds.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmlevelset.levelset import LevelSetLoss


def coarse_discs(count: int, size: int = 64) -> tuple[Tensor, Tensor, Tensor]:
    """Noisy images of a disc, label maps whose discs are 5 pixels too large, and the true ones."""
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing='ij')
    centre = torch.randint(24, size - 24, (count, 2, 1, 1))
    radius = torch.randint(8, 18, (count, 1, 1))
    distance = ((y - centre[:, 0]) ** 2 + (x - centre[:, 1]) ** 2).sqrt()
    truth, target = (distance < radius).long(), (distance < radius + 5).long()
    image = torch.where(truth[:, None] > 0, torch.tensor([0.7, 0.5, 0.3]).view(3, 1, 1), 0.3)
    return (image + 0.1 * torch.randn_like(image)).clamp(0, 1), target, truth


def network() -> nn.Module:
    """Four convolutions, logits of background and disc."""
    widths = [3, 16, 16, 16]
    layers: list[nn.Module] = []
    for inputs, outputs in zip(widths, widths[1:], strict=False):
        layers += [nn.Conv2d(inputs, outputs, 5, padding=2), nn.GroupNorm(4, outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 2, 1))


def train(weight: float, steps: int = 25) -> float:
    """IoU of the disc on new images, after training with the loss at a weight."""
    torch.manual_seed(0)
    model, level_set_loss = network(), LevelSetLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(steps):
        image, target, _ = coarse_discs(4)
        logits = model(image)
        loss = F.cross_entropy(logits, target)
        if weight:
            loss = loss + weight * level_set_loss(logits, image)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    image, _, truth = coarse_discs(16)
    with torch.no_grad():
        found = model(image).argmax(1)
    return float((found & truth).sum() / (found | truth).sum())


if __name__ == '__main__':
    for weight in (0.0, 5.0):
        print(f'weight {weight}: IoU {train(weight):.3f}')

"""A U-Net of segmentation_models_pytorch with the level-set loss on its features.

``pip install segmentation-models-pytorch`` brings timm and torchvision. Random weights and images:
put yours in their place.
"""

import segmentation_models_pytorch as smp
import torch
from torch.nn import functional as F

from mmlevelset.levelset import LevelSetLoss

CLASSES, VOID = 4, 255


def main(steps: int = 2, size: int = 64) -> list[float]:
    """Losses of some steps."""
    torch.manual_seed(0)
    model = smp.Unet('resnet18', encoder_weights=None, classes=CLASSES)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    level_set_loss, losses = LevelSetLoss(), []
    image = torch.rand(2, 3, size, size)  # in [0, 1]; the network may want them normalised
    target = torch.randint(0, CLASSES, (2, size, size))
    for _ in range(steps):
        maps = model.encoder((image - 0.45) / 0.225)
        logits = model.segmentation_head(model.decoder(maps))
        energy = level_set_loss(logits, image, features=maps[2])  # stride 4
        loss = F.cross_entropy(logits, target, ignore_index=VOID) + 0.1 * energy
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


if __name__ == '__main__':
    print(main())

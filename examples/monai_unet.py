"""A U-Net of MONAI on grey images of cells, with Dice and the level-set loss.

``pip install monai``. One organ: a single channel before a sigmoid, no background channel.
"""

import torch
from monai.losses import DiceLoss
from monai.networks.nets import UNet

from mmlevelset.levelset import LevelSetLoss


def main(steps: int = 2, size: int = 64) -> list[float]:
    """Losses of some steps."""
    torch.manual_seed(0)
    model = UNet(2, in_channels=1, out_channels=1, channels=(8, 16, 32), strides=(2, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    dice, level_set_loss, losses = DiceLoss(sigmoid=True), LevelSetLoss(), []
    target = torch.zeros(2, 1, size, size)
    target[..., 20:40, 16:48] = 1
    image = (0.2 + 0.5 * target + 0.1 * torch.randn_like(target)).clamp(0, 1)
    for _ in range(steps):
        logits = model(image)
        loss = dice(logits, target) + 0.1 * level_set_loss(logits, image)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


if __name__ == '__main__':
    print(main())

"""SegFormer of Hugging Face with the level-set loss, on logits of stride 4.

``pip install transformers``. Random weights; take ``SegformerForSemanticSegmentation.from_pretrained``.
"""

import torch
from torch.nn import functional as F
from transformers import SegformerConfig, SegformerForSemanticSegmentation

from mmlevelset.levelset import LevelSetLoss

CLASSES, VOID = 4, 255


def main(steps: int = 2, size: int = 64) -> list[float]:
    """Losses of some steps."""
    torch.manual_seed(0)
    # The smallest of the family, mit-b0, at half its depth.
    model = SegformerForSemanticSegmentation(
        SegformerConfig(num_labels=CLASSES, depths=[1, 1, 1, 1])
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    level_set_loss, losses = LevelSetLoss(), []
    image = torch.rand(2, 3, size, size)  # in [0, 1]; the network may want them normalised
    target = torch.randint(0, CLASSES, (2, size, size))
    for _ in range(steps):
        output = model((image - 0.45) / 0.225, output_hidden_states=True)
        full = F.interpolate(output.logits, image.shape[2:], mode='bilinear')
        energy = level_set_loss(output.logits, image, features=output.hidden_states[1])
        loss = F.cross_entropy(full, target, ignore_index=VOID) + 0.1 * energy
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


if __name__ == '__main__':
    print(main())

"""The image tower of CLIP (Radford et al., ICML 2021), up to the last but one block."""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from mmlevelset.registry import MODELS

PATCH = 16


class QuickGELU(nn.Module):
    """The activation that OpenAI's weights were trained with, x * sigmoid(1.702 x)."""

    def forward(self, x: Tensor) -> Tensor:
        """Activations of tokens ``x`` (Tensor), (N, L, C) or any other shape; returned in the same shape."""
        return x * torch.sigmoid(1.702 * x)


class CLIPBlock(nn.Module):
    """Pre-norm transformer block of both towers, with the parameter names of OpenAI's checkpoints.

    Args:
        dims: Channels D.
        heads: Heads of the attention.
    """

    def __init__(self, dims: int, heads: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(dims)
        self.attn = nn.MultiheadAttention(dims, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(dims)
        self.mlp = nn.Sequential(
            OrderedDict(
                c_fc=nn.Linear(dims, 4 * dims),
                gelu=QuickGELU(),
                c_proj=nn.Linear(4 * dims, dims),
            )
        )

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Apply the block.

        Args:
            x (Tensor): tokens, (N, T, D).
            mask (Tensor, optional): added to the logits of the attention, (T, T).

        Returns:
            tuple: tokens (N, T, D), and the mean over the heads of the attention, (N, T, T) by query
            and key, rows sum to 1.
        """
        return self.after_norm(x, self.ln_1(x), mask)

    def after_norm(
        self, x: Tensor, normed: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Apply all that follows ``ln_1``, whose output (N, T, D) is ``normed``; else as :meth:`forward`."""
        y, weights = self.attn(normed, normed, normed, attn_mask=mask)
        x = x + y
        return x + self.mlp(self.ln_2(x)), weights


@MODELS.register_module()
class CLIPViT(BaseModule):
    """CLIP's ViT-B/16 without its last block, which :class:`CLIPESHead` owns; it is never trained.

    Parameters have OpenAI's names, with ``blocks.`` for ``visual.transformer.resblocks.``;
    tools/model_converters/clip_es.py makes the weights of a host. The defaults are ViT-B/16.

    Args:
        grid: Side of the grid of position parameters, in patches.
        embed_dims: Channels D.
        depth: Blocks in here.
        num_heads: Heads of every attention.
        out_indices: Blocks, from 0, whose patch tokens are feature maps for a level set.
        attentions: Of how many of the last blocks the attentions are summed; CLIP-ES takes 8, one of
            them that of the head's block.
        init_cfg: Initialisation.

    Raises:
        ValueError: There are not as many blocks.
    """

    def __init__(
        self,
        grid: int = 14,
        embed_dims: int = 768,
        depth: int = 11,
        num_heads: int = 12,
        out_indices: Sequence[int] = (2, 5, 8, 10),
        attentions: int = 7,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not 0 < attentions <= depth or not all(0 <= i < depth for i in out_indices):
            raise ValueError(
                f'CLIPViT: out_indices={tuple(out_indices)} and attentions={attentions}, expected '
                f'blocks in 0 .. {depth - 1} and 1 .. {depth} attentions, since depth={depth}'
            )
        self.grid, self.out_indices, self.attentions = grid, tuple(out_indices), attentions
        self.conv1 = nn.Conv2d(3, embed_dims, PATCH, stride=PATCH, bias=False)
        self.class_embedding = nn.Parameter(0.02 * torch.randn(embed_dims))
        self.positional_embedding = nn.Parameter(0.02 * torch.randn(1 + grid**2, embed_dims))
        self.ln_pre = nn.LayerNorm(embed_dims)
        self.blocks = nn.ModuleList(CLIPBlock(embed_dims, num_heads) for _ in range(depth))
        self.requires_grad_(False)

    @torch.no_grad()
    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Encode images into patch tokens and attentions.

        Args:
            x (Tensor): normalised RGB images, (N, 3, H, W); h = H / 16, w = W / 16.

        Returns:
            tuple: the patch tokens of the blocks ``out_indices``, (N, D, h, w) each; all tokens of the
            last block in here, the class token first, (N, 1 + h * w, D); and the sum of the
            attentions between patches, (N, h * w, h * w) by query and key, >= 0.

        Raises:
            ValueError: A side is no multiple of 16.
        """
        if x.shape[2] % PATCH or x.shape[3] % PATCH:
            raise ValueError(
                f'CLIPViT got images of {x.shape[2]} x {x.shape[3]} pixels, expected multiples of '
                f"{PATCH}: put dict(type='mmlevelset.ResizeToPatches') into the pipeline, or a Resize"
            )
        x = self.conv1(x)
        size = x.shape[2:]
        x = torch.cat([self.class_embedding.expand(len(x), 1, -1), x.flatten(2).mT], 1)
        x = self.ln_pre(x + self.positions(size))
        maps, attention = [], x.new_zeros(())
        for index, block in enumerate(self.blocks):
            x, weights = block(x)
            if index >= len(self.blocks) - self.attentions:
                attention = attention + weights[:, 1:, 1:]
            if index in self.out_indices:
                maps.append(x[:, 1:].mT.unflatten(2, size))
        return *maps, x, attention

    def positions(self, size: Sequence[int]) -> Tensor:
        """Position parameters of the class token and of a grid ``size`` (h, w), (1 + h * w, D)."""
        first, rest = self.positional_embedding.split([1, self.grid**2])
        grid = rest.mT.unflatten(1, (self.grid, self.grid))[None]
        # The official code rounds the result to half precision.
        grid = F.interpolate(grid, tuple(size), mode='bilinear')[0]
        return torch.cat([first, grid.flatten(1).mT])

"""The vision transformer of MCTformer (V1, V2 and +) and WeakTr: class tokens, attentions out."""

import torch
from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from mmlevelset.registry import MODELS

PATCH = 16
NORM_EPS = 1e-6  # DeiT's; PyTorch's default is 1e-5
# V1 and V2 enlarge the grid by a tenth of a cell before they resize their position parameters. It
# guards their code against a grid that rounds down, and shifts every sampling position.
GRID_OFFSET = 0.1


class Attention(nn.Module):
    """Self-attention that gives its weights away on request."""

    def __init__(self, dims: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dims, 3 * dims)
        self.proj = nn.Linear(dims, dims)

    def forward(self, x: Tensor, need_weights: bool) -> tuple[Tensor, Tensor | None]:
        """Let every token attend to all tokens.

        Args:
            x (Tensor): tokens, (N, T, D).
            need_weights: Also return the weights; they take N * heads * T * T numbers for a moment.

        Returns:
            tuple: tokens (N, T, D), and the softmax weights of every head, (N, heads, T, T) by query
            and key, rows sum to 1, or ``None``. In training they have no graph, which would keep
            N * heads * T * T numbers of every block for the backward pass.
        """
        n, t, d = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        weights = None
        if need_weights and not self.training:
            weights = attention_weights(q, k)
            x = weights @ v
        else:
            x = F.scaled_dot_product_attention(q, k, v)
            if need_weights:
                weights = attention_weights(q.detach(), k.detach())
        return self.proj(x.transpose(1, 2).reshape(n, t, d)), weights


def attention_weights(q: Tensor, k: Tensor) -> Tensor:
    """Softmax of the scaled products of queries and keys (N, heads, T, d): (N, heads, T, T)."""
    return ((q * q.shape[3] ** -0.5) @ k.transpose(2, 3)).softmax(3)


class MLP(nn.Module):
    """Two linear layers with the exact GELU between them; tokens (N, T, D) to (N, T, D)."""

    def __init__(self, dims: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dims, hidden)
        self.fc2 = nn.Linear(hidden, dims)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (N, L, D) to (N, L, D)."""
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """Pre-norm transformer block; see :class:`Attention` for its arguments and results."""

    def __init__(self, dims: int, heads: int, mlp_ratio: int, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dims, eps=NORM_EPS)
        self.attn = Attention(dims, heads)
        self.norm2 = nn.LayerNorm(dims, eps=NORM_EPS)
        self.mlp = MLP(dims, mlp_ratio * dims)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, need_weights: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        """Tokens (N, T, D) to (N, T, D), and both results of :class:`Attention`."""
        y, weights = self.attn(self.norm1(x), need_weights)
        x = x + self.drop_path(y)
        return x + self.drop_path(self.mlp(self.norm2(x))), y, weights


@MODELS.register_module()
class MCTformer(BaseModule):
    """DeiT with C class tokens (MCTformer, arXiv:2203.02891; +, arXiv:2308.03005; WeakTr, 2304.01184).

    The sequence is [C class tokens | S spare ones | h * w patch tokens, row by row]; no norm follows the last
    block. The defaults are DeiT-S. Parameters have the official names; ``norm``, which the
    official networks own and never apply, and the ``pos_embed`` that + no longer uses are left out.

    Attentions are needed for seeds and for the guide of a level set: the class rows of every layer,
    and the sum of the patch rows over the layers. A training pass computes them, without a graph,
    only where ``train_attentions`` is set, which is up to the decode head. WeakTr (``per_head``) learns
    how to fuse the heads, so it always needs the attention of each.

    Args:
        num_classes: Foreground classes C, the number of class tokens.
        img_size: Side of the training images, in pixels; its grid holds the position parameters.
        separate_pos_embed: MCTformer+: ``pos_embed_cls`` and ``pos_embed_pat``, the latter resized
            in eval mode only. Otherwise V1, V2 and WeakTr: one ``pos_embed``.
        per_head: WeakTr: give the attention of every head, and what the heads say.
        spare_tokens: S, tokens of classes that do not occur. They take part in the attention and are not given
            away: published weights for COCO have ten, of its ids without a class.
        embed_dims: Channels D.
        depth: Blocks L.
        num_heads: Heads of every attention.
        mlp_ratio: Hidden channels of the MLPs, in units of D.
        drop_path_rate: Stochastic depth of the last block; it grows linearly from 0.
        init_cfg: Initialisation; DeiT's weights are made by tools/model_converters/mctformer.py.
    """

    def __init__(
        self,
        num_classes: int,
        img_size: int = 448,
        separate_pos_embed: bool = True,
        per_head: bool = False,
        spare_tokens: int = 0,
        embed_dims: int = 384,
        depth: int = 12,
        num_heads: int = 6,
        mlp_ratio: int = 4,
        drop_path_rate: float = 0.1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.num_classes = num_classes
        self.separate_pos_embed = separate_pos_embed
        self.per_head = per_head
        self.tokens = num_classes + spare_tokens  # before the patches
        self.train_attentions = False
        self.grid = img_size // PATCH
        self.cls_token = nn.Parameter(torch.zeros(1, self.tokens, embed_dims))
        patches = self.grid**2
        if separate_pos_embed:
            self.pos_embed_cls = nn.Parameter(torch.zeros(1, self.tokens, embed_dims))
            self.pos_embed_pat = nn.Parameter(torch.zeros(1, patches, embed_dims))
        else:
            self.pos_embed = nn.Parameter(torch.zeros(1, self.tokens + patches, embed_dims))
        self.patch_embed = nn.Sequential()
        self.patch_embed.add_module('proj', nn.Conv2d(3, embed_dims, PATCH, stride=PATCH))
        self.blocks = nn.ModuleList(
            Block(embed_dims, num_heads, mlp_ratio, drop_path_rate * i / max(depth - 1, 1))
            for i in range(depth)
        )
        self._init_parameters()

    def _init_parameters(self) -> None:
        """DeiT's: a truncated normal of 0.02 for tokens, positions and linear layers."""
        for parameter in (p for name, p in self.named_parameters() if '.' not in name):
            nn.init.trunc_normal_(parameter, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Encode images into class tokens and patch tokens.

        Args:
            x (Tensor): normalised images, (N, 3, H, W); h = H // 16, w = W // 16.

        Returns:
            tuple: the patch tokens of the last block, (N, D, h, w); the class tokens after every
            block, (N, L, C, D); and, where attentions are computed, that of the class tokens to the
            patches, (N, L, C, h, w), and that of the patches to the patches, summed over the L
            blocks, (N, h * w, h * w) by query and key. They are means over the heads, >= 0.
            With ``per_head``, instead of these two and without a graph: the attention of all tokens but
            the spare ones to the patches, (N, heads, L, C + h * w, h * w), and the output of every block's attention,
            (N, L, C + S + h * w, D), signed.

        Raises:
            ValueError: A training image of MCTformer+ that is not ``img_size`` by ``img_size``, or
                an image smaller than a patch.
        """
        height, width = x.shape[2:]
        c, start = self.num_classes, self.tokens
        if min(height, width) < PATCH:
            raise ValueError(
                f'MCTformer got an image of {height} x {width} pixels, expected at least {PATCH} '
                'on either side, one patch: enlarge it, or leave it out'
            )
        x = self.patch_embed(x)
        h, w = x.shape[2:]
        x = x.flatten(2).transpose(1, 2)
        cls_pos, patch_pos = self._positions((height, width), (h, w))
        x = torch.cat([(self.cls_token + cls_pos).expand(len(x), -1, -1), x + patch_pos], 1)
        tokens, outputs, attention = [], [], []
        affinity = x.new_zeros(())
        need_weights = self.per_head or self.train_attentions or not self.training
        for block in self.blocks:
            x, output, weights = block(x, need_weights)
            tokens.append(x[:, :c])
            if self.per_head:
                outputs.append(output.detach())
                seen = weights[..., start:].detach()
                attention.append(
                    seen if start == c else torch.cat([seen[:, :, :c], seen[:, :, start:]], 2)
                )
            elif need_weights:
                mean = weights.mean(1)
                attention.append(mean[:, :c, start:].unflatten(2, (h, w)))
                affinity = affinity + mean[:, start:, start:]
        patches = x[:, start:].transpose(1, 2).unflatten(2, (h, w))
        if not need_weights:
            return patches, torch.stack(tokens, 1)
        if self.per_head:
            given = torch.stack(attention, 2), torch.stack(outputs, 1)
        else:
            given = torch.stack(attention, 1), affinity
        return patches, torch.stack(tokens, 1), *given

    def _positions(
        self, size: tuple[int, int], grid: tuple[int, int]
    ) -> tuple[Tensor, Tensor | float]:
        """Positions of the class tokens, spare ones included, (1, C + S, D), and of the patches (1, h * w, D).

        Args:
            size: Of the image, (H, W), in pixels.
            grid: Of the patches, (h, w).
        """
        fits = grid == (self.grid, self.grid) and size[0] == size[1]
        if not self.separate_pos_embed:
            cls_pos, patch_pos = self.pos_embed.split([self.tokens, self.grid**2], 1)
            offset = GRID_OFFSET
        elif fits or not self.training:
            cls_pos, patch_pos, offset = self.pos_embed_cls, self.pos_embed_pat, 0
        else:
            side = self.grid * PATCH
            raise ValueError(
                f'MCTformer+ trains on images of {side} x {side} pixels, got {tuple(size)}: crop the '
                f'training images to ({side}, {side}), or set img_size of the backbone to their side.'
            )
        if fits:
            return cls_pos, patch_pos
        patch_pos = patch_pos.transpose(1, 2).unflatten(2, (self.grid, self.grid))
        # By size where nothing is added: h / grid as a factor loses a row at h = 61, 115 and 122.
        target = (
            dict(scale_factor=tuple((side + offset) / self.grid for side in grid))
            if offset
            else dict(size=grid)
        )
        patch_pos = F.interpolate(patch_pos, mode='bicubic', **target)
        return cls_pos, patch_pos.flatten(2).transpose(1, 2)

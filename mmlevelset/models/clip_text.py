"""The text tower of CLIP (Radford et al., ICML 2021): class names to directions in feature space."""

from collections.abc import Mapping, Sequence

import torch
from mmseg.utils import tokenize
from torch import Tensor, nn
from torch.nn import functional as F

from .backbones.clip_vit import CLIPBlock

HEAD_DIMS = 64  # of every attention in both towers, in all models of OpenAI
BLOCKS = 'transformer.resblocks.'


class CLIPText(nn.Module):
    """A causal transformer over tokens; the feature of a text is that of its end.

    Args:
        vocabulary: Tokens that are known, 49,408; the last one ends a text.
        context: Tokens of a text with its padding, 77.
        dims: Channels D.
        depth: Blocks.
        features: Channels E of the space that texts and images share.
    """

    def __init__(self, vocabulary: int, context: int, dims: int, depth: int, features: int) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary, dims)
        self.positional_embedding = nn.Parameter(torch.zeros(context, dims))
        self.blocks = nn.ModuleList(CLIPBlock(dims, dims // HEAD_DIMS) for _ in range(depth))
        self.ln_final = nn.LayerNorm(dims)
        self.text_projection = nn.Parameter(torch.zeros(dims, features))

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> 'CLIPText':
        """Build the tower of a checkpoint of CLIP, with its weights in float32.

        Args:
            state: All tensors of the checkpoint, by OpenAI's names.

        Raises:
            ValueError: A tensor is missing, or fits no other.
        """
        own = {
            key.replace(BLOCKS, 'blocks.'): value.float()
            for key, value in state.items()
            if not key.startswith('visual.')
        }
        try:
            vocabulary, dims = own['token_embedding.weight'].shape
            depth = sum(key.endswith('.attn.in_proj_weight') for key in own)
            sizes = len(own['positional_embedding']), dims, depth, own['text_projection'].shape[1]
            text = cls(vocabulary, *sizes).eval()
            text.load_state_dict({key: own[key] for key in text.state_dict()})
        except (KeyError, RuntimeError) as error:
            raise ValueError(
                f'the checkpoint has no text tower of CLIP ({error}): give ViT-B-16.pt of OpenAI, or '
                "the state_dict of open_clip's ViT-B-16-quickgelu"
            ) from error
        return text

    def forward(self, tokens: Tensor) -> Tensor:
        """Encode ``tokens`` (N, T), integers padded with 0, to features (N, E)."""
        length = tokens.shape[1]
        x = self.token_embedding(tokens) + self.positional_embedding[:length]
        mask = torch.full((length, length), float('-inf'), device=x.device).triu(1)
        for block in self.blocks:
            x, _ = block(x, mask=mask)
        end = tokens.argmax(1)
        return self.ln_final(x[torch.arange(len(x)), end]) @ self.text_projection

    @torch.no_grad()
    def directions(self, names: Sequence[str], prompt: str) -> Tensor:
        """Unit features (len(names), E) of names put into ``prompt``, e.g. ``'a photo of a {}.'``."""
        tokens = tokenize([prompt.format(name) for name in names])
        return F.normalize(self(tokens), dim=1)

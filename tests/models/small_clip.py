"""A CLIP of a few channels with deterministic weights, by the names of OpenAI's checkpoints."""

import numpy as np
import torch
from torch import Tensor

from tests.models.official import filled, uniform

VISION = dict(width=128, layers=10, heads=2, grid=4)
TEXT = dict(width=64, layers=2, context=77, vocabulary=49408)
FEATURES = 32


def block_shapes(prefix: str, width: int, layers: int) -> dict[str, tuple[int, ...]]:
    """Tensors of a tower's blocks."""
    one = {
        'attn.in_proj_weight': (3 * width, width),
        'attn.in_proj_bias': (3 * width,),
        'attn.out_proj.weight': (width, width),
        'attn.out_proj.bias': (width,),
        'ln_1.weight': (width,),
        'ln_1.bias': (width,),
        'mlp.c_fc.weight': (4 * width, width),
        'mlp.c_fc.bias': (4 * width,),
        'mlp.c_proj.weight': (width, 4 * width),
        'mlp.c_proj.bias': (width,),
        'ln_2.weight': (width,),
        'ln_2.bias': (width,),
    }
    return {f'{prefix}.{i}.{key}': shape for i in range(layers) for key, shape in one.items()}


def state() -> dict[str, Tensor]:
    """The whole checkpoint, in half precision like OpenAI's, so that the official code rounds nothing."""
    vision, text = VISION['width'], TEXT['width']
    shapes = {
        'visual.class_embedding': (vision,),
        'visual.conv1.weight': (vision, 3, 16, 16),
        'visual.proj': (vision, FEATURES),
        'text_projection': (text, FEATURES),
        'positional_embedding': (TEXT['context'], text),
        'token_embedding.weight': (TEXT['vocabulary'], text),
        **block_shapes('visual.transformer.resblocks', vision, VISION['layers']),
        **block_shapes('transformer.resblocks', text, TEXT['layers']),
    }
    for norm, width in (
        ('visual.ln_pre', vision),
        ('visual.ln_post', vision),
        ('ln_final', text),
    ):
        shapes |= {f'{norm}.weight': (width,), f'{norm}.bias': (width,)}
    tensors = {key: filled(key, shape).half() for key, shape in shapes.items()}
    tensors['logit_scale'] = torch.tensor(3.0).half()
    # The official code rounds resized positions to half precision, which changes none of these: they
    # are multiples of 1/32, and those of a grid that is doubled and quadrupled of 1/1024.
    key = 'visual.positional_embedding'
    values = np.round(32 * uniform(key, (1 + VISION['grid'] ** 2, vision))) / 32
    tensors[key] = torch.from_numpy(values.astype('f2'))
    return tensors

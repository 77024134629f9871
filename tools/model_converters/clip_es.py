"""CLIP's ViT-B/16 (github.com/openai/CLIP, MIT licence) with the texts of a config, for CLIP-ES.

python tools/model_converters/clip_es.py ViT-B-16.pt weights/clip_es_vit-b16_voc12.pth
python tools/model_converters/clip_es.py ViT-B-16.pt weights/clip_es_vit-b16_coco14.pth \\
    --config configs/seed/clip_es/vit-b16_coco14.py

The source is OpenAI's file, a TorchScript archive whose tensors alone are read, or a state_dict with
the same names, such as that of open_clip's ViT-B-16-quickgelu. The texts of the config's classes are
encoded here, once, so another prompt needs another conversion.
"""

import re
from collections.abc import Callable

from torch import Tensor

from mmlevelset.apis import convert_checkpoint, read_checkpoint
from mmlevelset.apis.command import run
from mmlevelset.apis.convert import converter_parser
from mmlevelset.config import read_config
from mmlevelset.models.clip_text import CLIPText

CONFIG = 'seed/clip_es/vit-b16_voc12.py'
HEAD = ('visual.ln_post.', 'visual.proj', 'logit_scale')


def renaming(depth: int) -> Callable[[str], str | None]:
    """Our names of OpenAI's tensors, ``None`` for the text tower and plain numbers.

    Args:
        depth: Blocks of the backbone; the one that follows is the head's.
    """

    def rename(key: str) -> str | None:
        if key.startswith('decode_head.'):
            return key
        if key.startswith(HEAD):
            return 'decode_head.' + key.removeprefix('visual.')
        if not key.startswith('visual.'):
            return None
        block = re.fullmatch(r'visual\.transformer\.resblocks\.(\d+)\.(.+)', key)
        if not block:
            return 'backbone.' + key.removeprefix('visual.')
        index, name = int(block[1]), block[2]
        return f'decode_head.block.{name}' if index == depth else f'backbone.blocks.{index}.{name}'

    return rename


def with_texts(state: dict[str, Tensor], head: dict) -> dict[str, Tensor]:
    """Add the texts of a head's config to the tensors of CLIP, all in float32."""
    tower = CLIPText.from_state(state)
    prompt = head.get('prompt', 'a clean origami {}.')
    return {key: value.float() for key, value in state.items()} | {
        'decode_head.text': tower.directions(head['classes'], prompt),
        'decode_head.background_text': tower.directions(head['backgrounds'], prompt),
    }


def main() -> None:
    args = converter_parser(__doc__, CONFIG).parse_args()
    model = read_config(args.config).model
    state = with_texts(read_checkpoint(args.source), model.decode_head)
    convert_checkpoint(state, args.target, args.config, renaming(model.backbone.depth))


if __name__ == '__main__':
    run(main)

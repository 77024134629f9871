"""Published MCTformer checkpoints (github.com/xulianuwa/MCTformer), or DeiT's weights, for our host.

python tools/model_converters/mctformer.py MCTformer_v2.pth weights/mctformer_v2.pth CONFIG
python tools/model_converters/mctformer.py https://dl.fbaipublicfiles.com/deit/deit_small_patch16_224-cd65a155.pth \\
    weights/deit_small_mctformer_plus_voc12.pth CONFIG --deit
"""

from collections.abc import Callable

import torch
from torch import Tensor

from mmlevelset.apis import convert_checkpoint, read_checkpoint
from mmlevelset.apis.command import make_parser, run
from mmlevelset.config import read_config

DEIT_CLASSIFIER = ('head.', 'norm.')


def renaming(variant: str) -> Callable[[str], str | None]:
    """Our names of the official tensors of V1, V2 or plus, ``None`` for what they never use."""
    dead = ['norm.']
    dead += dict(v1=['head.'], v2=[], plus=['pos_embed'])[variant]

    def rename(key: str) -> str | None:
        if any(key == name or name.endswith('.') and key.startswith(name) for name in dead):
            return None
        if key.startswith('head.'):
            return key.replace('head.', 'decode_head.conv_seg.')
        return 'backbone.' + key

    return rename


def from_deit(state: dict[str, Tensor], classes: int, separate: bool) -> dict[str, Tensor]:
    """The tensors that MCTformer starts from.

    Every class token starts as DeiT's, position included. In MCTformer+ the grid of positions is
    doubled by copying every cell to 2 x 2; in V1 and V2 it stays 14 x 14.

    Args:
        state: DeiT's tensors; ``cls_token`` (1, 1, D), ``pos_embed`` (1, 1 + 14 * 14, D).
        classes: C, spare ones included.
        separate: Whether class and patch positions are two parameters (MCTformer+).

    Returns:
        dict: the backbone's tensors; ``cls_token`` (1, C, D), ``pos_embed`` (1, C + 196, D), or
        ``pos_embed_cls`` (1, C, D) and ``pos_embed_pat`` (1, 784, D).
    """
    state = {key: value for key, value in state.items() if not key.startswith(DEIT_CLASSIFIER)}
    state['cls_token'] = state['cls_token'].repeat(1, classes, 1)
    position = state.pop('pos_embed')
    of_class, of_patches = position[:, :1].repeat(1, classes, 1), position[:, 1:]
    if not separate:
        return {**state, 'pos_embed': torch.cat([of_class, of_patches], 1)}
    side = round(of_patches.shape[1] ** 0.5)
    grid = of_patches.unflatten(1, (side, side))
    doubled = grid.repeat_interleave(2, 1).repeat_interleave(2, 2).flatten(1, 2)
    return {**state, 'pos_embed_cls': of_class, 'pos_embed_pat': doubled}


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument('source', help='published checkpoint, a file or an address')
    parser.add_argument('target', help='file to write')
    parser.add_argument('config', help='config of our model: a baseline of configs/seed/mctformer*')
    parser.add_argument(
        '--deit', action='store_true', help="the source is DeiT-S; write the backbone's init_cfg"
    )
    args = parser.parse_args()
    model = read_config(args.config).model
    if args.deit:
        separate = model.backbone.get('separate_pos_embed', True)
        tokens = model.backbone.num_classes + model.backbone.get('spare_tokens', 0)
        state = from_deit(read_checkpoint(args.source), tokens, separate)
        convert_checkpoint(state, args.target, args.config, lambda key: key, part='backbone')
    else:
        rename = renaming(model.decode_head.variant)
        convert_checkpoint(args.source, args.target, args.config, rename)


if __name__ == '__main__':
    run(main)

"""Published checkpoints of WeakTr's first stage (github.com/hustvl/WeakTr) for our host.

python tools/model_converters/weaktr.py checkpoint_best_mIoU.pth weights/weaktr.pth
python tools/model_converters/weaktr.py checkpoint_best_mIoU.pth weights/weaktr_coco14.pth \\
    --config configs/seed/weaktr/deit-s_90-tokens_coco14.py

DeiT's weights, from which it is trained, are those of MCTformer-V2: see tools/model_converters/mctformer.py.
"""

import torch
from torch import Tensor

from mmlevelset.apis import convert_checkpoint, read_checkpoint
from mmlevelset.apis.command import run
from mmlevelset.apis.convert import converter_parser
from mmlevelset.fileio.coco_labels import CATEGORIES, UNUSED

CONFIG = 'seed/weaktr/deit-s_voc12.py'
PARTS = {
    'head.': 'decode_head.conv_seg.',
    'adaptive_attention_fusion.attn_feat_ffn.': 'decode_head.fusion.judge.',
    'adaptive_attention_fusion.attn_head_ffn.': 'decode_head.fusion.balance.',
}


def rename(key: str) -> str | None:
    """Our name of the official tensor ``key``, ``None`` for the norm, which is never applied."""
    if key.startswith('norm.'):
        return None
    for theirs, ours in PARTS.items():
        if key.startswith(theirs):
            return key.replace(theirs, ours, 1)
    return 'backbone.' + key


def by_class(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Order the tokens of COCO's 90 category ids as we do: those of its 80 classes, then the spare ones.

    The order makes no difference to the network. The classifier of the patches loses the ids without a class,
    whose maps nothing reads. A checkpoint of as many other classes is returned as it is.

    Args:
        state: The official tensors; ``cls_token`` (1, T, D), ``pos_embed`` (1, T + 14 * 14, D),
            ``head.weight`` (T, D, 3, 3), ``head.bias`` (T); T is 90 for COCO.
    """
    ids = len(CATEGORIES) + len(UNUSED)
    if 'cls_token' not in state or state['cls_token'].shape[1] != ids:
        return state
    order = torch.tensor(CATEGORIES + UNUSED) - 1  # token 0 is that of id 1
    ordered = dict(state, cls_token=state['cls_token'][:, order])
    if 'pos_embed' in state:
        position = state['pos_embed']
        ordered['pos_embed'] = torch.cat([position[:, order], position[:, ids:]], 1)
    for key in ordered.keys() & {'head.weight', 'head.bias'}:
        ordered[key] = state[key][order[: len(CATEGORIES)]]
    return ordered


def main() -> None:
    args = converter_parser(__doc__, CONFIG).parse_args()
    convert_checkpoint(by_class(read_checkpoint(args.source)), args.target, args.config, rename)


if __name__ == '__main__':
    run(main)

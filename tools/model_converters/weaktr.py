"""Published checkpoints of WeakTr's first stage (github.com/hustvl/WeakTr) for our host.

python tools/model_converters/weaktr.py checkpoint_best_mIoU.pth weights/weaktr.pth

DeiT's weights, from which it is trained, are those of MCTformer-V2: see tools/model_converters/mctformer.py.
"""

from mmlevelset.apis.command import run
from mmlevelset.apis.convert import run_converter

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


def main() -> None:
    run_converter(__doc__, CONFIG, rename)


if __name__ == '__main__':
    run(main)

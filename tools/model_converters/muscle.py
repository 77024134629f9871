"""Published MuSCLe checkpoints (github.com/SCoulY/MuSCLe), or weights of ImageNet, for our host.

python tools/model_converters/muscle.py _15.pth weights/muscle_voc12.pth
python tools/model_converters/muscle.py --imagenet \\
    https://github.com/lukemelas/EfficientNet-PyTorch/releases/download/1.0/adv-efficientnet-b3-cdd7c0f4.pth \\
    weights/efficientnet-b3_advprop.pth
"""

from torch import Tensor

from mmlevelset.apis import convert_checkpoint, read_checkpoint
from mmlevelset.apis.command import run
from mmlevelset.apis.convert import converter_parser

CONFIG = 'seed/muscle/efficientnet-b3_voc12.py'
CLASSIFIER = ('_conv_head.', '_bn1.', '_fc.')  # of ImageNet
# Of the segmentation network, made and never used by the network of the CAM, as is the classifier.
UNUSED = ('fuse_dec.', *(f'backbone.{name}' for name in CLASSIFIER))


def rename_imagenet(key: str) -> str | None:
    """The backbone's name of EfficientNet-PyTorch's tensor ``key``; ``None`` for the classifier."""
    return None if key.startswith(CLASSIFIER) else key


def rename(key: str) -> str | None:
    """Our name of MuSCLe's tensor ``key``; ``None`` for what its CAM never uses."""
    if key.startswith(UNUSED):
        return None
    if key == 'fc.weight':
        return 'decode_head.conv_seg.weight'
    return f'decode_head.{key}' if key.startswith('fuse.') else key


def as_convolution(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, but the classifier ``fc.weight`` (C, K) is one of pixels, (C, K, 1, 1)."""
    return {k: v[..., None, None] if k == 'fc.weight' else v for k, v in state.items()}


def main() -> None:
    parser = converter_parser(__doc__, CONFIG)
    parser.add_argument(
        '--imagenet',
        action='store_true',
        help="the source is an EfficientNet-PyTorch or AdvProp file; write the backbone's init_cfg",
    )
    args = parser.parse_args()
    if args.imagenet:
        convert_checkpoint(args.source, args.target, args.config, rename_imagenet, part='backbone')
    else:
        state = as_convolution(read_checkpoint(args.source))
        convert_checkpoint(state, args.target, args.config, rename)


if __name__ == '__main__':
    run(main)

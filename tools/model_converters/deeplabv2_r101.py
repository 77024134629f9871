r"""DeepLab checkpoints of deeplab-pytorch (kazuto1011) for our DeepLab-V2.

python tools/model_converters/deeplabv2_r101.py deeplabv1_resnet101-coco.pth \
    weights/deeplab_resnet101_coco.pth --backbone
python tools/model_converters/deeplabv2_r101.py deeplabv2_resnet101_msc-vocaug.pth weights/deeplabv2_voc12.pth

The first is the initialisation, Caffe's `init.caffemodel`, whose COCO is the segmentation of COCO; the
second a trained model. torchvision's ResNet-101 is another network and does not fit.
"""

import re
from functools import partial

from mmlevelset.apis import convert_checkpoint
from mmlevelset.apis.command import run
from mmlevelset.apis.convert import converter_parser

CONFIG = 'retrain/deeplabv2_r101_voc12.py'
# layer1.conv1.conv.weight, layer3.block2.conv3x3.bn.running_mean, aspp.c0.bias
STEM = re.compile(r'layer1\.conv1\.(conv|bn)\.(\w+)')
BLOCK = re.compile(r'layer(\d)\.block(\d+)\.(reduce|conv3x3|increase|shortcut)\.(conv|bn)\.(\w+)')
BRANCH = re.compile(r'aspp\.c(\d)\.(\w+)')
LAYERS = dict(reduce=1, conv3x3=2, increase=3)


def rename(key: str, backbone: bool = False) -> str | None:
    """Our name of deeplab-pytorch's tensor ``key``; with ``backbone``, only that, without prefix."""
    key = key.removeprefix('module.').removeprefix('base.')  # DataParallel, MSC
    prefix = '' if backbone else 'backbone.'
    if match := BRANCH.fullmatch(key):
        return None if backbone else f'decode_head.convs.{match[1]}.{match[2]}'
    if match := STEM.fullmatch(key):
        return f'{prefix}{match[1]}1.{match[2]}'
    if match := BLOCK.fullmatch(key):
        layer, block, part, kind, value = match.groups()
        name = f'downsample.{int(kind == "bn")}'
        if part in LAYERS:
            name = f'{kind}{LAYERS[part]}'
        return f'{prefix}layer{int(layer) - 1}.{int(block) - 1}.{name}.{value}'
    # ImageNet's classifier, or DeepLab-V1's
    return None if backbone and key.startswith('fc.') else key


def main() -> None:
    parser = converter_parser(__doc__, CONFIG)
    parser.add_argument('--backbone', action='store_true', help='the initialisation of ResNet-101')
    args = parser.parse_args()
    part = 'backbone' if args.backbone else None
    names = partial(rename, backbone=args.backbone)
    convert_checkpoint(args.source, args.target, args.config, names, part)


if __name__ == '__main__':
    run(main)

"""Checkpoints of SEAM (resnet38_SEAM.pth) and of PSA's classifier (res38_cls.pth) for our hosts.

python tools/model_converters/seam.py resnet38_SEAM.pth weights/seam.pth
python tools/model_converters/seam.py res38_cls.pth weights/psa.pth --config configs/seed/cam/resnet38_voc12.py

As initialisation of a ResNet38, res38_cls.pth needs no conversion: the names are the same.
"""

from pathlib import Path

from mmlevelset.apis import convert_checkpoint
from mmlevelset.apis.command import make_parser, run

CONFIG = Path(__file__).resolve().parents[2] / 'configs/seed/seam/resnet38_voc12.py'
HEAD = ('f8_3.', 'f8_4.', 'f9.')


def rename(key: str) -> str:
    """Our name of SEAM's or PSA's tensor ``key``."""
    if key.startswith('fc8.'):
        return key.replace('fc8', 'decode_head.conv_seg')
    return ('decode_head.' if key.startswith(HEAD) else 'backbone.') + key


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument('source', help='the published checkpoint')
    parser.add_argument('target', help='file to write')
    parser.add_argument('--config', default=str(CONFIG), help='config of our model')
    args = parser.parse_args()
    convert_checkpoint(args.source, args.target, args.config, rename)


if __name__ == '__main__':
    run(main)

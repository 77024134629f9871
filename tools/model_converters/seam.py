"""Checkpoints of SEAM (resnet38_SEAM.pth) and of PSA's classifier (res38_cls.pth) for our hosts.

python tools/model_converters/seam.py resnet38_SEAM.pth weights/seam.pth
python tools/model_converters/seam.py res38_cls.pth weights/psa.pth --config configs/seed/cam/resnet38_voc12.py

As initialisation of a ResNet38, res38_cls.pth needs no conversion: the names are the same.
"""

from mmlevelset.apis.command import run
from mmlevelset.apis.convert import run_converter

CONFIG = 'seed/seam/resnet38_voc12.py'
HEAD = ('f8_3.', 'f8_4.', 'f9.')


def rename(key: str) -> str:
    """Our name of SEAM's or PSA's tensor ``key``."""
    if key.startswith('fc8.'):
        return key.replace('fc8', 'decode_head.conv_seg')
    return ('decode_head.' if key.startswith(HEAD) else 'backbone.') + key


def main() -> None:
    run_converter(__doc__, CONFIG, rename)


if __name__ == '__main__':
    run(main)

"""PSA's AffinityNet (resnet38_aff of github.com/jiwoon-ahn/psa; SEAM's and MCTformer's too) for ours.

python tools/model_converters/psa_aff.py resnet38_aff.pth weights/psa_aff.pth
"""

from mmlevelset.apis.command import run
from mmlevelset.apis.convert import run_converter

CONFIG = 'refine/affinitynet_resnet38_psa_voc12.py'
HEAD = {
    'f8_3': 'decode_head.reductions.0',
    'f8_4': 'decode_head.reductions.1',
    'f8_5': 'decode_head.reductions.2',
    'f9': 'decode_head.fusion',
}


def rename(key: str) -> str:
    """Our name of PSA's tensor ``key``."""
    module = key.split('.')[0]
    return key.replace(module, HEAD[module]) if module in HEAD else f'backbone.{key}'


def main() -> None:
    run_converter(__doc__, CONFIG, rename)


if __name__ == '__main__':
    run(main)

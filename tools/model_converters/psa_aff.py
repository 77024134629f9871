"""PSA's AffinityNet (resnet38_aff of github.com/jiwoon-ahn/psa; SEAM's and MCTformer's too) for ours.

python tools/model_converters/psa_aff.py resnet38_aff.pth weights/psa_aff.pth
"""

from pathlib import Path

from mmlevelset.apis import convert_checkpoint
from mmlevelset.apis.command import make_parser, run

CONFIG = Path(__file__).resolve().parents[2] / 'configs/refine/affinitynet_resnet38_psa_voc12.py'
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
    parser = make_parser(__doc__)
    parser.add_argument('source', help="PSA's checkpoint")
    parser.add_argument('target', help='file to write')
    parser.add_argument('--config', default=str(CONFIG), help='config of our model')
    args = parser.parse_args()
    convert_checkpoint(args.source, args.target, args.config, rename)


if __name__ == '__main__':
    run(main)

"""Checkpoint of a training -> NAME-<hash>.pth and NAME-<hash>.safetensors, the weights alone.

``python tools/misc/publish_model.py CONFIG CHECKPOINT OUT_DIR/NAME``. Both load wherever a
checkpoint is accepted: tools/test.py, ``load_from``, LevelSetInferencer, refiners.
"""

from mmlevelset.apis.command import make_parser, run
from mmlevelset.apis.publish import publish_checkpoint
from mmlevelset.config import read_config


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument('config', help='config of the training, a file or a name')
    parser.add_argument('checkpoint', help='checkpoint of the training')
    parser.add_argument('out', help='path of the files, without hash and suffix')
    args = parser.parse_args()
    for file in publish_checkpoint(read_config(args.config), args.checkpoint, args.out):
        print(f'{file}: {file.stat().st_size / 1e6:.1f} MB')


if __name__ == '__main__':
    run(main)

"""Level sets of a model -> ONNX: from images to phi^T, checked with onnxruntime.

``python tools/misc/export_onnx.py CONFIG CHECKPOINT OUT.onnx --size 320 320``. The file takes any
number of images (N, 3, H, W), RGB in [0, 1].
"""

from mmlevelset.apis.command import make_parser, run
from mmlevelset.apis.onnx import export_level_sets
from mmlevelset.config import read_config


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument('config', help='level-set config, a file or a name')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument('out', help='the .onnx file')
    parser.add_argument(
        '--size',
        nargs=2,
        type=int,
        required=True,
        metavar=('H', 'W'),
        help='of the images, in pixels',
    )
    args = parser.parse_args()
    cfg = read_config(args.config)
    difference = export_level_sets(cfg, args.checkpoint, args.out, tuple(args.size))
    print(f'{args.out}: phi_T within {difference:.1e} pixels of the model')


if __name__ == '__main__':
    run(main)

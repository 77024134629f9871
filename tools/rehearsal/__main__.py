"""Synthetic data of the shape of VOC or COCO: ``python tools/dataset_converters/rehearsal.py voc data/rehearsal``.

The commands for the real data then run on it unchanged. A run that was stopped goes on.
"""

from mmlevelset.apis.command import make_parser, run

from .coco import write_coco
from .voc import write_voc


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument('dataset', choices=['voc', 'coco'])
    parser.add_argument('root', help='folder to write to')
    parser.add_argument('--scale', type=float, default=1.0, help='share of the images (default: 1)')
    parser.add_argument(
        '--sides', type=float, default=1.0, help='share of the sides of the images (default: 1)'
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--jobs', type=int, default=0, help='processes (default: one per core)')
    args = parser.parse_args()
    write = write_voc if args.dataset == 'voc' else write_coco
    print(write(args.root, args.scale, args.seed, args.jobs, args.sides))


if __name__ == '__main__':
    run(main)

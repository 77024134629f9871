"""VOC 2012 + SBD -> voc8: ``python tools/dataset_converters/voc8.py data/VOCdevkit/VOC2012 data/voc8``.

After voc_aug.py. A run that was stopped goes on. See docs/en/datasets.md.
"""

from mmlevelset.apis.command import make_parser, run
from mmlevelset.datasets.prepare.small_voc import VOC8, convert_small_voc


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument('voc', help='VOCdevkit/VOC2012, after voc_aug.py')
    parser.add_argument('out', help='folder to write to; the configs expect data/voc8')
    parser.add_argument('--jobs', type=int, default=0, help='processes (default: one per core)')
    args = parser.parse_args()
    convert_small_voc(args.voc, args.out, VOC8, jobs=args.jobs)


if __name__ == '__main__':
    run(main)

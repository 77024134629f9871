"""COCO 2014 -> masks, lists and labels: ``python tools/dataset_converters/coco14.py data/coco14``.

A run that was stopped goes on. See docs/en/datasets.md.
"""

from mmlevelset.apis.command import make_parser, run
from mmlevelset.datasets.prepare.coco14 import SPLITS, convert_coco14
from mmlevelset.datasets.prepare.coco_masks import CROWD, OVERLAP
from mmlevelset.datasets.prepare.labels import KEYS


def describe(table: dict[str, str]) -> str:
    return '; '.join(f'{key}: {meaning}' for key, meaning in table.items())


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument('root', help='folder of train2014, val2014 and annotations')
    parser.add_argument(
        '--overlap', choices=OVERLAP, default='small_on_top', help=describe(OVERLAP)
    )
    parser.add_argument('--crowd', choices=CROWD, default='include', help=describe(CROWD))
    parser.add_argument('--splits', nargs='+', choices=SPLITS, default=SPLITS)
    parser.add_argument('--cls-labels', choices=KEYS, help='write cls_labels.npy with such keys')
    parser.add_argument('--jobs', type=int, default=0, help='processes (default: one per core)')
    args = parser.parse_args()
    convert_coco14(args.root, args.overlap, args.crowd, args.splits, args.cls_labels, args.jobs)


if __name__ == '__main__':
    run(main)

"""Tell whether the folders of a data set are complete and fit together.

Exits with 1 if training or evaluation would fail. See docs/en/datasets.md.
"""

import sys

from mmlevelset.apis.command import make_parser
from mmlevelset.datasets.prepare.check import check_coco, check_voc
from mmlevelset.datasets.prepare.check_own import check_own
from mmlevelset.datasets.prepare.own_classes import CLASSES_HELP

EXAMPLE = 'own data/mine'


def main() -> None:
    """Run the command that ``sys.argv`` gives."""
    parser = make_parser(__doc__, EXAMPLE)
    parser.add_argument('dataset', choices=['voc', 'coco', 'own'])
    parser.add_argument('root', help='VOCdevkit/VOC2012, the folder of train2014, or your own')
    parser.add_argument(
        '--classes', nargs='+', metavar='NAME', help=f'of your own data: {CLASSES_HELP}'
    )
    parser.add_argument('--jobs', type=int, default=0, help='processes (default: one per core)')
    args = parser.parse_args()
    if args.dataset == 'own':
        report = check_own(args.root, args.classes, args.jobs)
    else:
        report = (check_voc if args.dataset == 'voc' else check_coco)(args.root, args.jobs)
    print(report.summary())
    sys.exit(bool(report.errors))

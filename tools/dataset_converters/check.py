"""Are the folders complete? ``python tools/dataset_converters/check.py voc data/VOCdevkit/VOC2012``.

Exits with 1 if training or evaluation would fail. See docs/en/datasets.md.
"""

import sys

from mmlevelset.apis.command import make_parser, run
from mmlevelset.datasets.prepare.check import check_coco, check_voc


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument('dataset', choices=['voc', 'coco'])
    parser.add_argument('root', help='VOCdevkit/VOC2012, or the folder of train2014 and val2014')
    parser.add_argument('--jobs', type=int, default=0, help='processes (default: one per core)')
    args = parser.parse_args()
    report = (check_voc if args.dataset == 'voc' else check_coco)(args.root, args.jobs)
    print(report.summary())
    sys.exit(bool(report.errors))


if __name__ == '__main__':
    run(main)

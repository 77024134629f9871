"""Are the folders complete? ``python tools/dataset_converters/check.py voc data/VOCdevkit/VOC2012``.

Exits with 1 if training or evaluation would fail. See docs/en/datasets.md.
"""

import argparse
import sys

from mmlevelset.datasets.prepare.check import check_coco, check_voc


def main() -> None:
    parser = argparse.ArgumentParser(description='Check the folders of VOC 2012 or COCO 2014')
    parser.add_argument('dataset', choices=['voc', 'coco'])
    parser.add_argument('root', help='VOCdevkit/VOC2012, or the folder of train2014 and val2014')
    parser.add_argument('--jobs', type=int, default=0, help='processes (default: one per core)')
    args = parser.parse_args()
    report = (check_voc if args.dataset == 'voc' else check_coco)(args.root, args.jobs)
    print(report.summary())
    sys.exit(bool(report.errors))


if __name__ == '__main__':
    main()

"""VOC 2012 + SBD -> trainaug: ``python tools/dataset_converters/voc_aug.py data/VOCdevkit/VOC2012 benchmark_RELEASE``.

A run that was stopped goes on. See docs/en/datasets.md.
"""

from mmlevelset.apis.command import make_parser, run
from mmlevelset.datasets.prepare.labels import KEYS
from mmlevelset.datasets.prepare.voc_aug import convert_voc_aug


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument('voc', help='VOCdevkit/VOC2012')
    parser.add_argument('sbd', help='unpacked benchmark.tgz of SBD')
    parser.add_argument('--cls-labels', choices=KEYS, help='write cls_labels.npy with such keys')
    parser.add_argument('--jobs', type=int, default=0, help='processes (default: one per core)')
    args = parser.parse_args()
    convert_voc_aug(args.voc, args.sbd, args.cls_labels, args.jobs)


if __name__ == '__main__':
    run(main)

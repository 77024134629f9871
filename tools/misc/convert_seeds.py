"""Seeds of other projects <-> ours; nothing in their files is executed. See docs/en/seeds.md.

python tools/misc/convert_seeds.py import SEED_DIR OUT --method SEAM [--images DIR ...]
python tools/misc/convert_seeds.py export SEED_DIR OUT --format irn
"""

import argparse

from mmlevelset.apis import config_classes, export_seeds, import_seeds
from mmlevelset.apis.command import make_parser, run
from mmlevelset.apis.seeds import LAYOUTS
from mmlevelset.datasets import VOCImageLabelDataset
from mmlevelset.datasets.prepare.own_classes import CLASSES_HELP, all_classes, split_names
from mmlevelset.fileio.foreign_seeds import FORMATS
from mmlevelset.fileio.ids import read_split


def parse_args() -> argparse.Namespace:
    parser = make_parser(__doc__)
    direction = parser.add_subparsers(dest='direction', required=True)
    for name, text in (('import', '.npy of IRN, PSA, ... -> .npz'), ('export', '.npz -> .npy')):
        command = direction.add_parser(name, help=text)
        command.add_argument('seed_dir', help='folder of the seeds')
        command.add_argument('out', help='folder to write; a run that was stopped goes on')
        command.add_argument('--split', help='list of the images (default: all of the folder)')
    command.add_argument('--format', choices=FORMATS, required=True, help='psa: {class: map}')
    command = direction.choices['import']
    command.add_argument(
        '--format',
        choices=LAYOUTS,
        default='npy',
        help='npy: <id>.npy; labels: label maps <id>.png; maps: grey maps <id>_<class>.png',
    )
    command.add_argument('--method', required=True, help='what made the seeds, for meta.json')
    command.add_argument('--images', help='folder of the images: check the sizes of the seeds')
    command.add_argument(
        '--image-labels', help='Annotations, .json, .npz or .npy: check the classes of the seeds'
    )
    command.add_argument(
        '--maps', default='high_res', help='entry of the maps beside `keys` (default: high_res)'
    )
    names = command.add_mutually_exclusive_group()
    names.add_argument(
        '--classes', nargs='+', help=f'{CLASSES_HELP.partition(" (")[0]} (default: VOC)'
    )
    names.add_argument('--config', help='config whose test data set names the classes')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    ids = read_split(args.split) if args.split else None
    if args.direction == 'export':
        count = export_seeds(args.seed_dir, args.out, args.format, ids)
    else:
        classes = VOCImageLabelDataset.METAINFO['classes']
        if args.classes:
            classes = all_classes(split_names(args.classes), 'give other ones with --classes')
        elif args.config:
            classes = config_classes(args.config)
        count = import_seeds(
            args.seed_dir,
            args.out,
            classes,
            args.method,
            ids=ids,
            split=args.split,
            images=args.images,
            image_labels=args.image_labels,
            maps=args.maps,
            layout=args.format,
        )
    print(f'{count} seeds: {args.out}')


if __name__ == '__main__':
    run(main)

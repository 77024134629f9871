"""Evaluate a folder of seeds or of label maps."""

import argparse
from pathlib import Path

from mmlevelset.apis import config_classes
from mmlevelset.apis.command import make_parser
from mmlevelset.datasets.prepare.own_classes import split_names
from mmlevelset.evaluation import evaluate_labels, evaluate_seeds
from mmlevelset.evaluation.confusion import label_names
from mmlevelset.evaluation.thresholds import stated_rule
from mmlevelset.fileio.atomic import write_json
from mmlevelset.fileio.ids import read_split
from mmlevelset.fileio.meta import read_meta

EXAMPLE = 'work_dirs/mine/seeds --gt data/shapes/SegmentationClass --json seeds.json'


def class_names(args: argparse.Namespace) -> list[str]:
    """Class names from the command line, the config's test data set, or the folder's meta.json."""
    stated = read_meta(args.folder).get('classes')
    names = split_names(args.classes) or (config_classes(args.config) if args.config else stated)
    if not names:
        raise ValueError(
            f'{args.folder}/meta.json does not name the classes; give --classes or --config'
        )
    if stated and label_names(names) != label_names(stated):
        raise ValueError(
            f'got the classes {names}, but {args.folder}/meta.json says {stated}; leave '
            '--classes and --config out, or give those that the folder was made with'
        )
    return names


def print_numbers(title: str, numbers: dict[str, float]) -> None:
    """Print a title, and a line for each number."""
    print(title)
    for name, value in numbers.items():
        print(f'  {name:<28}{value:8.2f}')


def main() -> None:
    """Run the command that ``sys.argv`` gives."""
    parser = make_parser(__doc__, EXAMPLE)
    parser.add_argument('folder', help='folder of seed files (.npz) or of label maps (.png)')
    parser.add_argument('--gt', required=True, help='folder of ground-truth label maps (.png)')
    parser.add_argument('--split', help='list of the images to score (default: all of the folder)')
    names = parser.add_mutually_exclusive_group()
    names.add_argument(
        '--classes',
        nargs='+',
        help='class names, with commas or blanks between them, the background first '
        "(default: those of the folder's meta.json)",
    )
    names.add_argument('--config', help='config whose test data set names the classes')
    parser.add_argument(
        '--threshold',
        help="'otsu', a number in [0, 1), or the JSON of another evaluation; seeds only (default: of level "
        "sets what their meta.json states, 0.5 as a rule, otherwise 'otsu')",
    )
    parser.add_argument(
        '--unsure',
        choices=['ignore', 'background'],
        help='what label 255 of label maps is scored as (default: ignore); label maps only',
    )
    parser.add_argument(
        '--absent',
        choices=['nan', 'zero'],
        default='nan',
        help='classes that never occur: left out of the mean, or 0',
    )
    parser.add_argument(
        '--radii', nargs='+', type=float, default=[3], help='trimap radii in pixels'
    )
    parser.add_argument('--json', help='file for all numbers')
    args = parser.parse_args()

    folder = Path(args.folder)
    for path in (folder, Path(args.gt)):
        if not path.is_dir():
            raise FileNotFoundError(f'no folder {path}; check the path')
    seeds = any(folder.glob('*.npz'))
    if args.unsure if seeds else args.threshold:
        raise ValueError(
            f'{folder} holds {"seeds" if seeds else "label maps"}, which '
            f'{"--unsure" if seeds else "--threshold"} does not concern; leave it out'
        )
    options = dict(
        classes=class_names(args),
        ids=read_split(args.split) if args.split else None,
        absent=args.absent,
        radii=args.radii,
        facts=dict(split=args.split or 'all of the folder', folder=args.folder),
    )
    if seeds:
        result = evaluate_seeds(
            folder, args.gt, threshold=args.threshold or stated_rule(folder), **options
        )
        print(result.pop('table'))
        print('sweep (threshold: mIoU)')
        sweep = list(zip(result['sweep']['thresholds'], result['sweep']['mIoU'], strict=True))
        for row in range(0, len(sweep), 10):
            print(
                '  '
                + '  '.join(f'{value:.2f}: {miou:5.2f}' for value, miou in sweep[row : row + 10])
            )
        print_numbers(f'contours at t = {result["scores"]["threshold"]:g}', result['boundary'])
        print_numbers(
            f'contours at t = {result["scores"]["oracle_threshold"]:g} (oracle)',
            result['oracle_boundary'],
        )
    else:
        result = evaluate_labels(folder, args.gt, unsure=args.unsure or 'ignore', **options)
        print(f'Label maps of {result["images"]} images')
        for name, value in result['facts'].items():
            print(f'  {name}: {value}')
        print_numbers('regions', result['scores'])
        print_numbers('contours', result['boundary'])
        print_numbers('boundary F', result['boundary_f'])
    if args.json:
        write_json(args.json, result)
        print(f'numbers: {args.json}')

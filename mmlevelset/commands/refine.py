"""Refine seeds into soft maps and pseudo-labels.

A run that was stopped goes on where it was. ``--labels-only --threshold T`` makes the labels again
from the soft maps; of ``area`` the seeds must still be there.
"""

import argparse
import os
from pathlib import Path

from mmlevelset.apis.command import make_parser
from mmlevelset.apis.names import check_names
from mmlevelset.config import add_options, read_config
from mmlevelset.fileio.ids import read_split
from mmlevelset.fileio.meta import read_meta
from mmlevelset.fileio.output import check_finished
from mmlevelset.refine.folder import refine_folder, relabel_folder

EXAMPLE = 'refine/crf --seeds work_dirs/mine/seeds --out work_dirs/mine/crf --jobs 2'


def parse_args() -> argparse.Namespace:
    """Read the command line, and refuse options that exclude each other."""
    parser = make_parser(__doc__, EXAMPLE)
    parser.add_argument('config', help='configs/refine/*.py')
    parser.add_argument('--seeds', help='folder of seed files (.npz)')
    parser.add_argument('--out', required=True, help='gets soft/*.npz and labels/*.png')
    parser.add_argument(
        '--images', help='folder of the images (default: the one that the seeds were made from)'
    )
    parser.add_argument('--split', help='list of the images to refine (default: all seeds)')
    parser.add_argument('--jobs', type=int, default=1, help='processes, one thread each')
    parser.add_argument(
        '--threshold',
        type=_threshold,
        help="background score of the labels; 'otsu', found on the refined maps; or 'area', at which as much is "
        "foreground as in the seeds (default: the config's)",
    )
    parser.add_argument(
        '--labels-only', action='store_true', help='only make the labels again, from OUT/soft'
    )
    add_options(parser)
    args = parser.parse_args()
    if not args.labels_only and not args.seeds:
        parser.error('--seeds is missing: the folder of the seeds to refine')
    ignored = [f'--{key}' for key in ('seeds', 'images', 'split') if getattr(args, key)]
    if args.labels_only and ignored:
        parser.error(f'--labels-only reads OUT/soft alone; leave out {" and ".join(ignored)}')
    return args


def _threshold(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text  # a rule


def check_config(cfg: dict, path: str) -> None:
    """Raise a ValueError if the config is not one for this tool."""
    if not ('refiner' in cfg or 'refiners' in cfg):
        raise ValueError(
            f'{path} has no `refiner`; give one of configs/refine whose name is no network: '
            'a network is trained by tools/train.py'
        )


def image_folder(cfg: dict, args: argparse.Namespace) -> str:
    """Folder of the images: of the command, the config, or what the seeds say they were made from."""
    check_finished(args.seeds)
    folder = args.images or cfg.get('image_dir') or read_meta(args.seeds).get('image_dir')
    if not folder:
        raise ValueError(
            f'{args.seeds}: its meta.json does not say where the images are; name their folder with --images'
        )
    return folder


def main() -> None:
    """Run the command that ``sys.argv`` gives."""
    args = parse_args()
    os.environ.setdefault('OMP_NUM_THREADS', '1')  # of the processes of the pool
    config = read_config(args.config, args.cfg_options)
    cfg = config.to_dict()
    if not args.labels_only:
        check_config(cfg, args.config)
        check_names(config)
        images = image_folder(cfg, args)
    options = dict(
        threshold=cfg.get('threshold') if args.threshold is None else args.threshold,
        unsure_below=cfg.get('unsure_below'),
    )
    # `refiner`, or several in `refiners`: a folder of its own for each.
    refiners = cfg.get('refiners') or {'': cfg.get('refiner')}
    for name, refiner in refiners.items():
        out = Path(args.out) / name
        if args.labels_only:
            count = relabel_folder(out, **options)
        else:
            count = refine_folder(
                refiner,
                args.seeds,
                images,
                out,
                ids=read_split(args.split) if args.split else None,
                jobs=args.jobs,
                dtype=cfg.get('dtype', 'float16'),
                config=args.config,
                **options,
            )
        print(f'{count} images done; labels: {out}/labels')

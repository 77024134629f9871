"""Cut seeds into pseudo-labels.

No ground truth is used. A run that was stopped goes on where it was.
"""

from mmlevelset.apis.command import make_parser
from mmlevelset.evaluation.thresholds import stated_rule
from mmlevelset.fileio.ids import read_split
from mmlevelset.refine.threshold import make_pseudo_labels

EXAMPLE = 'work_dirs/mine/seeds work_dirs/mine/labels --threshold 0.5'


def main() -> None:
    """Run the command that ``sys.argv`` gives."""
    parser = make_parser(__doc__, EXAMPLE)
    parser.add_argument('seed_dir', help='folder of seed files (.npz)')
    parser.add_argument('out', help='folder for the label maps (.png) and meta.json')
    parser.add_argument(
        '--threshold',
        help="'otsu', a number in [0, 1), or the .json of an evaluation of seeds (default: of "
        "level sets what their meta.json states, 0.5 as a rule, otherwise 'otsu')",
    )
    parser.add_argument(
        '--ignore-band',
        nargs=2,
        type=float,
        metavar=('LOW', 'HIGH'),
        help='pixels whose highest score lies in (LOW, HIGH] become 255 and train nothing',
    )
    parser.add_argument('--split', help='list of the images to convert (default: all of SEED_DIR)')
    args = parser.parse_args()

    value = make_pseudo_labels(
        args.seed_dir,
        args.out,
        threshold=args.threshold or stated_rule(args.seed_dir),
        ignore_band=tuple(args.ignore_band) if args.ignore_band else None,
        ids=read_split(args.split) if args.split else None,
    )
    print(f'threshold {value:g}; labels: {args.out}')

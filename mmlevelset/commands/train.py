"""Train a model."""

from mmlevelset import compat
from mmlevelset.apis import add_arguments, load_config, train
from mmlevelset.apis.command import make_parser

EXAMPLE = 'seed/cam/efficientnet-lite0_levelset_shapes --work-dir work_dirs/mine'


def main() -> None:
    """Run the command that ``sys.argv`` gives."""
    parser = make_parser(__doc__, EXAMPLE)
    add_arguments(parser)
    parser.add_argument(
        '--resume', action='store_true', help='go on from the last checkpoint in the work folder'
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision; needs a GPU')
    args = parser.parse_args()

    cfg = load_config(args.config, args.work_dir, args.launcher, args.cfg_options)
    if args.amp:
        compat.enable_amp(cfg)
    train(cfg, args.resume)

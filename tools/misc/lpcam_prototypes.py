"""Make the prototypes of LPCAM from a trained classifier and its exported CAMs; reads no mask.

python tools/misc/lpcam_prototypes.py CONFIG CHECKPOINT SEED_DIR OUT.npz
"""

from mmlevelset.apis import load_config
from mmlevelset.apis.command import make_parser, run
from mmlevelset.apis.prototypes import make_prototypes
from mmlevelset.config import add_options
from mmlevelset.models.cam_methods.prototypes import PrototypeRule


def main() -> None:
    rule = PrototypeRule()
    parser = make_parser(__doc__)
    parser.add_argument('config', help='config; its test data set names the images')
    parser.add_argument('checkpoint', help='weights of the classifier')
    parser.add_argument('seed_dir', help='its plain CAMs, exported with tools/test.py')
    parser.add_argument('out', help='.npz file to write; a run that was stopped goes on')
    parser.add_argument(
        '--clusters', type=int, default=rule.clusters, help='per class, and per context'
    )
    parser.add_argument(
        '--select', type=float, default=rule.select, help='seed from which on a pixel is a class'
    )
    parser.add_argument(
        '--context-score',
        type=float,
        nargs=2,
        default=rule.context_score,
        metavar=('LOW', 'HIGH'),
        help='probabilities between which a cluster is context',
    )
    parser.add_argument('--random-seed', type=int, default=0, help='of the first centres')
    parser.add_argument('--device', default='cpu', help='where the network runs')
    add_options(parser)
    args = parser.parse_args()
    cfg = load_config(args.config, cfg_options=args.cfg_options)
    rule = PrototypeRule(
        clusters=args.clusters, select=args.select, context_score=tuple(args.context_score)
    )
    counts = make_prototypes(
        cfg, args.checkpoint, args.seed_dir, args.out, rule, args.random_seed, args.device
    )
    for name, (inside, context) in counts.items():
        print(f'{name:<16}{inside:4} of the class{context:4} of its context')
    print(args.out)


if __name__ == '__main__':
    run(main)

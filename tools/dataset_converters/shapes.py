"""Draw the Shapes data set: ``python tools/dataset_converters/shapes.py data/shapes``."""

from mmlevelset.apis.command import make_parser, run
from mmlevelset.datasets.shapes import write_shapes


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument('root', help='folder to write')
    parser.add_argument('--train', type=int, default=240, help='number of training images')
    parser.add_argument('--val', type=int, default=60, help='number of validation images')
    parser.add_argument('--size', type=int, default=160, help='height and width in pixels')
    parser.add_argument('--seed', type=int, default=0, help='seed of the drawing')
    args = parser.parse_args()
    root = write_shapes(args.root, args.train, args.val, args.size, args.seed)
    print(f'{root}: {args.train} train and {args.val} val images')


if __name__ == '__main__':
    run(main)

"""Write every so many-th image of a list, from the first on, as a list of its own.

python tools/misc/thin_split.py LIST OUT --every 4
"""

from pathlib import Path

from mmlevelset.apis.command import make_parser, run
from mmlevelset.datasets.prepare.labels import write_split
from mmlevelset.fileio.ids import read_split


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument('split', help='list of images')
    parser.add_argument('out', help='list to write')
    parser.add_argument('--every', type=int, required=True, help='1 takes all images')
    args = parser.parse_args()
    if args.every < 1:
        parser.error(f'--every must be at least 1, got {args.every}')
    if Path(args.split).resolve() == Path(args.out).resolve():
        parser.error(f'{args.out} would replace the list that it is made from; give another file')
    write_split(args.out, read_split(args.split)[:: args.every])


if __name__ == '__main__':
    run(main)

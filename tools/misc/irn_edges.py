"""Write the edges of images that a trained IRNet finds, for edge_dir of a training; reads no mask.

python tools/misc/irn_edges.py configs/refine/irn-walk_voc20.py --images DIR --split LIST.txt --out DIR \\
    --cfg-options refiner.checkpoint=IRNET.pth
"""

from mmlevelset.apis.command import make_parser, run
from mmlevelset.apis.edges import make_edges
from mmlevelset.config import add_options, read_config
from mmlevelset.fileio.ids import read_split


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument('config', help='configs/refine/irn-walk_*.py, which names the network')
    parser.add_argument('--images', required=True, help='folder of the images')
    parser.add_argument('--split', required=True, help='list of those that get edges')
    parser.add_argument('--out', required=True, help='gets <id>.png, grey; a stopped run goes on')
    add_options(parser)
    args = parser.parse_args()
    cfg = read_config(args.config, args.cfg_options)
    made = make_edges(
        cfg.to_dict().get('refiner', {}), args.images, read_split(args.split), args.out
    )
    print(f'edges of {made} images: {args.out}')


if __name__ == '__main__':
    run(main)

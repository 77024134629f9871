"""Draw all maps of a few images: ``python tools/analysis_tools/draw_stages.py CONFIG CHECKPOINT --ids ID …``."""

from mmlevelset.apis import add_arguments
from mmlevelset.apis.command import make_parser, run
from mmlevelset.apis.pictures import draw_images
from mmlevelset.config import read_config


def main() -> None:
    parser = make_parser(__doc__)
    add_arguments(parser, launcher=False)
    parser.add_argument('checkpoint', help='weights of a level-set config')
    parser.add_argument('--ids', nargs='+', required=True, help='image ids, a row each')
    parser.add_argument('--seeds', help='folder of seed files')
    parser.add_argument('--labels', help='folder of pseudo-labels')
    parser.add_argument('--out', default='stages.png', help='picture to write')
    args = parser.parse_args()
    cfg = read_config(args.config, args.cfg_options)
    print(draw_images(cfg, args.checkpoint, args.ids, args.out, args.seeds, args.labels))


if __name__ == '__main__':
    run(main)

"""Predictions as COCO's result JSON: ``python tools/format_coco_results.py LABEL_DIR FILE.json``.

``pycocotools.coco.COCO.loadRes`` reads it with the annotations of the same images.
"""

from mmlevelset.apis.command import make_parser, run
from mmlevelset.evaluation.submission import write_coco_results
from mmlevelset.fileio.ids import list_ids, read_split


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument('labels', help='folder of label maps (<id>.png), 0..80')
    parser.add_argument('json', help='file to write')
    parser.add_argument('--split', help='list of the images (default: all of the folder)')
    args = parser.parse_args()
    ids = list_ids(args.labels, '.png', read_split(args.split) if args.split else None)
    count = write_coco_results(args.labels, args.json, ids)
    print(f'{args.json}: {count} segments of {len(ids)} images')


if __name__ == '__main__':
    run(main)

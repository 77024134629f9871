r"""Pack predictions for the VOC 2012 test server: ``python tools/format_voc_test.py LABEL_DIR FILE.tgz``.

python tools/test.py CONFIG CHECKPOINT --tta --labels-only LABEL_DIR \
    --cfg-options test_dataloader.dataset.ann_file=ImageSets/Segmentation/test.txt
python tools/format_voc_test.py LABEL_DIR results.tgz
"""

from pathlib import Path

from mmlevelset.apis.command import make_parser, run
from mmlevelset.evaluation.submission import (
    COMPETITIONS,
    check_voc_archive,
    voc_folder,
    write_voc_archive,
)
from mmlevelset.fileio.ids import read_split


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument(
        'labels', help='folder of label maps (<id>.png), or, with --check, an archive'
    )
    parser.add_argument('archive', nargs='?', help='file to write, .tgz')
    parser.add_argument('--voc', default='data/VOCdevkit/VOC2012', help='folder of the data set')
    parser.add_argument('--image-set', choices=['test', 'val'], default='test')
    parser.add_argument(
        '--competition',
        choices=COMPETITIONS,
        default='comp6',
        help="comp5: trained on VOC's data only",
    )
    parser.add_argument('--check', action='store_true', help='only check an archive')
    args = parser.parse_args()
    if args.check == bool(args.archive):
        parser.error('give a folder and an archive, or --check and an archive')
    ids = read_split(Path(args.voc) / f'ImageSets/Segmentation/{args.image_set}.txt')
    options = ids, Path(args.voc) / 'JPEGImages', args.competition, args.image_set
    if args.check:
        check_voc_archive(args.labels, *options)
    else:
        write_voc_archive(args.labels, args.archive, *options)
    print(
        f'{args.archive or args.labels}: {len(ids)} label maps in '
        f'{voc_folder(args.competition, args.image_set)}, sizes and labels checked. The server asks '
        'for a description of the method of at least 500 characters.'
    )


if __name__ == '__main__':
    run(main)

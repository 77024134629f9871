"""Infer pictures: scores, level sets, contours and label maps.

A run that was stopped goes on where it was. Pictures that cannot be read are named at the end, when all
others are done.
"""

from collections.abc import Sequence
from pathlib import Path

from mmlevelset.apis.command import make_parser
from mmlevelset.apis.inferencer import LevelSetInferencer
from mmlevelset.apis.inputs import Class, NamedPicture, check_names, list_pictures
from mmlevelset.config import add_options, read_config, settings_hash
from mmlevelset.fileio.hashes import file_hash
from mmlevelset.fileio.ids import preview
from mmlevelset.fileio.meta import read_meta
from mmlevelset.fileio.output import resumed_folder

EXAMPLE = (
    'cam/efficientnet-lite0_levelset_shapes model.pth pictures/ --out-dir out --labels circle,star'
)


def main() -> None:
    """Run the command that ``sys.argv`` gives.

    Raises:
        ValueError: Pictures could not be read, or the arguments do not fit.
    """
    parser = make_parser(__doc__, EXAMPLE)
    parser.add_argument('config', help='config file or its name')
    parser.add_argument('checkpoint', help='checkpoint file or address')
    parser.add_argument('inputs', nargs='+', metavar='input', help='picture or folder of pictures')
    parser.add_argument('--out-dir', required=True, help='gets pred, vis, maps and contours')
    parser.add_argument(
        '--labels',
        nargs='+',
        metavar='CLASS',
        help='classes that all pictures show, with commas or blanks between them, after the pictures; default: '
        'the classifier finds them',
    )
    parser.add_argument('--tta', action='store_true', help='test-time augmentation')
    parser.add_argument('--presence', type=float, help='probability from which on a class is found')
    parser.add_argument('--batch-size', type=int, default=1, help='pictures of one size at a time')
    parser.add_argument('--device', help='cpu, cuda, … (default: the GPU if there is one)')
    parser.add_argument('--show', action='store_true', help='open every drawing')
    add_options(parser)
    args = parser.parse_args()

    pictures = list_pictures(args.inputs)
    check_names(pictures)
    cfg = read_config(args.config, args.cfg_options)
    inferencer = LevelSetInferencer(cfg, args.checkpoint, args.device, args.tta, args.presence)
    labels = None if args.labels is None else _classes(args.labels, inferencer.classes)
    meta = dict(
        kind='labels',
        method='LevelSetInferencer',
        classes=list(inferencer.classes),
        config=cfg.filename,
        config_hash=settings_hash(cfg),
        weights=args.checkpoint,
        weights_hash=file_hash(args.checkpoint) or args.checkpoint,  # of an address, itself
        image_labels=labels,
        tta=args.tta,
        presence=args.presence,
        pictures=_pictures(Path(args.out_dir) / 'pred', pictures),
    )
    settings = ('config_hash', 'weights_hash', 'image_labels', 'tta', 'presence')
    names = [picture.name for picture in pictures]
    with resumed_folder(Path(args.out_dir) / 'pred', '.png', names, meta, settings) as left:
        there = set(left)
        todo = [picture for picture in pictures if picture.name in there]
        failed: dict[str, str] = {}
        options = labels, args.batch_size, args.out_dir, args.show, failed
        for _ in inferencer.stream(todo, *options):
            pass
        if failed:  # the folder stays unfinished
            reasons = '\n  '.join(failed.values())
            raise ValueError(
                f'{len(failed)} of {len(names)} pictures cannot be read, the others are done; mend or '
                f'remove these, and give the command again:\n  {reasons}'
            )
    print(f'{len(names)} pictures done; drawings: {args.out_dir}/vis, labels: {args.out_dir}/pred')


def _pictures(folder: Path, pictures: Sequence[NamedPicture]) -> dict[str, str | None]:
    """Hashes of the pictures, and of those that the folder has been filled from.

    Raises:
        ValueError: The folder holds results of another picture of the same name.
    """
    found = {picture.name: _digest(str(picture.content)) for picture in pictures}
    there = read_meta(folder).get('pictures') or {}
    other = [
        name
        for name, digest in found.items()
        if (folder / f'{name}.png').is_file() and there.get(name, digest) != digest
    ]
    if other:
        raise ValueError(
            f'{folder} holds results of other pictures called {preview(other)}; give another --out-dir, '
            'or delete the files of these there'
        )
    return {**there, **found}


def _digest(path: str) -> str | None:
    try:
        return file_hash(path)
    except OSError:  # said when it is read
        return None


def _classes(typed: Sequence[str], known: Sequence[str]) -> list[Class]:
    """Names and indices of classes, one or several with commas between them in a word."""
    parts = [part.strip() for part in ','.join(typed).split(',')]
    parts = [part for part in parts if part] or ['']  # "cat, dog" has a comma at the end of a word
    return [int(part) if part.isdecimal() and part not in known else part for part in parts]

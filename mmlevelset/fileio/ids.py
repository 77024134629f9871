"""Image ids: their canonical form, lists of them, and those of a folder."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from .text import read_text

# Ends of image files, in small or capital letters; of two files of one name the first counts.
IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp', '.jp2')
_SUFFIX = re.compile('|'.join(map(re.escape, IMAGE_SUFFIXES)), re.IGNORECASE)


def image_id(token: str | int) -> str:
    """Canonical image id: the stem of a path, with VOC's underscore restored.

    Ids are written ``2007_000032``, ``/JPEGImages/2007_000032.jpg`` or, by projects that keep them
    as integers, ``2007000032``. Letters with accents have one form, whatever wrote them.

    Args:
        token (str | int): Id in any of these forms.

    Returns:
        str: Id, e.g. ``2007_000032``.
    """
    name = unicodedata.normalize('NFC', Path(str(token)).name)
    stem = name[: -len(Path(name).suffix)] if _SUFFIX.fullmatch(Path(name).suffix) else name
    return f'{stem[:4]}_{stem[4:]}' if re.fullmatch(r'(19|20)\d{8}', stem) else stem


def read_split(path: str | Path, same: Callable[[str], str] = str) -> list[str]:
    """Read a list of images: one id per line, or ``image mask`` pairs of paths (the image counts).

    A byte order mark, blank lines, Windows line ends and a missing last newline are accepted, and
    blanks inside a file name.

    Args:
        path (str | Path): Text file.
        same (Callable): What two ids of one image have in common, where there are several forms.

    Returns:
        list[str]: Canonical ids, in the file's order.

    Raises:
        FileNotFoundError: No such file.
        ValueError: The list is empty or no text, names an id twice, or pairs an image with another's
            mask.
    """
    if not Path(path).is_file():
        what = 'is a folder, expected' if Path(path).is_dir() else 'not found:'
        raise FileNotFoundError(
            f'{path}: {what} a split list, a text file with one image id per line. Check the path (in a '
            'config, `ann_file` and `data_root`).'
        )
    if Path(path).suffix.lower() in ('.json', '.xml', '.py'):
        raise ValueError(
            f'{path}: expected a split list, a text file with one image id per line; image-level labels are '
            'given as image_labels'
        )
    lines = enumerate(read_text(path).splitlines(), 1)
    ids = [
        _line_id(line.strip(), f'{path}, line {number}') for number, line in lines if line.strip()
    ]
    if not ids:
        raise ValueError(f'{path}: the list is empty; expected one image id per line.')
    repeated = [id_ for id_, count in Counter(map(same, ids)).items() if count > 1]
    if repeated:
        raise ValueError(f'{path}: {preview(repeated)} listed more than once; remove the repeats.')
    return ids


def _line_id(line: str, where: str) -> str:
    """The id of an image, or of a pair of an image and its mask."""
    tokens = line.split()
    for cut in range(1, len(tokens)):
        id_ = image_id(' '.join(tokens[:cut]))
        if id_ == image_id(' '.join(tokens[cut:])):
            return id_
    # One name with blanks has a suffix at its end only, and its folders come first.
    pair = any(_SUFFIX.search(Path(token).suffix) for token in tokens[:-1])
    if pair or sum('/' in token for token in tokens) > 1:
        raise ValueError(
            f'{where}: {line!r} names different images; expected one id, or an image and its own '
            'mask. A file name with blanks must stand alone in its line, without folders.'
        )
    return image_id(line)


def preview(ids: Sequence[str], most: int = 5) -> str:
    """Say how many ids there are and name the first few."""
    return f'{len(ids)} id(s) ({", ".join(ids[:most])}{", ..." if len(ids) > most else ""})'


def list_ids(folder: str | Path, suffix: str, ids: Sequence[str] | None = None) -> list[str]:
    """Images of a folder; ``ids`` names those that must be there, in any form of :func:`image_id`.

    Raises:
        FileNotFoundError: if the folder is empty or one of ``ids`` is missing.
    """
    folder = Path(folder)
    found = sorted(path.stem for path in folder.glob(f'*{suffix}') if not path.name.startswith('.'))
    if not found:
        others = sorted({path.suffix for path in folder.glob('*.*')} - {'', suffix})
        there = f', but {", ".join(others[:3])}' if others else ''
        raise FileNotFoundError(
            f'{folder} holds no {suffix} files{there}; check the path: seeds and soft maps are .npz, label '
            'maps .png'
        )
    if ids is None:
        return found
    stems = {image_id(stem): stem for stem in found}
    missing = sorted(id_ for id_ in set(ids) if image_id(id_) not in stems)
    if missing:
        raise FileNotFoundError(
            f'{folder} lacks {len(missing)} of {len(ids)} {suffix} files, the first is '
            f'{missing[0]}; finish the export, or give the list it was made for'
        )
    return [stems[image_id(id_)] for id_ in ids]

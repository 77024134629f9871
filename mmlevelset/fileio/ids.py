"""Image ids: their canonical form, lists of them, and those of a folder."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path


def image_id(token: str | int) -> str:
    """Canonical image id: the stem of a path, with VOC's underscore restored.

    Ids are written ``2007_000032``, ``/JPEGImages/2007_000032.jpg`` or, by projects that keep them
    as integers, ``2007000032``.

    Args:
        token (str | int): Id in any of these forms.

    Returns:
        str: Id, e.g. ``2007_000032``.
    """
    stem = re.sub(r'\.(jpg|jpeg|png)$', '', Path(str(token)).name, flags=re.IGNORECASE)
    return f'{stem[:4]}_{stem[4:]}' if re.fullmatch(r'(19|20)\d{8}', stem) else stem


def read_split(path: str | Path, same: Callable[[str], str] = str) -> list[str]:
    """Read a list of images: one id per line, or ``image mask`` pairs of paths (the image counts).

    A byte order mark, blank lines, Windows line ends and a missing last newline are accepted.

    Args:
        path (str | Path): Text file.
        same (Callable): What two ids of one image have in common, where there are several forms.

    Returns:
        list[str]: Canonical ids, in the file's order.

    Raises:
        FileNotFoundError: No such file.
        ValueError: The list is empty, names an id twice, or pairs an image with another's mask.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path}: split list not found. Check `ann_file` and `data_root`.')
    ids = []
    for number, line in enumerate(Path(path).read_text('utf-8-sig').splitlines(), 1):
        tokens = [image_id(token) for token in line.split()]
        if len(set(tokens)) > 1:
            raise ValueError(
                f'{path}, line {number}: {line.strip()!r} names different images; '
                'expected one id, or an image and its own mask.'
            )
        ids += tokens[:1]
    if not ids:
        raise ValueError(f'{path}: the list is empty; expected one image id per line.')
    repeated = [id_ for id_, count in Counter(map(same, ids)).items() if count > 1]
    if repeated:
        raise ValueError(f'{path}: {preview(repeated)} listed more than once; remove the repeats.')
    return ids


def preview(ids: Sequence[str], most: int = 5) -> str:
    """Say how many ids there are and name the first few."""
    return f'{len(ids)} id(s) ({", ".join(ids[:most])}{", ..." if len(ids) > most else ""})'


def list_ids(folder: str | Path, suffix: str, ids: Sequence[str] | None = None) -> list[str]:
    """Images of a folder; ``ids`` names those that must be there.

    Raises:
        FileNotFoundError: if the folder is empty or one of ``ids`` is missing.
    """
    folder = Path(folder)
    found = sorted(path.stem for path in folder.glob(f'*{suffix}') if not path.name.startswith('.'))
    if not found:
        raise FileNotFoundError(f'{folder} holds no {suffix} files; check the path')
    if ids is None:
        return found
    missing = sorted(set(ids) - set(found))
    if missing:
        raise FileNotFoundError(
            f'{folder} lacks {len(missing)} of {len(ids)} {suffix} files, the first is '
            f'{missing[0]}; finish the export, or give the list it was made for'
        )
    return list(ids)

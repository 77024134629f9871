"""The classes of a user's own data: one rule for whoever types them, and for files that state them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmlevelset.fileio.text import read_json

BACKGROUND = 'background'
LABELS = ('image_labels.json', 'Annotations', 'cls_labels.npz', 'cls_labels.npy')
# What the commands say of --classes.
CLASSES_HELP = (
    'foreground classes, with commas or blanks between them; background may come first, and need not '
    '(default: those of image_labels.json)'
)


def own_classes(root: str | Path, typed: Sequence[str] | None = None) -> list[str]:
    """Names of the labels of a user's folder.

    Args:
        root: The folder, ``data_root`` of a config.
        typed: Names, or several with commas between them, with or without the background; default:
            those that ``image_labels.json`` states.

    Returns:
        list[str]: C + 1 names, background first.

    Raises:
        ValueError: The names are not known, not unique, or the file is none.
    """
    path = Path(root) / LABELS[0]
    names, source = split_names(typed) or _stated(path), label_source(root)
    if not names and source is None:
        raise ValueError(
            f'{root}: no image-level labels, expected one of {", ".join(LABELS)}, and the names of the classes in '
            f'{LABELS[0]} or with --classes'
        )
    if not names:
        raise ValueError(
            f'{source} states no classes, give their names with --classes; or let {path} hold '
            f'{{"classes": ["{BACKGROUND}", …], "labels": …}}'
        )
    return all_classes(names, f'give them with --classes, or in {path}')


def all_classes(names: Sequence[str], cure: str) -> list[str]:
    """Names of all labels, of those of the foreground, which the background's may precede.

    Args:
        names: One at least.
        cure: Where to give them, for the error.

    Returns:
        list[str]: C + 1 names, background first.

    Raises:
        ValueError: A name comes twice, or has a comma, which parts names on a command line.
    """
    foreground = list(names[1:] if names[0] == BACKGROUND else names)
    if not foreground or len({*foreground, BACKGROUND}) <= len(foreground):
        raise ValueError(
            f'got the classes {list(names)}, expected one or more different names, and {BACKGROUND!r} nowhere '
            f'but at the beginning; {cure}'
        )
    if commas := [name for name in foreground if ',' in name]:
        raise ValueError(
            f'got the classes {commas}, expected names without a comma, which parts them; {cure}'
        )
    return [BACKGROUND, *foreground]


def split_names(typed: Sequence[str] | None) -> list[str]:
    """Names that were typed, several of them with commas between."""
    return [name.strip() for word in typed or () for name in word.split(',') if name.strip()]


def label_source(root: str | Path) -> Path | None:
    """The image-level labels of a user's folder; None where it has none."""
    return next((Path(root) / name for name in LABELS if (Path(root) / name).exists()), None)


def _stated(path: Path) -> list[str]:
    """Names that a label file states; none where it is missing or states none.

    Raises:
        ValueError: It is no JSON file, or states something else. Its numbers count from the background,
            so that has to be there.
    """
    content = read_json(path) if path.is_file() else {}
    if not isinstance(content, dict) or content.get('classes') is None:
        return []
    stated: Any = content['classes']
    if (
        not isinstance(stated, list)
        or stated[:1] != [BACKGROUND]
        or not all(isinstance(name, str) and name for name in stated)
    ):
        raise ValueError(
            f'{path}: "classes" is {stated!r}, expected a list of names that begins with "{BACKGROUND}", '
            'which label 0 is'
        )
    return stated

"""Pictures that a user hands over: files, folders, arrays and Pillow's images, with their classes."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from mmlevelset.datasets.image_labels import one_hot
from mmlevelset.fileio.ids import IMAGE_SUFFIXES
from mmlevelset.fileio.images import check_depth, read_image, upright_colours
from mmlevelset.fileio.named import named
from mmlevelset.refine.base import rgb_image

Picture = str | Path | np.ndarray | Image.Image
Class = str | int
Labels = Class | Sequence[Class] | Sequence[Sequence[Class]]
CLASS = str | int | np.integer  # the same, for isinstance


class NamedPicture(NamedTuple):
    """A picture and the name of what is made of it."""

    name: str
    content: Picture

    def read(self) -> np.ndarray:
        """The colours, (H, W, 3) uint8, BGR.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is damaged or no picture, or an array is none.
        """
        if isinstance(self.content, np.ndarray):
            with named(self.name):
                return rgb_image(self.content)
        if isinstance(self.content, Image.Image):
            check_depth(self.content, self.name)
            rgb = upright_colours(self.content)
        else:
            rgb = read_image(self.content)
        return np.ascontiguousarray(rgb[..., ::-1])


def list_pictures(inputs: Picture | Sequence[Picture]) -> list[NamedPicture]:
    """List the pictures of a call, and give each a name.

    Args:
        inputs: A file, a folder (its pictures by name, not those of its folders), an array
            (H, W, 3) BGR or (H, W) grey with values 0..255, an image of Pillow, or a list of these.

    Returns:
        list[NamedPicture]: the name is that of the file without suffix, or ``picture_<n>``.

    Raises:
        FileNotFoundError: A file or folder does not exist, or a folder holds no picture.
        ValueError: An entry is none of these.
    """
    entries = inputs if isinstance(inputs, list | tuple) else [inputs]
    return [picture for number, entry in enumerate(entries) for picture in _pictures(entry, number)]


def _pictures(entry: object, number: int) -> Iterator[NamedPicture]:
    if isinstance(entry, np.ndarray | Image.Image):
        yield NamedPicture(f'picture_{number}', entry)
        return
    if not isinstance(entry, str | Path):
        raise ValueError(
            f'picture {number} is a {type(entry).__name__}, expected a file, a folder, an array '
            '(H, W, 3) BGR, or an image of Pillow'
        )
    path = Path(entry).expanduser()
    if not path.is_dir():
        if not path.is_file():
            raise FileNotFoundError(f'no picture or folder {str(entry)!r}; check the path')
        yield NamedPicture(path.stem, path)
        return
    files = [
        file
        for file in sorted(path.iterdir())
        if file.suffix.lower() in IMAGE_SUFFIXES and file.name[0] != '.' and file.is_file()
    ]
    if not files:
        raise FileNotFoundError(
            f'{path} holds no pictures (looked for {", ".join(IMAGE_SUFFIXES)})'
        )
    yield from (NamedPicture(file.stem, file) for file in files)


def check_names(pictures: Sequence[NamedPicture]) -> None:
    """Refuse pictures that would be written to the same files.

    Raises:
        ValueError: Names those that several have.
    """
    counts = Counter(picture.name for picture in pictures)
    double = [name for name, count in counts.items() if count > 1]
    if double:
        same = [picture.content for picture in pictures if picture.name == double[0]]
        files = ', '.join(str(one) for one in same if not isinstance(one, np.ndarray))
        raise ValueError(
            f'several pictures are called {double[0]}{f" ({files})" if files else ""}, and would be written to '
            f'the same files; such names: {len(double)}. Rename them, or give each its own out_dir'
        )


def label_vectors(labels: Labels, number: int, classes: Sequence[str]) -> list[np.ndarray]:
    """Image-level labels, as a user writes them, as vectors.

    Args:
        labels: Names, or indices 1..C as in label maps, of the classes that the pictures show; one
            list for all of them, or a list of such lists, one for each.
        number: Of pictures.
        classes: C + 1 names, background first.

    Returns:
        list[np.ndarray]: (C,) float32 of 0 and 1 for every picture.

    Raises:
        ValueError: A class is unknown, or the lists are not as many as the pictures.
    """
    rows = _entries(labels, 'labels')
    if rows and all(isinstance(entry, CLASS) for entry in rows):
        rows = [rows] * number
    if len(rows) != number:
        raise ValueError(
            f'got the classes of {len(rows)} pictures, expected those of {number}: one list for each, '
            "labels=[['cat'], ['cat', 'dog']], or one for all, labels=['cat']"
        )
    index: dict[Any, int] = {name: i for i, name in enumerate(classes)}
    vectors = []
    for picture, row in enumerate(rows):
        where = f'labels of picture {picture}'
        row = _entries(row, where)
        unknown = [
            entry
            for entry in row
            if not isinstance(entry, CLASS) or isinstance(entry, str) and not index.get(entry)
        ]
        if unknown:
            raise ValueError(
                f'{where}: {unknown} are no classes of this model; expected some of '
                f'{list(classes[1:])}, or their indices from 1'
            )
        vectors.append(one_hot((index.get(entry, entry) for entry in row), classes, where))
    return vectors


def _entries(given: Any, where: str) -> list[Any]:
    """What a list holds; one class is a list of one."""
    if isinstance(given, CLASS):
        return [given]
    if not isinstance(given, Sequence | np.ndarray | set | frozenset):
        raise ValueError(
            f"{where}: got {given!r}, expected names or indices of classes, as 'cat', 2 or ['cat', 2]"
        )
    return list(given)

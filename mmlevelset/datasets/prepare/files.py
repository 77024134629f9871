"""What can be told of images and masks without decoding them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from mmlevelset.fileio.images import image_size, read_image
from mmlevelset.fileio.labels import MODES, read_label

# The end marker of a JPEG may be followed by some bytes that cameras add.
TAIL = 4096


class Pair(NamedTuple):
    """An image and its mask.

    Attributes:
        image: JPEG file, None where only the mask is looked at.
        mask: Its PNG, None where it has none.
        decode: Read the labels of the mask as well.
    """

    image: Path | None
    mask: Path | None = None
    decode: bool = False


class Finding(NamedTuple):
    """What :func:`inspect` saw.

    Attributes:
        problems: ``(kind, detail)``; the kind is the same text for every such file.
        labels: Values in the mask, ascending, (K,) uint8; empty if it was not decoded.
        grey: The image has one channel.
    """

    problems: list[tuple[str, str]]
    labels: np.ndarray
    grey: bool


def inspect(pair: Pair) -> Finding:
    """Look at the headers and the ends of an image and its mask.

    A file that lacks its end marker is decoded before it is called damaged.
    """
    problems: list[tuple[str, str]] = []
    sizes, grey, labels = [], False, np.zeros(0, np.uint8)
    for path in filter(None, (pair.image, pair.mask)):
        try:
            sizes.append(image_size(path))
            with Image.open(path) as image:
                mode = image.mode
            whole = _complete(path)
            if path is pair.image:
                grey = mode == 'L'
                if not whole or mode not in ('RGB', 'L'):
                    read_image(path)
            elif mode not in MODES:
                problems.append(('masks in colours, expected label indices', f'{path}: {mode}'))
            elif pair.decode or not whole:
                labels = np.unique(read_label(path))
        except ValueError as error:
            problems.append(('damaged or unusable files; copy them again', str(error)))
    if len(sizes) == 2 and sizes[0] != sizes[1]:
        detail = f'{pair.mask}: {sizes[1]}, its image {sizes[0]}'
        problems.append(('masks of another size (H, W) than the image', detail))
    return Finding(problems, labels, grey)


def _complete(path: Path) -> bool:
    """The end marker of JPEG or PNG is where it should be."""
    with open(path, 'rb') as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        tail = file.read()
    return b'\xff\xd9' in tail or tail[-8:-4] == b'IEND'

"""Label maps on disk: ``<folder>/<id>.png``, 0 background, 1..C classes, 255 void."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from .atomic import atomic_path


def voc_palette(num_colours: int = 256) -> np.ndarray:
    """Colour map of PASCAL VOC: the bits of the index, three at a time, fill R, G and B from the
    top bit down.

    Returns:
        np.ndarray: colours, (num_colours, 3) uint8 RGB; index 255 is VOC's cream of the void
        pixels.
    """
    index = np.arange(num_colours)
    palette = np.zeros((num_colours, 3), dtype=np.uint8)
    for bit in range(8):
        for channel in range(3):
            palette[:, channel] |= (((index >> (3 * bit + channel)) & 1) << (7 - bit)).astype(
                np.uint8
            )
    return palette


def write_label(
    path: str | Path, label: np.ndarray, palette: Sequence[Sequence[int]] | None = None
) -> None:
    """Write a label map as 8-bit palette PNG.

    Args:
        path: ``<folder>/<id>.png``.
        label (np.ndarray): labels, (H, W) integers in 0..255.
        palette: RGB colours of the first labels; VOC's colours fill the rest.

    Raises:
        ValueError: if ``label`` is not a map of integers in 0..255.
    """
    label = np.asarray(label)
    if (
        label.ndim != 2
        or label.dtype.kind not in 'iu'
        or (label.size and (label.min() < 0 or label.max() > 255))
    ):
        raise ValueError(
            f'{path}: a label map is (H, W) integers in 0..255, got '
            f'{label.dtype} of shape {label.shape}'
        )
    colours = voc_palette()
    if palette is not None:
        colours[: len(palette)] = palette
    image = Image.fromarray(label.astype(np.uint8))
    image.putpalette(colours.ravel().tolist())  # turns the grey image into a palette image
    with atomic_path(path) as temporary:
        image.save(temporary, format='PNG')


def read_label(path: str | Path) -> np.ndarray:
    """Read a label map from a palette or grey PNG.

    Returns:
        np.ndarray: labels, (H, W) uint8.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged or holds colours instead of labels.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'no label map {path}; check the folder and the list of images')
    try:
        with Image.open(path) as image:
            mode, label = image.mode, np.array(image)
    except (OSError, SyntaxError) as error:
        raise ValueError(f'{path} is damaged or not an image ({error})') from error
    if mode not in ('P', 'L'):
        raise ValueError(
            f'{path}: expected an 8-bit palette or grey PNG of labels, got an image of mode {mode}'
        )
    return label

"""Label maps on disk: ``<folder>/<id>.png``, 0 background, 1..C classes, 255 void."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from .atomic import atomic_path
from .images import check_sums, opened

VOID = 255
LOSSLESS = ('PNG', 'BMP', 'GIF', 'TIFF')
MODES = ('P', 'L', '1', 'I', 'I;16', 'I;16B')  # one number per pixel
STEPS = {'L;2': 85, 'L;4': 17}  # Pillow spreads grey of 2 and 4 bits over 0..255


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


def read_label(path: str | Path, num_labels: int | None = None) -> np.ndarray:
    """Read a label map; see :func:`decode_label`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, holds colours instead of labels, or unknown labels.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'no label map {path}; check the folder and the list of images')
    return decode_label(path.read_bytes(), path, num_labels)


def decode_label(data: bytes, path: str | Path, num_labels: int | None = None) -> np.ndarray:
    """Decode a label map: the numbers that a palette or grey image stores, whatever its depth.

    Args:
        data: Content of the file.
        path: Its name, for the errors.
        num_labels: Number of labels, background included; others than these and 255 are refused.

    Returns:
        np.ndarray: labels, (H, W) uint8.

    Raises:
        ValueError: if the file is damaged, lossy, holds colours instead of labels, or unknown labels.
    """
    with opened(io.BytesIO(data), path, 'a mask') as image:
        # TIFF names its compression, which may be JPEG's.
        if image.format not in LOSSLESS or 'jpeg' in str(image.info.get('compression')):
            raise ValueError(
                f'{path}: a mask with lossy compression ({image.format}), which changes labels; expected a '
                'PNG. Write the labels again, they cannot be restored.'
            )
        if image.mode not in MODES:
            raise ValueError(
                f'{path}: got a colour image, or one with an alpha channel (mode {image.mode}), expected '
                'a palette or grey PNG of label indices. Convert the colours to indices.'
            )
        check_sums(image, data)
        raw = image.tile[0][3] if image.tile else image.mode  # or a tuple that begins with it
        step = STEPS.get(raw if isinstance(raw, str) else (raw or [''])[0], 1)
        label = np.array(ImageOps.exif_transpose(image)).astype(np.int64) // step
    most = 256 if num_labels is None else num_labels
    wrong = np.unique(label[((label >= most) | (label < 0)) & (label != VOID)])
    if len(wrong):
        raise ValueError(
            f'{path}: holds the labels {wrong[:5].tolist()}, expected 0..{most - 1} and {VOID} (void). '
            'Give the full list of classes, or number the labels of the mask anew.'
        )
    return label.astype(np.uint8)

"""The one reader of images, for training, test, refinement, evaluation, pictures and checks."""

import io
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from mmengine.logging import print_log
from PIL import Image, ImageFile, ImageOps

from .ids import IMAGE_SUFFIXES, image_id, preview

# What is decoded, whatever the name says. Pillow knows others: one of them, EPS, is a program.
FORMATS = ('JPEG', 'PNG', 'BMP', 'TIFF', 'WEBP', 'GIF', 'PPM', 'JPEG2000')
# The ground that mmcv lays under transparent grey images: ImageNet's mean colour, RGB.
GROUND = (124, 117, 104)
# The first eight of VOC's palette for labels; the first seven are those of Windows as well.
MAP_COLOURS = [128 * bit for k in range(8) for bit in (k & 1, k >> 1 & 1, k >> 2)]
ORIENTATION, SIDEWAYS = 0x0112, (5, 6, 7, 8)  # EXIF: the tag, and the values that swap the sides


def find_images(
    folder: str | Path,
    ids: Sequence[str],
    suffixes: Sequence[str] = IMAGE_SUFFIXES,
    same: Callable[[str], str] = image_id,
) -> dict[str, Path]:
    """Find the files of images in a folder, which is listed once.

    Args:
        folder: Folder of the files.
        ids: Images that must be there.
        suffixes: Ends of the file names, in small or capital letters; the first one that an image
            has is taken.
        same: What an id and the name of a file, without suffix, have in common.

    Returns:
        dict[str, Path]: id -> file.

    Raises:
        FileNotFoundError: There is no such folder, or a file is missing.
        ValueError: Two files differ in nothing but the case of their suffix.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f'{folder}: folder not found; check its path')
    found: dict[str, tuple[int, str]] = {}
    for name in sorted(os.listdir(folder)):
        for rank, suffix in enumerate(suffixes):
            if name.lower().endswith(suffix.lower()):
                key = same(name[: -len(suffix)])
                before = found.get(key)
                if before and before[0] == rank:
                    raise ValueError(
                        f'{folder}: {before[1]} and {name} are the same image; remove one'
                    )
                if before:
                    print_log(
                        f'{folder}: {before[1]} and {name} are one image by their names: '
                        f'{min(before, (rank, name))[1]} is taken; remove the other',
                        logger='current',
                        level=logging.WARNING,
                    )
                found[key] = min(before or (rank, name), (rank, name))
                break
    missing = [id_ for id_ in ids if same(id_) not in found]
    if missing:
        raise FileNotFoundError(
            f'{folder} lacks the files of {preview(missing)} of {len(ids)} (looked for '
            f'{", ".join(suffixes)}). Complete the folder, or shorten the list.'
        )
    return {id_: folder / found[same(id_)][1] for id_ in ids}


def read_image(path: str | Path) -> np.ndarray:
    """Read an image file; see :func:`decode_image`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, or not an image of 8 bits per channel.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path}: no such image; check the folder and the list of images')
    return decode_image(Path(path).read_bytes(), path)


def decode_image(data: bytes, path: str | Path) -> np.ndarray:
    """Decode an image as a viewer shows it.

    It is turned upright (EXIF), grey and palette images get three channels, and what is transparent
    shows :data:`GROUND`.

    Args:
        data: Content of the file.
        path: Its name, for the errors.

    Returns:
        np.ndarray: colours, (H, W, 3) uint8, RGB.

    Raises:
        ValueError: The file is damaged, a label map, or holds several pictures, or numbers beyond 8
            bits, of which only their owner knows what is black and what is white.
    """
    with opened(io.BytesIO(data), path, 'an image') as image:
        check_depth(image, path)
        if image.mode == 'P' and (image.getpalette() or [])[: len(MAP_COLOURS)] == MAP_COLOURS:
            raise ValueError(
                f"{path}: a label map (its palette is VOC's), expected an image; give the folder of the "
                'images, as JPEGImages'
            )
        check_sums(image, data)
        return upright_colours(image)


def upright_colours(image: Image.Image) -> np.ndarray:
    """Colours of an opened picture, as :func:`decode_image` gives them: (H, W, 3) uint8, RGB."""
    upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data:
        colours = upright.convert('RGBA')
        upright = Image.new('RGB', colours.size, GROUND)
        upright.paste(colours, mask=colours.getchannel('A'))
    return np.array(upright.convert('RGB'))


def image_size(path: str | Path) -> tuple[int, int]:
    """(H, W) of an upright image, in pixels, from its header.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no image.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path}: no such image; check the folder and the list of images')
    with open(path, 'rb') as file, opened(file, path, 'an image') as image:
        if image.format == 'TIFF':
            image.load()  # which turns it
        width, height = image.size
        sideways = image.getexif().get(ORIENTATION) in SIDEWAYS
        return (width, height) if sideways else (height, width)


@contextmanager
def opened(file: IO[bytes], path: str | Path, what: str) -> Iterator[ImageFile.ImageFile]:
    """Open a picture; whatever goes wrong until the block ends names the file.

    Args:
        file: Its content.
        path: Its name, for the errors.
        what: What it should be, for the errors: ``'an image'`` or ``'a mask'``.

    Raises:
        ValueError: It cannot be decoded, is too large, or holds several pictures.
    """
    try:
        with Image.open(file, formats=FORMATS) as image:
            # A camera's JPEG may carry a preview beside the picture (MPO).
            frames = getattr(image, 'n_frames', 1)
            if frames > 1 and image.format != 'MPO':
                raise ValueError(
                    f'{path}: holds {frames} pictures, expected one. Save the one you mean.'
                )
            yield image
    except Image.DecompressionBombError as error:
        raise ValueError(
            f'{path}: is too large to be decoded safely ({error}). Cut it into tiles or scale it down.'
        ) from error
    except Exception as error:  # decoders raise whatever a damaged file leads to
        if isinstance(error, ValueError) and str(error).startswith(f'{path}: '):
            raise
        raise ValueError(
            f'{path}: cannot be read as {what} ({error}). Copy or download the file again.'
        ) from error


def check_depth(image: Image.Image, path: str | Path) -> None:
    """Refuse a grey picture whose numbers go beyond 8 bits.

    Raises:
        ValueError: Only the owner of the picture knows which of its numbers are black and white.
    """
    if image.mode[0] in 'IF':
        raise ValueError(
            f'{path}: a grey image of more than 8 bits (Pillow mode {image.mode}); which values '
            'are black and white is not known. Save it with 8 bits.'
        )


def check_sums(image: Image.Image, data: bytes) -> None:
    """Compare the check sums of a PNG with its content, which Pillow's decoder does not.

    Raises:
        SyntaxError: They differ; as of Pillow's ``verify``, after which a picture cannot be decoded.
    """
    if image.format == 'PNG':
        with Image.open(io.BytesIO(data), formats=['PNG']) as copy:
            copy.verify()

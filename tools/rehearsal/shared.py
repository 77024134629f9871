"""Synthetic data sets of the shape of VOC 2012 + SBD and COCO 2014: what both share.

File layout, file counts, image sizes and class frequencies are those of the real data; the content
is noise and blobs. Everything is a function of the seed, and files that exist are kept.
"""

import os
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.parallel import parallel

DISTINCT = 256  # different JPEGs; the other names are hard links to them
GREY_EVERY = 128  # one grey image in so many


def scaled(counts: Sequence[int] | np.ndarray, scale: float, images: int) -> np.ndarray:
    """Images per class of a smaller data set: at least one each, and enough for all images.

    Args:
        counts: Of the real data set, (C,).
        scale: Share of its images.
        images: Images that must have a class.

    Returns:
        np.ndarray: (C,) int64.
    """
    small = np.maximum(1, np.rint(np.asarray(counts) * scale)).astype(np.int64).clip(max=images)
    for label in np.argsort(-small, kind='stable'):
        short = images - small.sum()
        if short <= 0:
            break
        small[label] = min(images, small[label] + short)
    return small


def deal(
    counts: Sequence[int] | np.ndarray, images: int, rng: np.random.Generator
) -> list[list[int]]:
    """Give every image at least one class so that the images per class are exact.

    Args:
        counts: Images of each class, (C,), at most ``images`` each and at least ``images`` in sum.
        images: Number of images.
        rng: Source of the randomness.

    Returns:
        list[list[int]]: Classes, 1-based and ascending, of each image.
    """
    tokens = rng.permutation(np.repeat(np.arange(1, len(counts) + 1), counts))
    sets = [{int(token)} for token in tokens[:images]]
    for token in map(int, tokens[images:]):
        free = int(rng.integers(images))
        while token in sets[free]:
            free = (free + 1) % images
        sets[free].add(token)
    return [sorted(classes) for classes in sets]


def blob(rng: np.random.Generator, size: tuple[int, int], vertices: int, area: float) -> np.ndarray:
    """A closed wavy polygon inside the image.

    Args:
        rng: Source of the randomness.
        size: (H, W) of the image, in pixels.
        vertices: Number of corners.
        area: Its rough share of the image, in (0, 1).

    Returns:
        np.ndarray: corners (x, y), in pixels, (vertices, 2) float64 with two decimals.
    """
    height, width = size
    radius = np.sqrt(area * height * width / np.pi) * rng.uniform(0.7, 1.4, 2)
    centre = rng.uniform(0, 1, 2) * (width, height)
    angle = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    wave = 1 + 0.25 * np.sin(rng.integers(2, 6) * angle + rng.uniform(0, 6))
    points = centre + radius * np.stack([np.cos(angle), np.sin(angle)], 1) * wave[:, None]
    return points.clip(0, (width - 1, height - 1)).round(2)


def resized(sizes: Sequence[tuple[int, int, float]], sides: float) -> list[tuple[int, int, float]]:
    """Sizes (H, W, share) of a data set with its sides in pixels multiplied by ``sides``."""
    return [(round(height * sides), round(width * sides), share) for height, width, share in sizes]


def image_size(index: int, sizes: Sequence[tuple[int, int, float]], seed: int) -> tuple[int, int]:
    """(H, W) of an image: that of the JPEG it is a link to.

    Args:
        index: Number of the image.
        sizes: (H, W, share), the sizes of the data set.
        seed: Of the data set.
    """
    shares = np.array([share for *_, share in sizes])
    rng = np.random.default_rng((seed, index % DISTINCT))
    height, width, _ = sizes[rng.choice(len(sizes), p=shares / shares.sum())]
    return int(height), int(width)


def write_images(
    folder: Path,
    names: Sequence[str],
    pool: Path,
    sizes: Sequence[tuple[int, int, float]],
    seed: int,
    jobs: int,
    first: int = 0,
) -> None:
    """Write the JPEGs ``names``: up to :data:`DISTINCT` files in ``pool`` and links to them.

    Args:
        folder: Where the names go.
        names: File names; the n-th is image ``first + n``.
        pool: Folder of the distinct files.
        sizes: (H, W, share) of the data set.
        seed: Of the data set.
        jobs: Processes.
        first: Number of the first image.
    """
    folder.mkdir(parents=True, exist_ok=True)
    distinct = range(min(DISTINCT, len(names)))
    numbers = sorted({(first + n) % DISTINCT for n in distinct})
    todo = [n for n in numbers if not _pool_path(pool, n).is_file()]
    draw = partial(_write_jpeg, pool=pool, sizes=sizes, seed=seed)
    for _ in parallel(draw, todo, len(todo), 'distinct images', jobs):
        pass
    done = {entry.name for entry in os.scandir(folder)}
    for number, name in enumerate(names, first):
        if name not in done:
            _link(_pool_path(pool, number % DISTINCT), folder / name)


def _pool_path(pool: Path, number: int) -> Path:
    return pool / f'{number:03}.jpg'


def _write_jpeg(number: int, pool: Path, sizes: Sequence, seed: int) -> None:
    height, width = image_size(number, sizes, seed)
    rng = np.random.default_rng((seed, 1, number))
    coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.float32)
    # slightly blurred noise: files of about the size of photographs
    grains = Image.fromarray(rng.integers(0, 256, (height, width), dtype=np.uint8))
    noise = np.asarray(grains.filter(ImageFilter.GaussianBlur(0.7)), np.float32)[..., None] - 128
    image = Image.fromarray((smooth + 0.5 * noise).clip(0, 255).astype(np.uint8))
    if number % GREY_EVERY == GREY_EVERY - 1:
        image = image.convert('L')
    with atomic_path(_pool_path(pool, number)) as temporary:
        image.save(temporary, format='JPEG', quality=90)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links, or too many of them
        with atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)

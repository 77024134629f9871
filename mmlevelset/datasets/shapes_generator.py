"""Draws the Shapes data set: textured objects whose outline, not colour, is the class.

Pure numpy. Every image has its own PCG64 stream, so image ``(seed, split, index)`` is the same on
any machine (up to how sin and cos round) and however many images are drawn.
"""

from collections.abc import Callable

import numpy as np

CLASSES = ('background', 'cross', 'ladder', 'star', 'crescent', 'ring', 'gear')
VERSION = 1  # raise it when the drawn images change
SUBSAMPLES = 3  # per pixel and axis, for soft edges
REACH = 1.2  # no shape goes further from its centre, in radii

Grid = np.ndarray
Inside = Callable[[Grid, Grid], Grid]


# Shapes: inside tests on the unit disc; `t` in [0, 1] sets the proportions.
def _cross(t: float) -> Inside:
    arm = 0.17 + 0.12 * t
    return lambda u, v: (np.minimum(abs(u), abs(v)) < arm) & (np.maximum(abs(u), abs(v)) < 0.95)


def _ladder(t: float) -> Inside:
    width, rail, rungs = 0.45 + 0.1 * t, 0.11, 3 + int(2 * t)
    spacing = 2 / (rungs + 1)

    def inside(u: Grid, v: Grid) -> Grid:
        to_rung = abs((v + 1) % spacing - spacing / 2)
        bars = (abs(u) > width - rail) | (to_rung < 0.075)
        return bars & (abs(u) < width + rail) & (abs(v) < 0.95)

    return inside


def _star(t: float) -> Inside:
    tips, notch = 5, 0.36 + 0.12 * t
    half = np.pi / tips

    def inside(u: Grid, v: Grid) -> Grid:
        radius = np.hypot(u, v)
        angle = abs((np.arctan2(v, u) + half) % (2 * half) - half)  # 0 at a tip, `half` at a notch
        x, y = radius * np.cos(angle), radius * np.sin(angle)
        x0, y0 = notch * np.cos(half), notch * np.sin(half)
        return (x0 - 1) * y - y0 * (x - 1) > 0  # left of the edge from tip (1, 0) to notch

    return inside


def _crescent(t: float) -> Inside:
    shift, hollow = 0.45 + 0.1 * t, 0.78
    return lambda u, v: (np.hypot(u, v) < 0.95) & (np.hypot(u - shift, v) > hollow)


def _ring(t: float) -> Inside:
    hole = 0.52 + 0.16 * t
    return lambda u, v: abs(np.hypot(u, v) - (0.95 + hole) / 2) < (0.95 - hole) / 2


def _gear(t: float) -> Inside:
    teeth, hole = 7 + int(3 * t), 0.26 + 0.1 * t

    def inside(u: Grid, v: Grid) -> Grid:
        radius = np.hypot(u, v)
        rim = np.where(np.cos(teeth * np.arctan2(v, u)) > 0, 0.97, 0.74)
        return (radius > hole) & (radius < rim)

    return inside


SHAPES = dict(cross=_cross, ladder=_ladder, star=_star, crescent=_crescent, ring=_ring, gear=_gear)
# Two classes share a texture, so neither texture nor colour gives the class away.
TEXTURES = dict(
    cross='stripes',
    ladder='stripes',
    star='checks',
    crescent='checks',
    ring='speckle',
    gear='speckle',
)


def _smooth_noise(rng: np.random.Generator, size: int, cells: int) -> np.ndarray:
    """Random values on a coarse grid, interpolated bilinearly: (size, size), 0..1."""
    coarse = rng.random((cells + 1, cells + 1))
    position = np.linspace(0, cells, size, endpoint=False)
    low = position.astype(int)
    part = position - low
    rows = coarse[low] * (1 - part[:, None]) + coarse[low + 1] * part[:, None]
    return rows[:, low] * (1 - part) + rows[:, low + 1] * part


def _texture(kind: str, rng: np.random.Generator, u: Grid, v: Grid) -> np.ndarray:
    """Texture in -1..1 on the pixel grid, in units of pixels along rotated axes ``u``, ``v``."""
    period = rng.uniform(5, 9)
    if kind == 'stripes':
        return np.sin(2 * np.pi * u / period)
    if kind == 'checks':
        return np.sin(2 * np.pi * u / period) * np.sin(2 * np.pi * v / period) * 1.3
    return rng.uniform(-1, 1, u.shape)


def _colour(rng: np.random.Generator, avoid: np.ndarray | None = None) -> np.ndarray:
    """Random RGB colour; at least 75 grey levels (Euclidean) away from ``avoid``."""
    colour = rng.uniform(35, 220, 3)
    while avoid is not None and np.linalg.norm(colour - avoid) < 75:
        colour = rng.uniform(35, 220, 3)
    return colour


def _background(rng: np.random.Generator, size: int) -> np.ndarray:
    """A gradient between two colours with soft blotches and a faint grain: (size, size, 3)."""
    y, x = np.mgrid[:size, :size] / size
    angle = rng.uniform(0, 2 * np.pi)
    ramp = 0.5 + 0.7 * (np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5))
    first, second = _colour(rng), _colour(rng)
    second = first + np.clip(second - first, -70, 70)
    image = first + ramp[..., None] * (second - first)
    image += 36 * (_smooth_noise(rng, size, int(rng.integers(3, 9)))[..., None] - 0.5)
    image += 24 * (_smooth_noise(rng, size, int(rng.integers(16, 40)))[..., None] - 0.5)
    if rng.random() < 0.4:  # a woven ground, so that texture alone does not mean an object
        u, v = _axes(size, (0, 0), rng.uniform(0, np.pi))
        image += (
            rng.uniform(5, 11)
            * _texture(('stripes', 'checks', 'speckle')[rng.integers(3)], rng, u, v)[..., None]
        )
    return image


def _axes(size: int, centre: tuple[float, float], angle: float) -> tuple[Grid, Grid]:
    """Rotated coordinates of the pixel centres about ``centre`` (x, y), in pixels."""
    return _rotated(np.arange(size) + 0.5 - centre[0], np.arange(size) + 0.5 - centre[1], angle)


def _rotated(x: np.ndarray, y: np.ndarray, angle: float) -> tuple[Grid, Grid]:
    y, x = np.meshgrid(y, x, indexing='ij')
    return np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x


def _coverage(
    inside: Inside, size: int, centre: tuple[float, float], angle: float, radius: float
) -> np.ndarray:
    """Share of each pixel that a shape covers: (size, size), 0..1."""
    coverage = np.zeros((size, size))
    window, samples = [], []
    for middle in centre:  # only where the shape can be
        start = max(int(middle - REACH * radius), 0)
        stop = min(int(middle + REACH * radius) + 1, size)
        window.append(slice(start, stop))
        line = start + (np.arange((stop - start) * SUBSAMPLES) + 0.5) / SUBSAMPLES
        samples.append(line - middle)
    u, v = _rotated(samples[0], samples[1], angle)
    hits = inside(u / radius, v / radius)
    blocks = hits.reshape(len(hits) // SUBSAMPLES, SUBSAMPLES, -1, SUBSAMPLES)
    coverage[window[1], window[0]] = blocks.mean((1, 3))
    return coverage


def _ellipse(slim: float) -> Inside:
    return lambda u, v: u**2 + (v / slim) ** 2 < 1


def _bar(slim: float) -> Inside:
    return lambda u, v: (abs(u) < 1) & (abs(v) < slim)


def _add_clutter(rng: np.random.Generator, image: np.ndarray) -> None:
    """Blobs and lines of no class, in place."""
    size = len(image)
    for _ in range(rng.integers(3, 8)):
        centre, angle = tuple(rng.uniform(0, size, 2)), rng.uniform(0, np.pi)
        if rng.random() < 0.5:
            blob, length = _ellipse(rng.uniform(0.4, 1)), rng.uniform(0.02, 0.055)
        else:
            blob, length = _bar(rng.uniform(0.03, 0.08)), rng.uniform(0.08, 0.25)
        alpha = _coverage(blob, size, centre, angle, length * size)
        image += alpha[..., None] * (_colour(rng) - image)


def _place(rng: np.random.Generator, name: str, mask: np.ndarray) -> tuple | None:
    """Find a free pose; None where the object would hide too much of the earlier ones."""
    size = len(mask)
    for _ in range(20):
        radius = size * rng.uniform(0.13, 0.22)  # 42 to 70 pixels across at size 160
        if name in ('star', 'crescent'):
            radius *= 1.1
        centre = tuple(rng.uniform(0.7 * radius, size - 0.7 * radius, 2))
        angle = rng.uniform(0, 2 * np.pi)
        alpha = _coverage(SHAPES[name](rng.random()), size, centre, angle, radius)
        hidden = (alpha > 0.5) & (mask > 0)
        if all(hidden[mask == k].mean() < 0.25 for k in np.unique(mask[mask > 0])):
            return alpha, centre, angle, radius
    return None


def draw_image(seed: int, split: int, index: int, size: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """Draw one image and its mask.

    Args:
        seed (int): Seed of the data set.
        split (int): 0 for train, 1 for val.
        index (int): Number in the split. The first object's class is ``index % 6 + 1``.
        size (int): Height and width in pixels.

    Returns:
        tuple[np.ndarray, np.ndarray]: Image (size, size, 3) uint8 RGB and mask (size, size) uint8,
        0 background, 1..6 as in ``CLASSES``; a pixel belongs to the object that covers over half.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, split, index])))
    image, mask = _background(rng, size), np.zeros((size, size), np.uint8)
    _add_clutter(rng, image)
    labels = [index % (len(CLASSES) - 1) + 1]
    labels += list(rng.integers(1, len(CLASSES), rng.choice(3, p=[0.3, 0.4, 0.3])))
    for label in labels:
        name = CLASSES[label]
        pose = _place(rng, name, mask)
        if pose is None:
            continue
        alpha, centre, angle, radius = pose
        inside = alpha > 0.5
        colour = _colour(rng, avoid=image[inside].mean(0))
        u, v = _axes(size, centre, angle + rng.uniform(0, np.pi))
        paint = colour + rng.uniform(14, 30) * _texture(TEXTURES[name], rng, u, v)[..., None]
        paint += rng.uniform(-25, 25) * (u / radius)[..., None]  # shading
        image += alpha[..., None] * (paint - image)
        mask[inside] = label
    image += rng.normal(0, 3, image.shape)  # grain of the camera
    return np.clip(np.round(image), 0, 255).astype(np.uint8), mask

"""Contours of level sets as polylines, and their drawing."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from contourpy import LineType, contour_generator

from mmlevelset.fileio.labels import voc_palette

_SHIFT = 4  # bits of a pixel's fraction that OpenCV draws
_BLACK = (0, 0, 0)
_FONT, _SIZE, _LINE = cv2.FONT_HERSHEY_SIMPLEX, 0.45, 15  # of names; height of a line in pixels


def zero_contours(phi: np.ndarray) -> list[np.ndarray]:
    """Lines where a map crosses zero, by marching squares between the centres of its pixels.

    Args:
        phi (np.ndarray): level set, (H, W), positive inside.

    Returns:
        list[np.ndarray]: polylines, (P, 2) float32 each, x (column) and y (row) in pixels; the
        centre of the first pixel is (0, 0). A closed line ends where it begins; another ends at the
        outermost pixels. Empty without a crossing, and for maps of one row or column.
    """
    if min(phi.shape) < 2 or phi.min() > 0 or phi.max() <= 0:
        return []
    lines = contour_generator(z=phi, line_type=LineType.Separate).lines(0.0)
    return [np.asarray(line, np.float32) for line in lines]


def draw_contours(
    image: np.ndarray, contours: Mapping[int, Sequence[np.ndarray]], names: Sequence[str]
) -> np.ndarray:
    """Draw contours and the names of their classes into a copy of an image.

    Args:
        image (np.ndarray): (H, W, 3) uint8, RGB.
        contours: Label, 1..C, -> polylines (P, 2), x and y in pixels.
        names: Of the labels, background first.

    Returns:
        np.ndarray: (H, W, 3) uint8, RGB.
    """
    image, palette = image.copy(), voc_palette()
    width = max(2, image.shape[1] // 250)
    places: list[tuple[int, int, str]] = []
    for label, lines in contours.items():
        colour = tuple(palette[label].tolist())
        points = [np.rint(line * 2**_SHIFT).astype(np.int32) for line in lines]
        for stroke, ink in ((width + 2, _BLACK), (width, colour)):  # an outline, for any ground
            cv2.polylines(image, points, False, ink, stroke, cv2.LINE_AA, _SHIFT)
        if lines:
            x, y = max(lines, key=len).min(0).astype(int) + 3
            places.append(_free_place(int(x), int(y) + 12, names[label], places, image.shape[1]))
    for x, y, name in places:  # over all contours
        for stroke, ink in ((3, _BLACK), (1, (255, 255, 255))):
            cv2.putText(image, name, (x, y), _FONT, _SIZE, ink, stroke, cv2.LINE_AA)
    return image


def _free_place(
    x: int, y: int, name: str, taken: Sequence[tuple[int, int, str]], width: int
) -> tuple[int, int, str]:
    """Where a name goes: inside the image of that width, and below the names that it would cover.

    Args:
        x: Left end of the wanted place, in pixels.
        y: Base line of the wanted place, in pixels.
        name: What is written.
        taken: Left end, base line and text of the names so far.
        width: Of the image, in pixels.
    """

    def extent(text: str) -> int:
        return cv2.getTextSize(text, _FONT, _SIZE, 1)[0][0]

    x = max(0, min(x, width - extent(name) - 2))
    for left, base, other in sorted(taken, key=lambda place: place[1]):
        beside = left > x + extent(name) or x > left + extent(other)
        if not beside and abs(base - y) < _LINE:
            y = base + _LINE
    return x, y, name

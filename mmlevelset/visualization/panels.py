"""One picture of all maps of the method: a row per image, a column per map."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import matplotlib
import numpy as np

from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.fileio.labels import voc_palette

CAPTION, GAP = 26, 4  # pixels
CONTOUR = (255, 230, 0)  # yellow reads on photographs and on both colour maps


class Panel(NamedTuple):
    """One picture with its caption."""

    title: str
    image: np.ndarray  # (H, W, 3) uint8, RGB


def _blend(image: np.ndarray, colours: np.ndarray, opacity: np.ndarray | float) -> np.ndarray:
    return (image * (1 - opacity) + colours * opacity).astype(np.uint8)


def draw_outline(
    image: np.ndarray, region: np.ndarray, colour: tuple[int, int, int], width: int
) -> np.ndarray:
    """Draw the outline of a region into a copy of an image.

    Args:
        image: (H, W, 3) uint8, RGB.
        region: (H, W), True or > 0 inside.
        colour: RGB.
        width: Of the line, in pixels.

    Returns:
        np.ndarray: (H, W, 3) uint8, RGB.
    """
    lines, _ = cv2.findContours((region > 0).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(image.copy(), lines, -1, colour, width, cv2.LINE_AA)


def _contour(image: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """Draw the zero level set of ``phi`` (H, W) into a copy of ``image``."""
    return draw_outline(image, phi, CONTOUR, max(2, image.shape[1] // 160))


def score_panel(title: str, image: np.ndarray, score: np.ndarray) -> Panel:
    """Heat map over the image.

    Args:
        title: Caption.
        image: (H, W, 3) uint8, RGB.
        score: (H, W), in [0, 1].
    """
    colours = matplotlib.colormaps['turbo'](score)[..., :3] * 255
    return Panel(title, _blend(image, colours, 0.55))


def level_set_panel(
    title: str, image: np.ndarray, phi: np.ndarray, limit: float, on_image: bool = False
) -> Panel:
    """Level set, red inside and blue outside, or the image, with the zero contour.

    Args:
        title: Caption.
        image: (H, W, 3) uint8, RGB.
        phi: (H, W), positive inside, any unit.
        limit: Value of full colour, in the unit of ``phi``.
        on_image: Draw the contour on the image instead of on the level set.
    """
    if on_image:
        return Panel(title, _contour(image, phi))
    colours = matplotlib.colormaps['RdBu_r'](np.clip(phi / limit, -1, 1) / 2 + 0.5)[..., :3] * 255
    return Panel(title, _contour(colours.astype(np.uint8), phi))


def label_panel(title: str, image: np.ndarray, label: np.ndarray) -> Panel:
    """Label map over the image.

    Args:
        title: Caption.
        image: (H, W, 3) uint8, RGB.
        label: (H, W) integers, 0 background, 255 unlabelled.
    """
    colours = voc_palette()[label].astype(np.float32)
    return Panel(title, _blend(image, colours, np.where(label > 0, 0.6, 0.25)[..., None]))


def draw_rows(
    rows: Sequence[Sequence[Panel]],
    path: str | Path,
    height: int = 220,
    captions: Sequence[str] | None = None,
) -> Path:
    """Write the panels of several images as one PNG, see :func:`join_rows`; returns ``path``."""
    ok, encoded = cv2.imencode('.png', join_rows(rows, height, captions)[..., ::-1])
    assert ok
    with atomic_path(path) as temporary:
        temporary.write_bytes(encoded.tobytes())
    return Path(path)


def join_rows(
    rows: Sequence[Sequence[Panel]], height: int = 220, captions: Sequence[str] | None = None
) -> np.ndarray:
    """Join the panels of several images to one picture.

    Args:
        rows: Panels of every image; their captions head the columns, again where they change.
        height: Pixels of a row.
        captions: A line above every row.

    Returns:
        np.ndarray: (H, W, 3) uint8, RGB.

    Raises:
        ValueError: Without rows, or when rows differ in length, or captions in number.
    """
    if not rows or len({len(row) for row in rows}) != 1:
        raise ValueError(f'expected rows of equal length, got {[len(row) for row in rows]}')
    if captions is not None and len(captions) != len(rows):
        raise ValueError(f'expected a caption for each of {len(rows)} rows, got {len(captions)}')
    widths = [round(row[0].image.shape[1] / row[0].image.shape[0] * height) for row in rows]
    column = max(widths)
    lines: list[np.ndarray] = []
    for index, (row, width) in enumerate(zip(rows, widths, strict=True)):
        titles = [panel.title for panel in row]
        if index == 0 or titles != [panel.title for panel in rows[index - 1]]:
            lines.append(np.concatenate([_line(title, column + GAP) for title in titles], 1))
        if captions is not None:
            lines.append(_line(captions[index], lines[0].shape[1]))
        left = (column - width) // 2
        margins = (0, GAP), (left, column - width - left + GAP), (0, 0)
        cells = [
            np.pad(
                cv2.resize(panel.image, (width, height), interpolation=cv2.INTER_AREA),
                margins,
                constant_values=255,
            )
            for panel in row
        ]
        lines.append(np.concatenate(cells, 1))
    return np.concatenate(lines)


def _line(text: str, width: int) -> np.ndarray:
    """A white strip (CAPTION, width, 3) uint8 with a text, as small as it must be to fit."""
    strip = np.full((CAPTION, width, 3), 255, np.uint8)
    (long, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
    size = 0.5 * min(1, (width - 2 * GAP) / max(long, 1))
    return cv2.putText(strip, text, (2, 18), cv2.FONT_HERSHEY_SIMPLEX, size, 0, 1, cv2.LINE_AA)

"""Curves and bars as SVG, in the colours of the page, so that they turn dark with it."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

COLOURS = 8  # classes c0 … c7 of the style sheet
LEFT, RIGHT, TOP, BOTTOM = 50, 10, 10, 34  # margins, pixels


class Line(NamedTuple):
    """A curve, and points of it that are marked."""

    name: str
    points: Sequence[tuple[float, float]]
    marks: Sequence[tuple[float, float, str]] = ()  # x, y and what it says


class _Axis(NamedTuple):
    low: float
    high: float
    start: float  # pixel of low
    end: float  # pixel of high

    def __call__(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        found = map(float, MaxNLocator(4).tick_values(self.low, self.high))
        slack = 1e-9 * (self.high - self.low)
        return [t for t in found if self.low - slack <= t <= self.high + slack]


def line_chart(
    lines: Sequence[Line], title: str, across: str, width: int = 370, height: int = 220
) -> Markup:
    """Draw curves in one frame, with a legend below.

    Args:
        lines (Sequence[Line]): Points that are not finite are left out.
        title (str): What the vertical axis shows; read out to who cannot see the picture.
        across (str): What the horizontal axis shows.
        width (int): Of the picture, in pixels.
        height (int): Of the picture, in pixels.
    """
    curves = [[p for p in line.points if all(map(math.isfinite, p))] for line in lines]
    points = [point for curve in curves for point in curve] or [(0.0, 0.0)]
    x, y = _frame([a for a, _ in points], [b for _, b in points], width, height)
    body = [_grid(x, y, across, width, height)]
    for i, (line, curve) in enumerate(zip(lines, curves, strict=True)):
        path = ' '.join(f'{x(a)},{y(b)}' for a, b in curve)
        body.append(
            Markup('<polyline class="c{}" points="{}"><title>{}</title></polyline>').format(
                i % COLOURS, path, line.name
            )
        )
        body += [
            Markup('<circle class="c{}" cx="{}" cy="{}" r="4"><title>{}</title></circle>').format(
                i % COLOURS, x(a), y(b), text
            )
            for a, b, text in line.marks
        ]
    return _figure(body, [line.name for line in lines], f'{title} over {across}', width, height)


def bar_chart(
    bars: Mapping[str, Mapping[str, float | None]], title: str, width: int = 560, height: int = 240
) -> Markup:
    """Draw groups of bars.

    Args:
        bars (Mapping): Series -> name of a group -> value >= 0; None where there is none.
        title (str): What the vertical axis shows; read out to who cannot see the picture.
        width (int): Of the picture, in pixels.
        height (int): Of the picture, in pixels.
    """
    groups = list(dict.fromkeys(name for values in bars.values() for name in values))
    width = max(width, LEFT + RIGHT + len(groups) * (10 * len(bars) + 14))
    values = [v for series in bars.values() for v in series.values() if v is not None]
    x, y = _frame([0, len(groups)], [0, *values], width, height)
    body = [_grid(None, y, '', width, height)]
    pitch = x(1) - x(0)
    thick = round(0.8 * pitch / len(bars), 1)
    for i, (series, found) in enumerate(bars.items()):
        for j, group in enumerate(groups):
            value = found.get(group)
            if value is None:
                continue
            left = round(x(j) + 0.1 * pitch + i * thick, 1)
            body.append(
                Markup(
                    '<rect class="c{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>'
                ).format(
                    i % COLOURS, left, y(value), thick, round(y(0) - y(value), 1),
                    f'{group}, {series}: {value:.1f}',
                )
            )  # fmt: skip
    slanted = pitch < 7 * max(map(len, groups), default=0)
    for j, group in enumerate(groups):
        at = f'translate({x(j) + pitch / 2:.1f} {height - BOTTOM + 14})'
        turn, anchor = (' rotate(-30)', 'end') if slanted else ('', 'middle')
        body.append(
            Markup('<text transform="{}" text-anchor="{}">{}</text>').format(
                at + turn, anchor, group
            )
        )
    return _figure(body, list(bars), title, width, height + 30 * slanted)


def _frame(
    xs: Sequence[float], ys: Sequence[float], width: int, height: int
) -> tuple[_Axis, _Axis]:
    low, high = min(ys), max(ys)
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    low = 0.0 if 0 <= low <= 0.5 * high else low - room  # curves near zero start at zero
    return (
        _Axis(min(xs), max(xs), LEFT, width - RIGHT),
        _Axis(low, high + room, height - BOTTOM, TOP),
    )


def _grid(x: _Axis | None, y: _Axis, across: str, width: int, height: int) -> Markup:
    right, bottom = width - RIGHT, height - BOTTOM
    parts = [
        Markup(
            '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>'
            '<text x="{}" y="{}" text-anchor="end">{}</text>'
        ).format(LEFT, right, y(t), y(t), LEFT - 5, y(t) + 4, _number(t))
        for t in y.ticks()
    ]
    if x is not None:
        parts += [
            Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
                x(t), bottom + 14, _number(t)
            )
            for t in x.ticks()
        ]
    parts.append(
        Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(right, height - 5, across)
    )
    return Markup('').join(parts)


def _number(value: float) -> str:
    return f'{value:.3g}' if abs(value) < 1000 else f'{value:,.0f}'


def _figure(
    body: Sequence[Markup], names: Sequence[str], title: str, width: int, height: int
) -> Markup:
    keys = [
        Markup('<span><i class="c{}"></i>{}</span>').format(i % COLOURS, name)
        for i, name in enumerate(names)
    ]
    return Markup(
        '<figure><svg viewBox="0 0 {w} {h}" width="{w}" role="img" aria-label="{title}">'
        '{body}</svg><figcaption class="legend">{keys}</figcaption></figure>'
    ).format(w=width, h=height, title=title, body=Markup('').join(body), keys=Markup('').join(keys))

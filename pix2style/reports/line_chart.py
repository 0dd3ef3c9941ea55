"""Line charts as SVG, which a browser draws without a script."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from pix2style.reports.html import text

Points = Sequence[tuple[float, float]]
_WIDTH, _HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 34, 40
_MAX_POINTS = 400
_TICKS = 4
# Told apart by people with any kind of colour vision (Okabe and Ito 2008), on white and on black.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a8a00", "#777777")


def line_chart(title: str, series: Mapping[str, Points], x_label: str) -> str:
    """Return a chart as SVG; empty if no series has two points.

    The vertical axis is logarithmic if all values are positive and the largest is 20 times the smallest or more. Of a
    series with many points the means of neighbours are drawn.

    Args:
        title: Title of the chart.
        series: Points (x, y) by the name of the line.
        x_label: What x counts.
    """
    lines = {name: _thin([point for point in points if math.isfinite(point[1])]) for name, points in series.items()}
    lines = {name: points for name, points in lines.items() if len(points) > 1}
    if not lines:
        return ""
    xs, ys = ([point[i] for points in lines.values() for point in points] for i in (0, 1))
    horizontal, vertical = _Axis(xs, logarithmic=False), _Axis(ys, logarithmic=min(ys) > 0 and max(ys) >= 20 * min(ys))
    place = _Place(horizontal, vertical)
    label = f"{title}: {', '.join(lines)}"
    return "\n".join(
        [
            f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{text(label)}" font-size="12">',
            f'<text x="{_LEFT}" y="14" font-weight="bold">{text(title)}</text>',
            *_legend(list(lines)),
            *place.grid(x_label),
            *(place.line(points, _COLOURS[i % len(_COLOURS)]) for i, points in enumerate(lines.values())),
            "</svg>",
        ]
    )


class _Axis:
    """Maps values to 0 to 1.

    Args:
        values: All values.
        logarithmic: Whether equal distances are equal ratios.
    """

    def __init__(self, values: Sequence[float], *, logarithmic: bool) -> None:
        self._logarithmic = logarithmic
        scaled = [self._scale(value) for value in values]
        self._low, self._high = min(scaled), max(scaled)
        if self._low == self._high:
            self._low, self._high = self._low - 0.5, self._high + 0.5

    def share(self, value: float) -> float:
        return (self._scale(value) - self._low) / (self._high - self._low)

    def ticks(self) -> list[float]:
        steps = [self._low + (self._high - self._low) * i / _TICKS for i in range(_TICKS + 1)]
        return [math.exp(step) for step in steps] if self._logarithmic else steps

    def _scale(self, value: float) -> float:
        return math.log(value) if self._logarithmic else value


class _Place:
    """Draws in the coordinates of the chart."""

    def __init__(self, horizontal: _Axis, vertical: _Axis) -> None:
        self._horizontal, self._vertical = horizontal, vertical

    def grid(self, x_label: str) -> list[str]:
        """Return lines and numbers of both axes."""
        bottom = _HEIGHT - _BOTTOM
        parts = [f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 4}" text-anchor="end">{text(x_label)}</text>']
        for tick in self._vertical.ticks():
            y = self._y(tick)
            parts.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="currentColor" opacity="0.2"/>')
            parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:.3g}</text>')
        ticks = self._horizontal.ticks()
        anchors = ["start", *["middle"] * (len(ticks) - 2), "end"]
        for tick, anchor in zip(ticks, anchors, strict=True):
            parts.append(f'<text x="{self._x(tick):.1f}" y="{bottom + 16}" text-anchor="{anchor}">{tick:,.0f}</text>')
        return parts

    def line(self, points: Points, colour: str) -> str:
        """Return one line."""
        path = " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in points)
        return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'

    def _x(self, value: float) -> float:
        return _LEFT + self._horizontal.share(value) * (_WIDTH - _LEFT - _RIGHT)

    def _y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - self._vertical.share(value) * (_HEIGHT - _TOP - _BOTTOM)


def _legend(names: Sequence[str]) -> list[str]:
    parts, x = [], _LEFT
    for i, name in enumerate(names):
        colour = _COLOURS[i % len(_COLOURS)]
        parts.append(f'<path d="M{x} 24h14" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'<text x="{x + 18}" y="28">{text(name)}</text>')
        x += 30 + 7 * len(name)
    return parts


def _thin(points: Points) -> list[tuple[float, float]]:
    """Return at most `_MAX_POINTS` points, each the mean of its neighbours."""
    width = max(1, math.ceil(len(points) / _MAX_POINTS))
    groups = [points[i : i + width] for i in range(0, len(points), width)]
    return [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]

"""Line plots as SVG, readable on a light page and on a dark page.

A plotting library would be the largest dependency of the repository, for a few plots.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

_WIDTH, _HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 44, 52  # margins
_LEGEND = 20  # height per line of the legend
# Mid-tones with a contrast of at least 3:1 on white and on black.
_COLOURS = ("#2f81d6", "#d1641c", "#2a9d4a", "#a35bd6", "#c23b57", "#5f7f8c")
_INK = "#808080"


@dataclass(frozen=True, slots=True)
class Curve:
    name: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False  # a bound or a model, not a measurement


@dataclass(slots=True)
class Plot:
    """A plot. The values on a logarithmic axis must be above zero."""

    title: str
    x_label: str
    y_label: str
    curves: list[Curve] = field(default_factory=list)
    x_log: bool = True
    y_log: bool = True

    def svg(self) -> str:
        height = _HEIGHT + _LEGEND * ((len(self.curves) + 1) // 2)
        across = _Axis(
            [x for curve in self.curves for x, _ in curve.points], self.x_log, _LEFT, _WIDTH - _RIGHT
        )
        up = _Axis([y for curve in self.curves for _, y in curve.points], self.y_log, _HEIGHT - _BOTTOM, _TOP)
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
            f'height="{height}" role="img" font-family="system-ui, sans-serif" font-size="13" fill="{_INK}">',
            f"<title>{escape(self.title)}</title>",
            _text(_WIDTH / 2, 22, self.title, size=15, anchor="middle"),
            _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 12, self.x_label, anchor="middle"),
            f'<g transform="rotate(-90 16 {_HEIGHT / 2})">',
            _text(16, _HEIGHT / 2, self.y_label, anchor="middle"),
            "</g>",
        ]
        for value in across.ticks:
            x = across.place(value)
            parts.append(_line(x, _TOP, x, _HEIGHT - _BOTTOM, faint=True))
            parts.append(_text(x, _HEIGHT - _BOTTOM + 18, _short(value), anchor="middle"))
        for value in up.ticks:
            y = up.place(value)
            parts.append(_line(_LEFT, y, _WIDTH - _RIGHT, y, faint=True))
            parts.append(_text(_LEFT - 8, y + 4, _short(value), anchor="end"))
        for number, curve in enumerate(self.curves):
            parts += _curve(curve, _COLOURS[number % len(_COLOURS)], across, up)
            parts += _legend(curve.name, _COLOURS[number % len(_COLOURS)], curve.dashed, number)
        return "\n".join([*parts, "</svg>", ""])


class _Axis:
    """A map from values to pixels, with ticks at round values."""

    def __init__(self, values: Sequence[float], log: bool, start: float, end: float) -> None:
        self._log = log
        self._start, self._end = start, end
        low, high = min(values), max(values)
        if log:
            self._low, self._high = math.floor(math.log10(low)), math.ceil(math.log10(high))
            self._high = max(self._high, self._low + 1)
            self.ticks = [10.0**power for power in range(int(self._low), int(self._high) + 1)]
        else:
            step = 10 ** math.floor(math.log10(high or 1))
            step = next(part for part in (step / 5, step / 2, step, step * 2) if high / part <= 8)
            self._low, self._high = 0, math.ceil(high / step) * step
            self.ticks = [step * number for number in range(round(self._high / step) + 1)]

    def place(self, value: float) -> float:
        at = math.log10(value) if self._log else value
        return self._start + (at - self._low) / (self._high - self._low) * (self._end - self._start)


def _curve(curve: Curve, colour: str, across: _Axis, up: _Axis) -> list[str]:
    places = [(across.place(x), up.place(y)) for x, y in curve.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dash = ' stroke-dasharray="6 5"' if curve.dashed else ""
    line = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
    dots = (
        []
        if curve.dashed
        else [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places]
    )
    return [line, *dots]


def _legend(name: str, colour: str, dashed: bool, number: int) -> list[str]:
    x, y = _LEFT + (number % 2) * (_WIDTH - _LEFT) / 2, _HEIGHT + _LEGEND * (number // 2) + 6
    dash = ' stroke-dasharray="6 5"' if dashed else ""
    return [
        f'<line x1="{x}" y1="{y}" x2="{x + 26}" y2="{y}" stroke="{colour}" stroke-width="2"{dash}/>',
        _text(x + 34, y + 4, name),
    ]


def _line(x1: float, y1: float, x2: float, y2: float, *, faint: bool) -> str:
    opacity = 0.25 if faint else 1
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{_INK}" stroke-opacity="{opacity}"/>'
    )


def _text(x: float, y: float, text: str, *, size: int = 13, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">{escape(text)}</text>'


def _short(value: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"

"""Quality against time: single engines, and one that asks a better one where it is unsure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Values = Mapping[str, float]
MEASURES = ("mae", "s", "weighted_f")
WIDTH, HEIGHT, MARGIN = 640, 360, 56


@dataclass(frozen=True, slots=True)
class Look:
    """One picture: what the first engine's matte is worth, and what the second's would be.

    extra_seconds: what asking the second costs beyond the first.
    """

    confidence: float
    first: Values
    second: Values
    seconds: float
    extra_seconds: float


@dataclass(frozen=True, slots=True)
class Point:
    """asked: the share of pictures for which the second engine was asked; None of single engines.
    seconds: for one picture, in the mean of a batch."""

    label: str
    seconds: float
    values: Values
    asked: float | None = None


def cascade_point(looks: Sequence[Look], threshold: float) -> Point:
    """What asking below this confidence comes to. Seconds are medians, so that one picture during
    which the machine was busy counts for no more than another."""
    asked = np.array([one.confidence < threshold for one in looks])
    chosen = [one.second if ask else one.first for one, ask in zip(looks, asked, strict=True)]
    first = float(np.median([one.seconds for one in looks]))
    extra = float(np.median([one.extra_seconds for one in looks]))
    share = float(asked.mean())
    return Point(f"below {threshold:g}", first + share * extra, mean_values(chosen), share)


def mean_values(each: Sequence[Values]) -> Values:
    return {name: float(np.mean([one[name] for one in each])) for name in MEASURES}


def table(points: Sequence[Point], names: Mapping[str, str]) -> str:
    """Markdown. names: what to call measures."""
    lines = [
        "| asked again | of 100 | ms | " + " | ".join(names.values()) + " |",
        "|---" * (3 + len(names)) + "|",
    ]
    for point in points:
        share = "" if point.asked is None else f"{100 * point.asked:.0f}"
        cells = " | ".join(f"{point.values[name]:.4f}" for name in names)
        lines.append(f"| {point.label} | {share} | {1000 * point.seconds:.0f} | {cells} |")
    return "\n".join(lines)


def drawing(points: Sequence[Point], measure: str, name: str) -> str:
    """An SVG: milliseconds across, the measure up; single engines as rings with their names."""
    across = _Axis([1000 * point.seconds for point in points], MARGIN, WIDTH - MARGIN)
    up = _Axis([point.values[measure] for point in points], HEIGHT - MARGIN, MARGIN)
    asked = sorted((p for p in points if p.asked is not None), key=lambda p: p.seconds)
    line = " ".join(f"{_place(point, measure, across, up)}" for point in asked)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
        "<style>text { font: 13px sans-serif; fill: #777; }</style>",
        f'<text x="{WIDTH // 2}" y="{HEIGHT - 12}" text-anchor="middle">ms a picture</text>',
        f'<text x="{MARGIN}" y="24">{name}</text>',
        *across.marks(lambda at, label: _tick(at, HEIGHT - MARGIN + 20, label, "middle"), "{:.0f}"),
        *up.marks(lambda at, label: _tick(MARGIN - 10, at + 4, label, "end"), "{:.3f}"),
        f'<polyline points="{line}" fill="none" stroke="#2a7" stroke-width="2"/>',
    ]
    for point in points:
        x, y = _place(point, measure, across, up).split(",")
        if point.asked is None:
            parts.append(
                f'<circle cx="{x}" cy="{y}" r="6" fill="none" stroke="#c52" stroke-width="2"/>'
                f'<text x="{x}" y="{float(y) - 12:.1f}" text-anchor="middle">{point.label}</text>'
            )
        else:
            parts.append(f'<circle cx="{x}" cy="{y}" r="4" fill="#2a7"/>')
    return "\n".join([*parts, "</svg>", ""])


class _Axis:
    """From values to pixels, with a little room at both ends."""

    def __init__(self, values: Sequence[float], start: int, end: int) -> None:
        low, high = min(values), max(values)
        room = (high - low) * 0.06 or 1.0
        self.low, self.high, self.start, self.end = low - room, high + room, start, end

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def marks(self, draw: Callable[[float, str], str], pattern: str) -> list[str]:
        return [
            draw(self.at(value), pattern.format(value))
            for value in np.linspace(self.low, self.high, 5)
        ]


def _place(point: Point, measure: str, across: _Axis, up: _Axis) -> str:
    return f"{across.at(1000 * point.seconds):.1f},{up.at(point.values[measure]):.1f}"


def _tick(x: float, y: float, label: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{label}</text>'

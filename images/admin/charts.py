"""Small bar charts, as numbers that a template writes into an SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

WIDTH, HEIGHT, GAP = 300, 64, 2


@dataclass(frozen=True, slots=True)
class Bar:
    """day: whose it is. value: None where nothing is known. x, y, width, height: in the SVG."""

    day: date
    value: float | None
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """One series of days. total: the figure in words that stands for the whole."""

    name: str
    title: str
    total: str
    highest: float
    bars: Sequence[Bar]
    width: int = WIDTH
    height: int = HEIGHT


def make_chart(
    *, name: str, title: str, total: str, days: Sequence[tuple[date, float | None]]
) -> Chart:
    """Bars from the bottom, the highest as high as the chart; nothing is drawn for None or 0.

    What is more than 0 is at least one unit high, so that it can be seen beside a thousand.
    """
    highest = max((value or 0 for _day, value in days), default=0)
    step = WIDTH / max(1, len(days))
    bars = [
        _bar(day, value, highest, x=number * step, width=step - GAP)
        for number, (day, value) in enumerate(days)
    ]
    return Chart(name=name, title=title, total=total, highest=highest, bars=bars)


def _bar(day: date, value: float | None, highest: float, *, x: float, width: float) -> Bar:
    height = max(1.0, HEIGHT * value / highest) if value else 0.0
    return Bar(
        day=day,
        value=value,
        x=round(x, 2),
        y=round(HEIGHT - height, 2),
        width=round(width, 2),
        height=round(height, 2),
    )

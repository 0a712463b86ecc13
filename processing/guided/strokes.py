"""Strokes of a brush, and where they fall on a grid of pixels."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

KEEP, REMOVE = 1, -1
_FILLS = {True: 2, False: 1}

# Of `drawing_work` on one grid: more than 20,000 points of any usual brush come to.
MOST_WORK = 10e6

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Stroke:
    """One movement of a brush. keep: what lies under it belongs to the subject, or surely not.

    radius, points: px of the full-size picture; a single point is a dab. Points may lie outside.
    """

    keep: bool
    radius: float
    points: Sequence[Point]

    def touches(self, size: tuple[int, int]) -> bool:
        """Whether any of it, with its radius, lies on a picture of that size."""
        low = -self.radius
        high = (size[0] + self.radius, size[1] + self.radius)
        following = self.points[1:] or self.points
        return any(
            _crosses(one, other, low, high)
            for one, other in zip(self.points, following, strict=False)
        )


def _crosses(one: Point, other: Point, low: float, high: Point) -> bool:
    """Whether a straight line enters the box from (low, low) to `high`; a point is a short one."""
    enters, leaves = _way_through(one, other, low, high)
    return enters <= leaves


def _way_through(one: Point, other: Point, low: float, high: Point) -> tuple[float, float]:
    """Where a line enters the box and leaves it, in parts of its way; the wrong way round if it
    does not meet it.
    """
    enters, leaves = 0.0, 1.0
    for start, stop, limit in zip(one, other, high, strict=True):
        if start == stop:
            if not low <= start <= limit:
                return 1.0, 0.0
            continue
        first, last = sorted(((low - start) / (stop - start), (limit - start) / (stop - start)))
        enters, leaves = max(enters, first), min(leaves, last)
    return enters, leaves


def drawing_work(
    strokes: Sequence[Stroke], *, full_size: tuple[int, int], size: tuple[int, int]
) -> float:
    """Roughly the rows and pixels that `draw_strokes` walks through."""
    work = 0.0
    for stroke in strokes:
        radius, points = _on_grid(stroke, full_size, size)
        if any(_covers(point, radius, size) for point in points):
            continue
        work += sum(2 * radius for point in points if _meets(point, radius, size))
        for one, other in _segments(points, radius, size):
            length = max(abs(other[0] - one[0]), abs(other[1] - one[1]))
            work += min(max(size), length + 2 * radius)
    return work


def draw_strokes(
    strokes: Sequence[Stroke], *, full_size: tuple[int, int], size: tuple[int, int]
) -> np.ndarray:
    """int8 (height, width) of `size`: KEEP, REMOVE or 0. A later stroke covers an earlier one.

    Pillow walks through all rows of an ellipse and all pixels of a thin line, wherever they lie:
    what is not on the grid is kept from it.
    """
    canvas = Image.new("L", size, 0)
    draw = ImageDraw.Draw(canvas)
    for stroke in strokes:
        radius, points = _on_grid(stroke, full_size, size)
        fill = _FILLS[stroke.keep]
        if any(_covers(point, radius, size) for point in points):
            canvas.paste(fill, (0, 0, *size))
            continue
        for segment in _segments(points, radius, size):
            draw.line(segment, fill=fill, width=max(1, round(2 * radius)))
        for x, y in points:
            if _meets((x, y), radius, size):
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)
    drawn = np.asarray(canvas)
    return ((drawn == _FILLS[True]).view(np.int8) - (drawn == _FILLS[False]).view(np.int8)).astype(
        np.int8
    )


def _on_grid(
    stroke: Stroke, full_size: tuple[int, int], size: tuple[int, int]
) -> tuple[float, list[Point]]:
    """Radius and points in px of the grid, without points on the pixel of the one before."""
    across, down = size[0] / full_size[0], size[1] / full_size[1]
    # At least the pixel under the tip, so that no stroke is without effect.
    radius = max(0.5, stroke.radius * (across + down) / 2)
    points: list[Point] = []
    last = None
    for x, y in stroke.points:
        point = (x * across - 0.5, y * down - 0.5)
        pixel = (round(point[0]), round(point[1]))
        if pixel != last:
            points.append(point)
        last = pixel
    return radius, points


def _covers(point: Point, radius: float, size: tuple[int, int]) -> bool:
    """Whether a dab there covers the whole grid: its farthest corner."""
    x, y = point
    return math.hypot(max(x, size[0] - 1 - x), max(y, size[1] - 1 - y)) <= radius


def _meets(point: Point, radius: float, size: tuple[int, int]) -> bool:
    """Whether a dab there may reach the grid: its box does."""
    return all(
        -radius - 1 <= value <= side + radius for value, side in zip(point, size, strict=True)
    )


def _segments(
    points: Sequence[Point], radius: float, size: tuple[int, int]
) -> Iterator[tuple[Point, Point]]:
    """Lines between the points, of each the part that is near enough to be seen."""
    low, high = -radius - 2, (size[0] + radius + 1, size[1] + radius + 1)
    for one, other in pairwise(points):
        enters, leaves = _way_through(one, other, low, high)
        if enters <= leaves:
            yield _between(one, other, enters), _between(one, other, leaves)


def _between(one: Point, other: Point, part: float) -> Point:
    if part in (0, 1):
        return other if part else one
    return one[0] + (other[0] - one[0]) * part, one[1] + (other[1] - one[1]) * part

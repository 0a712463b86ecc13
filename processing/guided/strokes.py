"""Strokes of a brush, and where they fall on a grid of pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

KEEP, REMOVE = 1, -1
_FILLS = {True: 2, False: 1}

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
    enters, leaves = 0.0, 1.0  # parts of the way
    for start, stop, limit in zip(one, other, high, strict=True):
        if start == stop:
            if not low <= start <= limit:
                return False
            continue
        first, last = sorted(((low - start) / (stop - start), (limit - start) / (stop - start)))
        enters, leaves = max(enters, first), min(leaves, last)
    return enters <= leaves


def draw_strokes(
    strokes: Sequence[Stroke], *, full_size: tuple[int, int], size: tuple[int, int]
) -> np.ndarray:
    """int8 (height, width) of `size`: KEEP, REMOVE or 0. A later stroke covers an earlier one."""
    canvas = Image.new("L", size, 0)
    draw = ImageDraw.Draw(canvas)
    across, down = size[0] / full_size[0], size[1] / full_size[1]
    for stroke in strokes:
        # At least the pixel under the tip, so that no stroke is without effect.
        radius = max(0.5, stroke.radius * (across + down) / 2)
        points = [(x * across - 0.5, y * down - 0.5) for x, y in stroke.points]
        if len(points) > 1:
            draw.line(points, fill=_FILLS[stroke.keep], width=max(1, round(2 * radius)))
        for x, y in points:
            box = (x - radius, y - radius, x + radius, y + radius)
            draw.ellipse(box, fill=_FILLS[stroke.keep])
    drawn = np.asarray(canvas)
    return ((drawn == _FILLS[True]).view(np.int8) - (drawn == _FILLS[False]).view(np.int8)).astype(
        np.int8
    )

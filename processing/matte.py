"""What is done to a matte between the network and the file."""

import numpy as np
from PIL import Image, ImageChops, ImageFilter

# A network's map hardly ever reaches its ends: values this near to 0 and 255 mean 0 and 255.
LOW, HIGH = 8, 247
# Alpha below this is invisible and does not count for the bounding box.
VISIBLE = 13


def clean(matte: Image.Image) -> Image.Image:
    """Pull the ends of a matte (L) to exactly 0 and 255 and stretch what is between."""
    return matte.point(_LEVELS)


_LEVELS = [min(255, max(0, round((value - LOW) * 255 / (HIGH - LOW)))) for value in range(256)]


def enlarge(matte: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Bring a matte (L) from the network's size to the picture's."""
    return matte.resize(size, Image.Resampling.BICUBIC)


def bounding_box(matte: Image.Image) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom in px (right and bottom exclusive) of what is visible, or None."""
    pixels = np.asarray(matte)
    columns = np.flatnonzero(pixels.max(axis=0) >= VISIBLE)
    rows = np.flatnonzero(pixels.max(axis=1) >= VISIBLE)
    if columns.size == 0:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def coverage(matte: Image.Image) -> float:
    """The mean alpha, 0..1: how much of the picture the subject takes up."""
    return float(np.asarray(matte).mean()) / 255


def adjust(matte: Image.Image, *, shift: float, feather: float) -> Image.Image:
    """Move the edges of a matte (L) and soften them.

    shift: px outwards, or inwards below 0. feather: px over which edges fade, inwards only, so that
    no more of the old background is uncovered. Thin parts stay: outwards nothing gets less.
    """
    if shift:
        matte = _shifted(matte, shift)
    return _feathered(matte, feather) if feather else matte


# A straight edge blurred with sigma s has this value s px outside of it, and rises there by
# this much in s px: the normal distribution and its density at one standard deviation.
_OUTSIDE, _SLOPE = 0.1587, 0.2420
_RAMP = 1.5  # px over which a moved edge rises


def _shifted(matte: Image.Image, px: float) -> Image.Image:
    blurred = matte.filter(ImageFilter.GaussianBlur(abs(px)))
    middle = _OUTSIDE if px > 0 else 1 - _OUTSIDE
    rise = _SLOPE / abs(px) * _RAMP
    levels = [0.5 + (value / 255 - middle) / rise for value in range(256)]
    moved = blurred.point([round(255 * min(1.0, max(0.0, level))) for level in levels])
    return ImageChops.lighter(matte, moved) if px > 0 else ImageChops.darker(matte, moved)


def _feathered(matte: Image.Image, px: float) -> Image.Image:
    blurred = matte.filter(ImageFilter.GaussianBlur(px / 2))
    return ImageChops.darker(matte, blurred.point(_UPPER_HALF))


_UPPER_HALF = [max(0, 2 * value - 255) for value in range(256)]

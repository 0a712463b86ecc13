"""What is done to a matte between the network and the file."""

import numpy as np
from PIL import Image

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

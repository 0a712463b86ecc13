"""The subject's own colours in the soft band, so that no old background shines through.

The step of blur fusion (Forte and Pitié, "Approximate Fast Foreground Colour Estimation", ICIP
2021): with F and B the alpha-weighted local means of foreground and background, the colour that
explains the picture I best near F is  F + a (I - a F - (1 - a) B).  Instead of two blurs of large
and small radius it is repeated with the smallest blur on every level of a pyramid, from 24 px up
(as Germer et al. do, "Fast Multi-Level Foreground Estimation", ICPR 2020): colours reach far
over wide soft bands, and stay local at sharp ones. On every level only the band and what lies next
to it is computed, since everywhere else the colours are the picture's; so the cost follows the edge
and not the picture.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from .loops import compiled, grown

EDGES_SIDE = 2048
# Longest side in px, of the first level and the last, and from which on one round will do.
SMALLEST_LEVEL, LARGEST_LEVEL, ONE_ROUND = 24, 1024, 320
DILATION = 2
# Colours are looked for in the box around the band and this part of the longest side beyond it.
MARGIN = 1 / 64
# A mean over less weight than this (of nine pixels) says nothing: the level above is kept.
LEAST_WEIGHT = 1e-3


def estimate_edges(image: Image.Image, matte: Image.Image) -> Image.Image | None:
    """Estimate foreground colours of an RGB image in the soft band of its matte (L, same size).

    Returns RGB of that size: colours (never pure zero) in the band dilated by 2 px, zero elsewhere;
    None when there is no soft pixel.
    """
    alpha = np.asarray(matte)
    soft = alpha - np.uint8(1) < np.uint8(254)  # 0 wraps around
    box = _box_of_band(soft, round(8 + MARGIN * max(image.size)))
    if box is None:
        return None
    edges = np.zeros((image.height, image.width, 3), np.uint8)
    left, top, right, bottom = box
    image, matte = image.crop(box), matte.crop(box)
    soft = np.ascontiguousarray(soft[top:bottom, left:right])
    means = _local_means(image, matte, soft)
    band = compiled(grown)(soft, DILATION)
    compiled(_finish)(_pixels(image), _pixels(matte), band, means, edges, left, top)
    return Image.fromarray(edges)


def _box_of_band(soft: np.ndarray, margin: int) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom in px of what is soft and a margin, or None where nothing is."""
    rows = np.flatnonzero(soft.any(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(soft.any(axis=0))
    left, top = int(columns[0]) - margin, int(rows[0]) - margin
    right, bottom = int(columns[-1]) + 1 + margin, int(rows[-1]) + 1 + margin
    return max(0, left), max(0, top), min(soft.shape[1], right), min(soft.shape[0], bottom)


@dataclass(frozen=True, slots=True)
class _Level:
    """A size of the picture: RGB, matte, and what is soft in it or was at the size before.

    Averages of 0 and 1, or of 254 and 255, are rounded to what is not soft. Yet colours are wanted
    there: what is soft at one size must be covered at the next, or nobody computes them.
    """

    image: Image.Image
    matte: Image.Image
    soft: np.ndarray

    @property
    def side(self) -> int:
        return max(self.image.size)

    def halve(self) -> "_Level":
        matte = self.matte.reduce(2)
        soft = compiled(_softness)(_pixels(matte), self.soft)
        return _Level(self.image.reduce(2), matte, soft)


def _local_means(image: Image.Image, matte: Image.Image, soft: np.ndarray) -> np.ndarray:
    """Means of foreground and background (float32, 0..255, h x w x 6) of at most 1024 px a side.

    soft: where they are wanted, of the picture's size. They are unset but there and 2 px around it.
    """
    largest = _Level(image, matte, soft)
    while largest.side > LARGEST_LEVEL:
        largest = largest.halve()
    levels = [largest]
    while levels[-1].side > SMALLEST_LEVEL:
        levels.append(levels[-1].halve())
    pixels = _pixels(levels[-1].image)
    colours = np.concatenate([pixels, pixels], axis=2).astype(np.float32)
    for number in reversed(range(len(levels))):
        level = levels[number]
        pixels, alpha = _pixels(level.image), _pixels(level.matte)
        active = compiled(grown)(level.soft, DILATION)
        colours = compiled(_rise)(colours, active)
        rounds = 1 if level.side > ONE_ROUND else 2
        for left in reversed(range(rounds)):
            colours = compiled(_mean)(pixels, alpha, active, colours, left > 0 or number > 0)
    return colours


def _pixels(image: Image.Image) -> np.ndarray:
    pixels = np.asarray(image).view()
    pixels.flags.writeable = False  # always: loops are compiled once for each kind of array
    return pixels


def _softness(alpha: np.ndarray, larger: np.ndarray) -> np.ndarray:
    """What is soft in alpha, or was where it is twice as large."""
    height, width = larger.shape
    soft = np.zeros(alpha.shape, np.bool_)
    for y in range(height):
        for x in range(width):
            here = alpha[y // 2, x // 2]
            if larger[y, x] or 0 < here < 255:
                soft[y // 2, x // 2] = True
    return soft


def _rise(coarse: np.ndarray, active: np.ndarray) -> np.ndarray:
    """The colours of the level above at the size of this one, where it is active."""
    height, width = active.shape
    rows, columns = coarse.shape[:2]
    half, down, across = np.float32(0.5), np.float32(rows / height), np.float32(columns / width)
    fine = np.empty((height, width, 6), np.float32)
    for y in range(height):
        row = max((y + half) * down - half, np.float32(0))
        top = min(int(row), rows - 1)
        bottom, low = min(top + 1, rows - 1), row - top
        for x in range(width):
            if not active[y, x]:
                continue
            column = max((x + half) * across - half, np.float32(0))
            left = min(int(column), columns - 1)
            right, far = min(left + 1, columns - 1), column - left
            for k in range(6):
                upper = coarse[top, left, k] * (1 - far) + coarse[top, right, k] * far
                lower = coarse[bottom, left, k] * (1 - far) + coarse[bottom, right, k] * far
                fine[y, x, k] = upper * (1 - low) + lower * low
    return fine


def _mean(
    image: np.ndarray, alpha: np.ndarray, active: np.ndarray, colours: np.ndarray, explain: bool
) -> np.ndarray:
    """Means over 3 x 3 px, weighted by alpha; ``explain`` moves them so that both give the picture.

    Beyond what is active, foreground and background are the picture itself.
    """
    height, width = alpha.shape
    means = np.empty((height, width, 6), np.float32)
    sums = np.zeros(6, np.float32)
    unit, zero, most = np.float32(1 / 255), np.float32(0), np.float32(255)
    for y in range(height):
        for x in range(width):
            if not active[y, x]:
                continue
            fore, back = zero, zero
            sums[:] = 0
            for v in range(max(0, y - 1), min(height, y + 2)):
                for u in range(max(0, x - 1), min(width, x + 2)):
                    weight = alpha[v, u] * unit
                    fore += weight
                    back += 1 - weight
                    for k in range(3):
                        seen = active[v, u]
                        sums[k] += weight * (colours[v, u, k] if seen else image[v, u, k])
                        other = colours[v, u, k + 3] if seen else image[v, u, k]
                        sums[k + 3] += (1 - weight) * other
            weight = alpha[y, x] * unit
            for k in range(3):
                f = sums[k] / fore if fore > LEAST_WEIGHT else colours[y, x, k]
                b = sums[k + 3] / back if back > LEAST_WEIGHT else colours[y, x, k + 3]
                if explain:
                    missing = image[y, x, k] - weight * f - (1 - weight) * b
                    f = min(max(f + weight * missing, zero), most)
                    b = min(max(b + (1 - weight) * missing, zero), most)
                means[y, x, k] = f
                means[y, x, k + 3] = b
    return means


def _finish(
    image: np.ndarray,
    alpha: np.ndarray,
    band: np.ndarray,
    means: np.ndarray,
    edges: np.ndarray,
    from_left: int,
    from_top: int,
) -> None:
    """The last step, at the picture's own size: writes the colours of the band to ``edges``."""
    height, width = alpha.shape
    rows, columns = means.shape[:2]
    half, down, across = np.float32(0.5), np.float32(rows / height), np.float32(columns / width)
    unit, least, most = np.float32(1 / 255), np.float32(1), np.float32(255)
    for y in range(height):
        row = max((y + half) * down - half, np.float32(0))
        top = min(int(row), rows - 1)
        low = row - top
        # A neighbour without weight may be unset, and zero times infinity is not zero.
        bottom = min(top + 1, rows - 1) if low > 0 else top
        for x in range(width):
            if not band[y, x]:
                continue
            column = max((x + half) * across - half, np.float32(0))
            left = min(int(column), columns - 1)
            far = column - left
            right = min(left + 1, columns - 1) if far > 0 else left
            weight = alpha[y, x] * unit
            for k in range(3):
                upper = means[top, left, k] * (1 - far) + means[top, right, k] * far
                lower = means[bottom, left, k] * (1 - far) + means[bottom, right, k] * far
                f = upper * (1 - low) + lower * low
                upper = means[top, left, k + 3] * (1 - far) + means[top, right, k + 3] * far
                lower = means[bottom, left, k + 3] * (1 - far) + means[bottom, right, k + 3] * far
                b = upper * (1 - low) + lower * low
                colour = f + weight * (image[y, x, k] - weight * f - (1 - weight) * b)
                edges[from_top + y, from_left + x, k] = np.uint8(
                    min(max(colour + half, least), most)
                )

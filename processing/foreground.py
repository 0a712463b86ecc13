"""The subject's own colours in the soft band, so that no old background shines through.

The step of blur fusion (Forte and Pitié, "Approximate Fast Foreground Colour Estimation", ICIP
2021): with F and B the alpha-weighted local means of foreground and background, the colour that
explains the picture I best near F is  F + a (I - a F - (1 - a) B).  Instead of two blurs of large
and small radius it is repeated with the smallest blur on every level of a pyramid, from 16 px up
(as Germer et al. do, "Fast Multi-Level Foreground Estimation", ICPR 2020): colours reach far
over wide soft bands, and stay local at sharp ones. On every level only the band and what lies next
to it is computed, since everywhere else the colours are the picture's; so the cost follows the edge
and not the picture.
"""

import numpy as np
from PIL import Image

from .loops import compiled

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
    box = _box_of_band(np.asarray(matte), round(8 + MARGIN * max(image.size)))
    if box is None:
        return None
    edges = np.zeros((image.height, image.width, 3), np.uint8)
    if box != (0, 0, *image.size):
        image, matte = image.crop(box), matte.crop(box)
    means = _local_means(image, matte)
    alpha = _pixels(matte)
    band = compiled(_grown)(alpha, DILATION)
    compiled(_finish)(_pixels(image), alpha, band, means, edges, box[0], box[1])
    return Image.fromarray(edges)


def _box_of_band(alpha: np.ndarray, margin: int) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom in px of what is soft and a margin, or None where nothing is."""
    soft = alpha - np.uint8(1) < np.uint8(254)  # 0 wraps around
    rows = np.flatnonzero(soft.any(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(soft.any(axis=0))
    left, top = int(columns[0]) - margin, int(rows[0]) - margin
    right, bottom = int(columns[-1]) + 1 + margin, int(rows[-1]) + 1 + margin
    return max(0, left), max(0, top), min(alpha.shape[1], right), min(alpha.shape[0], bottom)


def _local_means(image: Image.Image, matte: Image.Image) -> np.ndarray:
    """Means of foreground and background (float32, 0..255, h x w x 6) of at most 1024 px a side.

    They are meaningless where no soft pixel is near.
    """
    levels = [(image, matte)]
    if max(image.size) > LARGEST_LEVEL:
        levels = [(image.reduce(2), matte.reduce(2))]
    while max(levels[-1][0].size) > SMALLEST_LEVEL:
        levels.append((levels[-1][0].reduce(2), levels[-1][1].reduce(2)))
    pixels = _pixels(levels[-1][0])
    colours = np.concatenate([pixels, pixels], axis=2).astype(np.float32)
    for number in reversed(range(len(levels))):
        pixels, alpha = map(_pixels, levels[number])
        active = compiled(_grown)(alpha, DILATION)
        colours = compiled(_rise)(colours, active)
        rounds = 1 if max(alpha.shape) > ONE_ROUND else 2
        for left in reversed(range(rounds)):
            colours = compiled(_mean)(pixels, alpha, active, colours, left > 0 or number > 0)
    return colours


def _pixels(image: Image.Image) -> np.ndarray:
    pixels = np.asarray(image).view()
    pixels.flags.writeable = False  # always: loops are compiled once for each kind of array
    return pixels


def _grown(alpha: np.ndarray, reach: int) -> np.ndarray:
    """What is soft, and everything up to ``reach`` px beside it."""
    height, width = alpha.shape
    near = np.zeros((height, width), np.bool_)
    for y in range(height):
        for x in range(width):
            if alpha[y, x] != 0 and alpha[y, x] != 255:
                for v in range(max(0, y - reach), min(height, y + reach + 1)):
                    for u in range(max(0, x - reach), min(width, x + reach + 1)):
                        near[v, u] = True
    return near


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
        bottom, low = min(top + 1, rows - 1), row - top
        for x in range(width):
            if not band[y, x]:
                continue
            column = max((x + half) * across - half, np.float32(0))
            left = min(int(column), columns - 1)
            right, far = min(left + 1, columns - 1), column - left
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

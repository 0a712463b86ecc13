"""The subject's own colours in the soft band, so that no old background shines through.

Blur fusion after Forte and Pitié, "Approximate Fast Foreground Colour Estimation" (ICIP 2021):
with F and B the alpha-weighted local means of foreground and background, the colour that explains
the picture best near F is  F + a (I - a F - (1 - a) B).  The means are smooth, so they are found on
a small copy, and the last step is done for the pixels of the band alone: the cost follows the edge.
"""

import numpy as np
from PIL import Image

EDGES_SIDE = 2048
# Two rounds, as in the paper: far (fills the inside of hair and holes), then near. Radii are in
# 1/1000 of the longest side, at the sides that the means are found on.
ROUNDS = ((256, 0.045), (1024, 0.006))
DILATION = 2


def estimate_edges(image: Image.Image, matte: Image.Image) -> Image.Image | None:
    """Estimate foreground colours of an RGB image in the soft band of its matte (L, same size).

    Returns RGB of that size: colours (never pure zero) in the band dilated by 2 px, zero elsewhere;
    None when there is no soft pixel.
    """
    alpha = np.asarray(matte)
    band = _dilate((alpha > 0) & (alpha < 255), DILATION)
    where = np.nonzero(band)
    if where[0].size == 0:
        return None
    weight = alpha[where][:, None].astype(np.float32) / 255
    colour = np.asarray(image)[where].astype(np.float32)
    fore, back = _local_means(image, matte, where)
    estimate = fore + weight * (colour - weight * fore - (1 - weight) * back)
    edges = np.zeros((*alpha.shape, 3), np.uint8)
    edges[where] = np.clip(estimate + 0.5, 1, 255)
    return Image.fromarray(edges)


def _dilate(mask: np.ndarray, radius: int) -> np.ndarray:
    grown = mask.copy()
    for step in range(1, radius + 1):
        grown[step:] |= mask[:-step]
        grown[:-step] |= mask[step:]
    wide = grown.copy()
    for step in range(1, radius + 1):
        wide[:, step:] |= grown[:, :-step]
        wide[:, :-step] |= grown[:, step:]
    return wide


def _local_means(
    image: Image.Image, matte: Image.Image, where: tuple[np.ndarray, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Foreground and background means at the pixels ``where``: two float arrays (n, 3), 0..255."""
    fore = back = None
    for side, radius in ROUNDS:
        size = _fit(image.size, side)
        small = np.asarray(image.resize(size, Image.Resampling.BOX), np.float32)
        weight = np.asarray(matte.resize(size, Image.Resampling.BOX), np.float32)[..., None] / 255
        fore = small if fore is None else _resize(fore, size)
        back = small if back is None else _resize(back, size)
        box = max(1, round(radius * max(size)))
        fore = _weighted_mean(fore, weight, box)
        back = _weighted_mean(back, 1 - weight, box)
        last_fore = fore
        fore = fore + weight * (small - weight * fore - (1 - weight) * back)
        fore = np.clip(fore, 0, 255)
    return _sample(last_fore, where, image.size), _sample(back, where, image.size)


def _fit(size: tuple[int, int], side: int) -> tuple[int, int]:
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _resize(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    planes = [
        Image.fromarray(np.ascontiguousarray(values[..., i])).resize(
            size, Image.Resampling.BILINEAR
        )
        for i in range(values.shape[2])
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=2)


def _weighted_mean(values: np.ndarray, weight: np.ndarray, radius: int) -> np.ndarray:
    blurred = _box_blur(np.concatenate([values * weight, weight], axis=2), radius)
    return blurred[..., :-1] / (blurred[..., -1:] + 1e-5)


def _box_blur(values: np.ndarray, radius: int) -> np.ndarray:
    """Sums over squares of 2 radius + 1 px, cut at the border (their quotient is what matters)."""
    for axis in (0, 1):
        length = values.shape[axis]
        sums = np.cumsum(values, axis=axis, dtype=np.float64)
        sums = np.insert(sums, 0, 0, axis=axis)
        index = np.arange(length)
        upper = np.take(sums, np.minimum(index + radius + 1, length), axis=axis)
        values = upper - np.take(sums, np.maximum(index - radius, 0), axis=axis)
    return values.astype(np.float32)


def _sample(values: np.ndarray, where: tuple[np.ndarray, ...], size: tuple[int, int]) -> np.ndarray:
    """Bilinear values of a small array at pixels of an image of ``size`` (width, height)."""
    height, width = values.shape[:2]
    y = np.clip((where[0] + 0.5) * (height / size[1]) - 0.5, 0, height - 1).astype(np.float32)
    x = np.clip((where[1] + 0.5) * (width / size[0]) - 0.5, 0, width - 1).astype(np.float32)
    top, left = y.astype(np.intp), x.astype(np.intp)
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    down, along = (y - top)[:, None], (x - left)[:, None]
    upper = values[top, left] * (1 - along) + values[top, right] * along
    lower = values[bottom, left] * (1 - along) + values[bottom, right] * along
    return upper * (1 - down) + lower * down

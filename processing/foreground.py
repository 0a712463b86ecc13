"""The subject's own colours in the soft band, so that no old background shines through.

The step of blur fusion (Forte and Pitié, "Approximate Fast Foreground Colour Estimation", ICIP
2021): with F and B the alpha-weighted local means of foreground and background, the colour that
explains the picture I best near F is  F + a (I - a F - (1 - a) B).  Instead of two blurs of large
and small radius it is repeated with the smallest blur on every level of a pyramid, from 16 px up
(as Germer et al. do, "Fast Multi-Level Foreground Estimation", ICPR 2020): colours reach far
over wide soft bands, and stay local at sharp ones. The pyramid ends at 512 px, as the means are
smooth; the last step is done at the picture's own size, for the pixels of the band alone, so that
its cost follows the edge and not the picture.
"""

import numpy as np
from PIL import Image

EDGES_SIDE = 2048
# Longest side in px, and rounds: the last level costs most and gains least from a second one.
LEVELS = ((16, 2), (32, 2), (64, 2), (128, 2), (256, 2), (512, 1))
DILATION = 2
# A mean over less weight than this (of nine pixels) says nothing: the level above is kept.
LEAST_WEIGHT = np.float32(1e-3)


def estimate_edges(image: Image.Image, matte: Image.Image) -> Image.Image | None:
    """Estimate foreground colours of an RGB image in the soft band of its matte (L, same size).

    Returns RGB of that size: colours (never pure zero) in the band dilated by 2 px, zero elsewhere;
    None when there is no soft pixel.
    """
    alpha = np.asarray(matte)
    band = np.flatnonzero(_soft_band(alpha))
    if band.size == 0:
        return None
    fore, back = (_pick(mean, image.size, band) for mean in _local_means(image, matte))
    colour = np.asarray(image).reshape(-1, 3)[band]
    weight = alpha.reshape(-1)[band][:, None] * np.float32(1 / 255)
    estimate = fore + weight * (colour - weight * fore - (1 - weight) * back)
    edges = np.zeros((alpha.size, 3), np.uint8)
    edges[band] = np.clip(estimate + 0.5, 1, 255)
    return Image.fromarray(edges.reshape(*alpha.shape, 3))


def _soft_band(alpha: np.ndarray) -> np.ndarray:
    mask = (alpha > 0) & (alpha < 255)
    for _ in range(DILATION):
        grown = mask.copy()
        grown[1:] |= mask[:-1]
        grown[:-1] |= mask[1:]
        mask = grown.copy()
        mask[:, 1:] |= grown[:, :-1]
        mask[:, :-1] |= grown[:, 1:]
    return mask


def _local_means(image: Image.Image, matte: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """Means of foreground and background: float32 (3, h, w), 0..255, at most 512 px a side."""
    last = _fit(image.size, LEVELS[-1][0])
    image = image.resize(last, Image.Resampling.BOX, reducing_gap=2)
    matte = matte.resize(last, Image.Resampling.BOX, reducing_gap=2)
    colours = means = None
    for side, rounds in LEVELS:
        size = _fit(last, side)
        small = _planes(image.resize(size, Image.Resampling.BOX))
        weight = _planes(matte.resize(size, Image.Resampling.BOX)) / np.float32(255)
        weights = np.concatenate([np.repeat(weight, 3, axis=0), np.repeat(1 - weight, 3, axis=0)])
        small = np.concatenate([small, small])
        colours = small if colours is None else _resize(colours, size)
        for _ in range(rounds):
            means = _weighted_means(colours, weights)
            colours = _explain(small, weights, means)
    assert means is not None
    return means[:3], means[3:]


def _planes(image: Image.Image) -> np.ndarray:
    pixels = np.asarray(image, np.float32)
    return np.ascontiguousarray(np.atleast_3d(pixels).transpose(2, 0, 1))


def _weighted_means(colours: np.ndarray, weights: np.ndarray) -> np.ndarray:
    total = _sums_of_nine(weights[::3])
    sums = _sums_of_nine(colours * weights)
    total = np.repeat(total, 3, axis=0)
    return np.where(total > LEAST_WEIGHT, sums / np.maximum(total, LEAST_WEIGHT), colours)


def _explain(image: np.ndarray, weights: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Move foreground and background so that together they give the picture."""
    weighted = weights * means
    missing = image[:3] - weighted[:3] - weighted[3:]
    return np.clip(means + weights * np.concatenate([missing, missing]), 0, 255)


def _sums_of_nine(planes: np.ndarray) -> np.ndarray:
    """Sums over 3 x 3 px, fewer at the border (their quotient is what matters)."""
    tall = planes.copy()
    tall[:, 1:] += planes[:, :-1]
    tall[:, :-1] += planes[:, 1:]
    square = tall.copy()
    square[:, :, 1:] += tall[:, :, :-1]
    square[:, :, :-1] += tall[:, :, 1:]
    return square


def _fit(size: tuple[int, int], side: int) -> tuple[int, int]:
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _resize(planes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    bilinear = Image.Resampling.BILINEAR
    resized = [Image.fromarray(plane).resize(size, bilinear) for plane in planes]
    return np.stack([np.asarray(plane) for plane in resized])


def _pick(mean: np.ndarray, size: tuple[int, int], band: np.ndarray) -> np.ndarray:
    """Enlarge a mean (3, h, w) to ``size`` and give its values at the pixels of the band."""
    small = Image.fromarray(np.ascontiguousarray(mean.transpose(1, 2, 0) + 0.5).astype(np.uint8))
    large = small.resize(size, Image.Resampling.BILINEAR)
    return np.asarray(large).reshape(-1, 3)[band].astype(np.float32)

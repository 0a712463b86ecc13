"""Models of colours: smoothed histograms, and what they say of each pixel."""

import numpy as np
from PIL import Image

BINS = 16
SMOOTH = np.array([1, 4, 6, 4, 1], np.float32) / 16
# A colour that was never seen is as likely as this share of an even spread.
FLOOR = 0.02


def cells(image: Image.Image) -> np.ndarray:
    """The cell of each pixel of an RGB picture in a cube of BINS a side: int32 (height, width).

    Of luminance and chroma, where chroma (of which pictures have little) is told apart finer.
    """
    planes = np.asarray(image.convert("YCbCr")).astype(np.int32)
    luminance = planes[..., 0] * BINS // 256
    chroma = np.clip((planes[..., 1:] - 128) * 2 + 128, 0, 255) * BINS // 256
    return (luminance * BINS + chroma[..., 0]) * BINS + chroma[..., 1]


def model(found: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """How likely each cell is among pixels with these weights: float32 (BINS ** 3,), sums to 1."""
    counts = np.bincount(found.ravel(), weights.ravel(), minlength=BINS**3)
    cube = counts.astype(np.float32).reshape(BINS, BINS, BINS)
    for axis in range(3):
        padded = np.pad(cube, [(2, 2) if side == axis else (0, 0) for side in range(3)])
        cube = sum(
            factor * np.take(padded, range(step, step + BINS), axis)
            for step, factor in enumerate(SMOOTH)
        )
    share = cube.ravel() / max(float(cube.sum()), 1e-6)
    return share * np.float32(1 - FLOOR) + np.float32(FLOOR / BINS**3)

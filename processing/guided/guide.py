"""A matte of the grid enlarged so that its edges follow those of the picture: numpy alone."""

import numpy as np
from PIL import Image

RADIUS = 3  # of squares of 7 px
# Of colours in 0..255: what varies less than its root counts as flat.
EPS = 30.0


def follow(image: Image.Image, colours: np.ndarray, matte: np.ndarray) -> Image.Image:
    """L of the size of `image`.

    colours: float32 (height, width, 3) of the grid, YCbCr with doubled chroma. matte: 0..1.
    The linear function of colour that explains the matte best around each pixel is found on the
    grid, and applied at the picture's own size.
    """
    planes = colours.transpose(2, 0, 1)
    products = [planes[row] * planes[column] for row in range(3) for column in range(row, 3)]
    means = _means(np.stack([*planes, matte, *products, *(planes * matte)]))
    average, mean = means[:3], means[3]
    variance = means[4:10] - np.stack(
        [average[row] * average[column] for row in range(3) for column in range(row, 3)]
    )
    variance[[0, 3, 5]] += np.float32(EPS)
    slopes = _solve(variance, means[10:] - average * mean)
    offset = mean - (slopes * average).sum(axis=0)
    smooth = _means(np.stack([*slopes, offset]))
    large = np.asarray(image.convert("YCbCr"))
    value = _enlarged(smooth[3], image.size)
    for channel, slope in enumerate(smooth[:3]):
        factor = np.float32(1 if channel == 0 else 2)
        value = value + _enlarged(slope * factor, image.size) * large[..., channel]
    # What is left over of a soft flat is noise: ends are pulled to 0 and 1.
    value = (value - np.float32(0.06)) * np.float32(255 / 0.88)
    return Image.fromarray(np.clip(value, 0, 255).astype(np.uint8))


def _solve(variance: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Symmetric 3 x 3 systems, by cofactors: far quicker than a general solver for so many."""
    a, b, c, d, e, f = variance
    p, q, r = d * f - e * e, c * e - b * f, b * e - c * d
    s, t, u = a * f - c * c, b * c - a * e, a * d - b * b
    x, y, z = right
    solved = np.stack([p * x + q * y + r * z, q * x + s * y + t * z, r * x + t * y + u * z])
    return solved / (a * p + b * q + c * r)


def _means(planes: np.ndarray) -> np.ndarray:
    """Over squares of 7 px a side, of float32 (planes, height, width); edges go on outside."""
    for axis in (1, 2):
        around = [(RADIUS, RADIUS) if side == axis else (0, 0) for side in range(3)]
        one = np.pad(planes, around, mode="edge").swapaxes(1, axis)
        two = one[:, :-1] + one[:, 1:]
        four = two[:, :-2] + two[:, 2:]
        seven = four[:, :-3] + two[:, 4:-1] + one[:, 6:]
        planes = seven.swapaxes(1, axis) * np.float32(1 / 7)
    return planes


def _enlarged(plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    grown = Image.fromarray(np.ascontiguousarray(plane, np.float32))
    return np.asarray(grown.resize(size, Image.Resampling.BILINEAR))

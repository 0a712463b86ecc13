"""Alpha brought to a larger size along the picture's own edges.

The colour guided filter (He, Sun and Tang, PAMI 2013): in every small window alpha is fitted as a
linear function of the colour. The fit is made where alpha is known, on a small picture, and applied
to the large one (He and Sun, "Fast Guided Filter", 2015), in the band alone.
"""

import numpy as np
from PIL import Image

from processing.loops import compiled, grown

RADIUS, EPSILON = 2, 1e-4


def enlarge_along(
    alpha: np.ndarray, pixels: np.ndarray, band: np.ndarray, image: Image.Image
) -> Image.Image:
    """Alpha (float64, 0..1) of a small copy (``pixels``, 0..1), at the size of ``image`` (RGB).

    band: where alpha may be soft, at the small size; elsewhere it is only enlarged.
    """
    rough = Image.fromarray(np.rint(alpha * 255).astype(np.uint8))
    large = np.array(rough.resize(image.size, Image.Resampling.BICUBIC))
    active = compiled(grown)(band, RADIUS + 1)
    fits = compiled(_fit)(pixels, alpha, active, RADIUS, EPSILON)
    means = compiled(_mean)(fits, active, RADIUS)
    guide = np.asarray(image).view()
    guide.flags.writeable = False
    compiled(_apply)(guide, means, active, large)
    return Image.fromarray(large)


def _fit(
    pixels: np.ndarray, alpha: np.ndarray, active: np.ndarray, radius: int, epsilon: float
) -> np.ndarray:
    height, width = active.shape
    fits = np.zeros((height, width, 4))
    for y in range(height):
        for x in range(width):
            if not active[y, x]:
                continue
            n, r, g, b, a = 0, 0.0, 0.0, 0.0, 0.0
            rr, rg, rb, gg, gb, bb, ar, ag, ab = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            for v in range(max(0, y - radius), min(height, y + radius + 1)):
                for u in range(max(0, x - radius), min(width, x + radius + 1)):
                    red, green, blue = pixels[v, u, 0], pixels[v, u, 1], pixels[v, u, 2]
                    here = alpha[v, u]
                    n, r, g, b, a = n + 1, r + red, g + green, b + blue, a + here
                    rr, rg, rb = rr + red * red, rg + red * green, rb + red * blue
                    gg, gb, bb = gg + green * green, gb + green * blue, bb + blue * blue
                    ar, ag, ab = ar + here * red, ag + here * green, ab + here * blue
            r, g, b, a = r / n, g / n, b / n, a / n
            rr, rg, rb = rr / n - r * r + epsilon, rg / n - r * g, rb / n - r * b
            gg, gb, bb = gg / n - g * g + epsilon, gb / n - g * b, bb / n - b * b + epsilon
            ar, ag, ab = ar / n - a * r, ag / n - a * g, ab / n - a * b
            irr, irg, irb = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
            igg, igb, ibb = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
            scale = 1 / (rr * irr + rg * irg + rb * irb)
            fits[y, x, 0] = (irr * ar + irg * ag + irb * ab) * scale
            fits[y, x, 1] = (irg * ar + igg * ag + igb * ab) * scale
            fits[y, x, 2] = (irb * ar + igb * ag + ibb * ab) * scale
            fits[y, x, 3] = a - fits[y, x, 0] * r - fits[y, x, 1] * g - fits[y, x, 2] * b
    return fits


def _mean(fits: np.ndarray, active: np.ndarray, radius: int) -> np.ndarray:
    height, width = active.shape
    means = np.zeros((height, width, 4))
    for y in range(height):
        for x in range(width):
            if not active[y, x]:
                continue
            n = 0
            for v in range(max(0, y - radius), min(height, y + radius + 1)):
                for u in range(max(0, x - radius), min(width, x + radius + 1)):
                    if active[v, u]:
                        n += 1
                        for k in range(4):
                            means[y, x, k] += fits[v, u, k]
            for k in range(4):
                means[y, x, k] /= n
    return means


def _apply(image: np.ndarray, fits: np.ndarray, active: np.ndarray, alpha: np.ndarray) -> None:
    """Overwrites alpha (uint8, of the image's size) where all four fits around are there."""
    height, width = alpha.shape
    rows, columns = active.shape
    down, across = rows / height, columns / width
    for y in range(height):
        row = max((y + 0.5) * down - 0.5, 0.0)
        top = min(int(row), rows - 1)
        bottom, low = min(top + 1, rows - 1), row - top
        for x in range(width):
            column = max((x + 0.5) * across - 0.5, 0.0)
            left = min(int(column), columns - 1)
            right, far = min(left + 1, columns - 1), column - left
            if not (active[top, left] and active[top, right]):
                continue
            if not (active[bottom, left] and active[bottom, right]):
                continue
            value = 0.0
            for k in range(4):
                upper = fits[top, left, k] * (1 - far) + fits[top, right, k] * far
                lower = fits[bottom, left, k] * (1 - far) + fits[bottom, right, k] * far
                fit = upper * (1 - low) + lower * low
                value += fit * (image[y, x, k] if k < 3 else 255.0)
            alpha[y, x] = np.uint8(min(max(value + 0.5, 0.0), 255.0))

"""Working on large pictures a strip at a time: whole copies at every step would take gigabytes."""

from collections.abc import Iterator
from math import ceil

from PIL import Image

Box = tuple[int, int, int, int]
STRIP_ROWS = 256


def strips(size: tuple[int, int]) -> Iterator[Box]:
    """Boxes of full width, from top to bottom."""
    width, height = size
    for top in range(0, height, STRIP_ROWS):
        yield 0, top, width, min(height, top + STRIP_ROWS)


def enlarged_part(image: Image.Image, box: Box, size: tuple[int, int]) -> Image.Image:
    """What ``image``, enlarged to ``size``, shows in ``box``: without seams between strips.

    Pillow looks at nothing outside the part that it resizes, so a little more is resized.
    """
    if image.size == size:
        return image.crop(box)
    left, top, right, bottom = box
    more = ceil(size[1] / image.height) * 2
    first, last = max(0, top - more), min(size[1], bottom + more)
    down = image.height / size[1]
    source = (
        left * image.width / size[0],
        first * down,
        right * image.width / size[0],
        min(last * down, image.height),
    )
    part = image.resize((right - left, last - first), Image.Resampling.BICUBIC, source)
    return part.crop((0, top - first, right - left, bottom - first))


def covering(
    size: tuple[float, float], canvas: tuple[int, int]
) -> tuple[float, float, float, float]:
    """The middle part of something of ``size`` that has the proportions of ``canvas``."""
    scale = min(size[0] / canvas[0], size[1] / canvas[1])
    width, height = canvas[0] * scale, canvas[1] * scale
    left, top = (size[0] - width) / 2, (size[1] - height) / 2
    return max(0, left), max(0, top), min(size[0], left + width), min(size[1], top + height)

"""Cleaner edges than a network's small map has: hair, fur and whatever else is thin or soft."""

from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True, slots=True)
class Refined:
    """matte: L, of any size up to the picture's. why: in a word, what was done or why not."""

    matte: Image.Image
    why: str


def refine(image: Image.Image, matte: Image.Image, how: str) -> Refined:
    """Refine the edges of a matte.

    image: RGB. matte: L, cleaned, of any size; the whole picture maps onto it. how: on, or auto,
    which decides by the picture.
    """
    return Refined(matte, "")

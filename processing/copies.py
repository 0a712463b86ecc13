"""Smaller copies of pictures, without their transparency: what engines and people work on."""

from PIL import Image

MID_GREY = (128, 128, 128)

Size = tuple[int, int]


def scaled(size: Size, scale: float) -> Size:
    """Width and height in px, at least one of each."""
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def limit_size(size: Size, side: int) -> Size:
    """`size`, or one of the same shape with a longest side of `side` px."""
    return scaled(size, min(1.0, side / max(size)))


def limit(
    image: Image.Image, side: int, how: Image.Resampling = Image.Resampling.BILINEAR
) -> Image.Image:
    """A copy of at most `side` px a side in the same mode, or `image` itself if it is no larger."""
    size = limit_size(image.size, side)
    return image if size == image.size else image.resize(size, how, reducing_gap=2)


def flatten(image: Image.Image) -> Image.Image:
    """RGB of an RGB or RGBA picture, on grey: what lies hidden under transparency must not count.

    A picture that is RGB is returned as it is.
    """
    if image.mode == "RGB":
        return image
    ground = Image.new("RGB", image.size, MID_GREY)
    ground.paste(image, mask=image.getchannel("A"))
    return ground

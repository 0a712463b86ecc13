"""Original and matte to a finished picture: pure, and never changes what it is given.

Alpha is straight throughout. Colour under alpha 0 is zero, so a removed background cannot be read
from the file; colour under alpha 255 is the original's, exactly.
"""

from PIL import Image, ImageChops

from .spec import WHITE, Colour, RenderSpec

# How many times larger than the rendition the cutout is made: enough that no neighbour of the
# subject is mixed into its rim by the first, quick reduction.
NEAR = 3
STRIP_ROWS = 256


def render(
    original: Image.Image,
    matte: Image.Image,
    spec: RenderSpec,
    *,
    edges: Image.Image | None = None,
) -> Image.Image:
    """Make what ``spec`` asks for.

    original: RGB or RGBA, upright, of the matte's size, or a smaller copy of it (enough when the
    rendition is small). matte: L. edges: RGB, the foreground colours of the soft band at any scale,
    zero elsewhere; used unless the spec says not to decontaminate.
    Returns RGBA, RGB where nothing can be transparent, or L for ``channels=alpha``.
    Raises InvalidSpec when the format cannot hold the size.
    """
    size = spec.fit(matte.size)
    original, matte = _near(original, matte, size)
    alpha = _alpha(original, matte)
    if spec.channels == "alpha":
        return alpha.resize(size, Image.Resampling.BOX) if alpha.size != size else alpha
    edges = edges if spec.decontaminate else None
    if alpha.size == size:
        return _compose(original, alpha, edges, _background(spec))
    # Pillow premultiplies while it resizes RGBA, so transparent pixels lend no colour.
    cutout = _compose(original, alpha, edges, None)
    cutout = cutout.resize(size, Image.Resampling.LANCZOS, reducing_gap=2)
    return _compose(cutout.convert("RGB"), cutout.getchannel("A"), None, _background(spec))


def _near(
    original: Image.Image, matte: Image.Image, size: tuple[int, int]
) -> tuple[Image.Image, Image.Image]:
    """Bring both to one size: not much above the one wanted, and never below it."""
    factor = min(original.width // (NEAR * size[0]), original.height // (NEAR * size[1]))
    if factor > 1:
        original = original.reduce(factor)
    elif original.width < size[0] or original.height < size[1]:
        original = original.resize(matte.size, Image.Resampling.BICUBIC)
    if matte.size != original.size:
        matte = matte.resize(original.size, Image.Resampling.BILINEAR, reducing_gap=1)
    return original, matte


def _alpha(original: Image.Image, matte: Image.Image) -> Image.Image:
    """The matte, times the transparency that the original brought along."""
    if original.mode != "RGBA":
        return matte
    return ImageChops.multiply(matte, original.getchannel("A"))


def _compose(
    original: Image.Image,
    alpha: Image.Image,
    edges: Image.Image | None,
    background: Colour | None,
) -> Image.Image:
    """Put colours, alpha, edge colours and background together; all but edges of one size.

    In strips: whole copies at every step would take gigabytes for the largest pictures.
    """
    opaque = background is not None and background[3] == 255
    result = Image.new("RGB" if opaque else "RGBA", alpha.size)
    known = None if edges is None else _any_channel(edges).point(_STEP_1)
    for top in range(0, alpha.height, STRIP_ROWS):
        box = (0, top, alpha.width, min(alpha.height, top + STRIP_ROWS))
        colours, strip = original.crop(box).convert("RGB"), alpha.crop(box)
        if edges is not None and known is not None:
            parts = (_part_of(image, box, alpha.size) for image in (edges, known))
            colours = _with_edges(colours, strip, *parts)
        result.paste(_on_background(_cutout(colours, strip), background), box)
    return result


def _part_of(
    image: Image.Image, box: tuple[int, int, int, int], size: tuple[int, int]
) -> Image.Image:
    """What an image of another scale shows in one box of a picture of ``size``."""
    if image.size == size:
        return image.crop(box)
    across, down = image.width / size[0], image.height / size[1]
    source = (box[0] * across, box[1] * down, box[2] * across, min(box[3] * down, image.height))
    part = (box[2] - box[0], box[3] - box[1])
    return image.resize(part, Image.Resampling.BILINEAR, source)


def _with_edges(
    colours: Image.Image, alpha: Image.Image, edges: Image.Image, known: Image.Image
) -> Image.Image:
    # Only where every neighbour is known (a mean with "unknown" black is no colour), and only in
    # the soft band: opaque pixels stay exact.
    usable = ImageChops.multiply(known.point(_STEP_255), alpha.point(_SOFT))
    return Image.composite(edges, colours, usable)


_STEP_1 = [0] + [255] * 255
_STEP_255 = [0] * 255 + [255]
_SOFT = [0] + [255] * 254 + [0]


def _any_channel(image: Image.Image) -> Image.Image:
    red, green, blue = image.split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)


def _cutout(colours: Image.Image, alpha: Image.Image) -> Image.Image:
    """Straight RGBA with zero colour under alpha 0."""
    black = Image.new("RGB", colours.size)
    cutout = Image.composite(colours, black, alpha.point(_STEP_1))
    cutout.putalpha(alpha)
    return cutout


def _background(spec: RenderSpec) -> Colour | None:
    """What comes behind; the format's own white where it cannot be transparent."""
    if spec.format != "jpeg":
        return spec.background
    if spec.background is None:
        return WHITE
    red, green, blue, alpha = spec.background
    red, green, blue = (round((c * alpha + 255 * (255 - alpha)) / 255) for c in (red, green, blue))
    return red, green, blue, 255


def _on_background(cutout: Image.Image, background: Colour | None) -> Image.Image:
    if background is None:
        return cutout
    if background[3] == 255:
        ground = Image.new("RGB", cutout.size, background[:3])
        ground.paste(cutout, mask=cutout.getchannel("A"))
        return ground
    ground = Image.new("RGBA", cutout.size, background)
    return Image.alpha_composite(ground, cutout)

"""Original and matte to a finished picture: pure, and never changes what it is given.

Alpha is straight throughout. Colour under alpha 0 is zero, so a removed background cannot be read
from the file; colour under alpha 255 is the original's, exactly.
"""

from dataclasses import dataclass

from PIL import Image, ImageChops

from .grounds import Painter, painter_for
from .layout import Box, Layout, lay_out
from .matte import adjust, bounding_box
from .shadows import cast_shadow
from .spec import SHADOW_OPACITY, Blur, RenderSpec
from .strips import enlarged_part, strips

# How many times larger than the rendition the cutout is made: enough that no neighbour of the
# subject is mixed into its rim by the first, quick reduction.
NEAR = 3


def render(
    original: Image.Image,
    matte: Image.Image,
    spec: RenderSpec,
    *,
    edges: Image.Image | None = None,
    backdrop: Image.Image | None = None,
) -> Image.Image:
    """Make what ``spec`` asks for.

    original: RGB or RGBA, upright, of the matte's size, or a smaller copy of it (enough when the
    rendition is small). matte: L. edges: RGB, the foreground colours of the soft band at any scale,
    zero elsewhere; used unless the spec says not to decontaminate. backdrop: RGB or RGBA, the
    picture that the spec names as its background.
    Returns RGBA, RGB where nothing can be transparent, or L for ``channels=alpha``: the alpha that
    the picture would have without a background, its shadow included.
    Raises InvalidSpec when the format cannot hold the size, or the backdrop is missing.
    """
    layout = layout_for(spec, matte)
    part = _part(original, matte, edges if spec.decontaminate else None, layout, spec)
    wants_alpha = spec.channels == "alpha"
    if wants_alpha and spec.shadow == "none":
        return _on_canvas(_resized(part.alpha, layout), layout)
    shadow = _shadow(part.alpha, layout, spec)
    cutout = _cutout_painter(part, layout)
    if wants_alpha:
        return _assemble(cutout, layout, shadow, None).getchannel("A")
    ground = painter_for(spec, layout, original, _for_blur(matte, spec), backdrop)
    return _assemble(cutout, layout, shadow, ground)


def layout_for(spec: RenderSpec, matte: Image.Image) -> Layout:
    """Where the picture lies for ``spec``; looks for the subject only when it matters."""
    needs_subject = spec.crop == "subject" or spec.scale is not None or spec.position is not None
    bbox = bounding_box(matte) if needs_subject else None
    reach = 2 + max(0.0, spec.shift or 0)
    return lay_out(spec, matte.size, bbox, reach=reach)


@dataclass(frozen=True, slots=True)
class _Part:
    """The part of the original that shows, at a size not far above the one wanted.

    colours: RGB or RGBA. alpha: L, of the same size. edges: RGB at any scale, of the same part.
    """

    colours: Image.Image
    alpha: Image.Image
    edges: Image.Image | None


def _part(
    original: Image.Image,
    matte: Image.Image,
    edges: Image.Image | None,
    layout: Layout,
    spec: RenderSpec,
) -> _Part:
    if layout.is_whole(matte.size):
        size = layout.canvas
    else:
        original, matte, edges = _cropped(original, matte, edges, layout.region)
        size = (layout.target[2] - layout.target[0], layout.target[3] - layout.target[1])
    full = matte.width
    colours, matte = _near(original, matte, size)
    if spec.shift or spec.feather:
        scale = matte.width / full
        matte = adjust(matte, shift=(spec.shift or 0) * scale, feather=(spec.feather or 0) * scale)
    return _Part(colours, _alpha(colours, matte), edges)


def _cropped(
    original: Image.Image, matte: Image.Image, edges: Image.Image | None, region: Box
) -> tuple[Image.Image, Image.Image, Image.Image | None]:
    """All three cut to one region of the matte, each at its own scale."""
    part = (region[2] - region[0], region[3] - region[1])
    colours = _window(original, region, matte.size, part)
    if edges is not None:
        scale = min(1.0, edges.width / matte.width)
        size = (max(1, round(part[0] * scale)), max(1, round(part[1] * scale)))
        edges = _window(edges, region, matte.size, size, Image.Resampling.NEAREST)
    return colours, matte.crop(region), edges


def _window(
    image: Image.Image,
    region: Box,
    full: tuple[int, int],
    size: tuple[int, int],
    how: Image.Resampling = Image.Resampling.BICUBIC,
) -> Image.Image:
    """What ``image`` shows in one region of the full picture."""
    if image.size == full:
        return image.crop(region)
    across, down = image.width / full[0], image.height / full[1]
    left, top, right, bottom = region
    box = (
        left * across,
        top * down,
        min(right * across, image.width),
        min(bottom * down, image.height),
    )
    return image.resize(size, how, box)


def _near(
    original: Image.Image, matte: Image.Image, size: tuple[int, int]
) -> tuple[Image.Image, Image.Image]:
    """Bring both to one size: not much above the one wanted, and never below it."""
    factor = min(original.width // (NEAR * size[0]), original.height // (NEAR * size[1]))
    if factor > 1:
        original = original.reduce(factor)
    elif original.size != matte.size and (original.width < size[0] or original.height < size[1]):
        original = original.resize(matte.size, Image.Resampling.BICUBIC)
    if matte.size != original.size:
        matte = matte.resize(original.size, Image.Resampling.BILINEAR, reducing_gap=1)
    return original, matte


def _alpha(original: Image.Image, matte: Image.Image) -> Image.Image:
    """The matte, times the transparency that the original brought along."""
    if original.mode != "RGBA":
        return matte
    return ImageChops.multiply(matte, original.getchannel("A"))


def _resized(alpha: Image.Image, layout: Layout) -> Image.Image:
    left, top, right, bottom = layout.target
    size = (right - left, bottom - top)
    if alpha.size == size:
        return alpha
    how = Image.Resampling.BOX if alpha.width >= size[0] else Image.Resampling.BICUBIC
    return alpha.resize(size, how)


def _on_canvas(image: Image.Image, layout: Layout) -> Image.Image:
    """On an empty canvas, where it belongs."""
    if image.size == layout.canvas:
        return image
    canvas = Image.new(image.mode, layout.canvas)
    canvas.paste(image, layout.target[:2])
    return canvas


def _cutout_painter(part: _Part, layout: Layout) -> Painter:
    """Paints boxes of the target in straight RGBA, colour zero under alpha 0."""
    left, top, right, bottom = layout.target
    size = (right - left, bottom - top)
    paint = _composer(part)
    if part.alpha.size == size:
        return paint
    whole = Image.new("RGBA", part.alpha.size)
    for box in strips(whole.size):
        whole.paste(paint(box), box)
    # Pillow premultiplies while it resizes RGBA, so transparent pixels lend no colour.
    small = whole.resize(size, Image.Resampling.LANCZOS, reducing_gap=2)
    return _composer(_Part(small.convert("RGB"), small.getchannel("A"), None))


def _composer(part: _Part) -> Painter:
    """Box by box: whole copies at every step would take gigabytes for the largest pictures."""
    known = None if part.edges is None else _any_channel(part.edges).point(_STEP_1)

    def paint(box: Box) -> Image.Image:
        colours, alpha = part.colours.crop(box).convert("RGB"), part.alpha.crop(box)
        if part.edges is not None and known is not None:
            both = (_part_of(image, box, part.alpha.size) for image in (part.edges, known))
            colours = _with_edges(colours, alpha, *both)
        return _cutout(colours, alpha)

    return paint


def _part_of(image: Image.Image, box: Box, size: tuple[int, int]) -> Image.Image:
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


def _shadow(alpha: Image.Image, layout: Layout, spec: RenderSpec) -> Image.Image | None:
    if spec.shadow == "none":
        return None
    opacity = SHADOW_OPACITY if spec.shadow_opacity is None else spec.shadow_opacity
    return cast_shadow(_on_canvas(_resized(alpha, layout), layout), spec.shadow, opacity)


def _for_blur(matte: Image.Image, spec: RenderSpec) -> Image.Image:
    """Grounds other than blur do not look at it."""
    return matte if isinstance(spec.background, Blur) else Image.new("L", (1, 1))


def _assemble(
    cutout: Painter, layout: Layout, shadow: Image.Image | None, ground: Painter | None
) -> Image.Image:
    """Ground, shadow and cutout on each other, in strips."""
    mode = "RGBA" if ground is None else ground((0, 0, 1, 1)).mode
    result = Image.new(mode, layout.canvas)
    if ground is None and shadow is None:
        return _alone(result, cutout, layout)
    for box in strips(layout.canvas):
        strip = ground(box) if ground else Image.new("RGBA", (box[2], box[3] - box[1]))
        if shadow is not None:
            strip = _over(_shade(enlarged_part(shadow, box, layout.canvas)), strip)
        result.paste(_with_cutout(strip, cutout, layout, box), box)
    return result


def _alone(canvas: Image.Image, cutout: Painter, layout: Layout) -> Image.Image:
    left, top, right, bottom = layout.target
    for box in strips((right - left, bottom - top)):
        canvas.paste(cutout(box), (left, top + box[1]))
    return canvas


def _with_cutout(strip: Image.Image, cutout: Painter, layout: Layout, box: Box) -> Image.Image:
    """The cutout over one strip of the canvas, where it reaches into it."""
    left, top, right, bottom = layout.target
    first, last = max(top, box[1]), min(bottom, box[3])
    if first >= last:
        return strip
    part = cutout((0, first - top, right - left, last - top))
    if part.size == strip.size:
        return _over(part, strip)
    place = (left, first - box[1], right, last - box[1])
    strip.paste(_over(part, strip.crop(place)), place)
    return strip


def _shade(density: Image.Image) -> Image.Image:
    shade = Image.new("RGBA", density.size)
    shade.putalpha(density)
    return shade


def _over(upper: Image.Image, lower: Image.Image) -> Image.Image:
    if lower.mode == "RGBA":
        return Image.alpha_composite(lower, upper)
    lower.paste(upper, mask=upper.getchannel("A"))
    return lower

"""The pixels behind the subject: a colour, a gradient, the original out of focus, a picture."""

from collections.abc import Callable
from math import cos, radians, sin

import numpy as np
from PIL import Image, ImageFilter

from .errors import InvalidSpec
from .layout import Layout
from .spec import WHITE, Backdrop, Blur, Colour, Gradient, RenderSpec
from .strips import Box, covering, enlarged_part

Painter = Callable[[Box], Image.Image]

# Sigma of the strongest blur, as part of the picture's longest side.
STRONGEST = 0.08
# Blurs are made at a size at which their sigma has at least so many px, within these sides.
SIGMA_PX = 6.0
SIDES = (64, 1024)
# Of a gradient: more than any screen can tell apart.
STEPS = 2048


def painter_for(
    spec: RenderSpec,
    layout: Layout,
    original: Image.Image,
    alpha: Image.Image,
    backdrop: Image.Image | None,
) -> Painter | None:
    """What paints any box of the canvas, in RGB (opaque) or RGBA; None for transparent.

    original: RGB or RGBA. alpha: L, of the same size: where the subject is. backdrop: the picture
    that the spec names. Raises InvalidSpec if it names one and there is none.
    """
    ground = spec.background
    if ground is None:
        return _plain(WHITE) if spec.format == "jpeg" else None
    if isinstance(ground, Blur):
        return _out_of_focus(
            _blurred(
                original,
                alpha,
                ground,
                layout,
            ),
            layout,
        )
    if isinstance(ground, Backdrop):
        if backdrop is None:
            raise InvalidSpec("background", "This backdrop is gone.")
        return _picture(backdrop, layout.canvas)
    if isinstance(ground, Gradient):
        return _gradient(_shown(spec, ground.start), _shown(spec, ground.end), ground, layout)
    return _plain(_shown(spec, ground))


def _shown(spec: RenderSpec, colour: Colour) -> Colour:
    """On white, where the format cannot be transparent."""
    if spec.format != "jpeg":
        return colour
    red, green, blue, alpha = colour
    red, green, blue = (round((c * alpha + 255 * (255 - alpha)) / 255) for c in (red, green, blue))
    return red, green, blue, 255


def _plain(colour: Colour) -> Painter:
    opaque = colour[3] == 255
    mode, value = ("RGB", colour[:3]) if opaque else ("RGBA", colour)

    def paint(box: Box) -> Image.Image:
        return Image.new(mode, (box[2] - box[0], box[3] - box[1]), value)

    return paint


def _gradient(start: Colour, end: Colour, ground: Gradient, layout: Layout) -> Painter:
    """As CSS defines it: the ends lie in the corners that the angle points to."""
    width, height = layout.canvas
    across, down = sin(radians(ground.degrees)), -cos(radians(ground.degrees))
    length = abs(width * across) + abs(height * down)
    ramp = _ramp(start, end)

    def paint(box: Box) -> Image.Image:
        x = (np.arange(box[0], box[2], dtype=np.float32) + 0.5 - width / 2) * across
        y = (np.arange(box[1], box[3], dtype=np.float32) + 0.5 - height / 2) * down
        steps = (x / length + 0.5) * STEPS, y / length * STEPS
        part = (steps[0][None, :] + steps[1][:, None]).astype(np.int16)
        return Image.fromarray(ramp[np.clip(part, 0, STEPS - 1)])

    return paint


def _ramp(start: Colour, end: Colour) -> np.ndarray:
    """The colours of a gradient, (STEPS, 3 or 4), from one end to the other."""
    first, last = np.array(start, float), np.array(end, float)
    part = ((np.arange(STEPS) + 0.5) / STEPS)[:, None]
    alpha = first[3] + (last[3] - first[3]) * part
    # Premultiplied, so that a transparent end lends no colour.
    colours = first[:3] * first[3] * (1 - part) + last[:3] * last[3] * part
    ramp = np.concatenate([colours / np.maximum(alpha, 1e-3), alpha], axis=1)
    opaque = start[3] == end[3] == 255
    return np.clip(ramp[:, : 3 if opaque else 4] + 0.5, 0, 255).astype(np.uint8)


def _picture(backdrop: Image.Image, canvas: tuple[int, int]) -> Painter:
    """Fills the canvas, centred; what is transparent in it is on white."""
    if backdrop.mode == "RGBA":
        white = Image.new("RGB", backdrop.size, WHITE[:3])
        white.paste(backdrop, mask=backdrop.getchannel("A"))
        backdrop = white
    filled = backdrop.convert("RGB").resize(
        canvas, Image.Resampling.LANCZOS, covering(backdrop.size, canvas), reducing_gap=2
    )
    return filled.crop


def _out_of_focus(small: Image.Image, layout: Layout) -> Painter:
    def paint(box: Box) -> Image.Image:
        return enlarged_part(small, box, layout.canvas)

    return paint


def _blurred(
    original: Image.Image, alpha: Image.Image, ground: Blur, layout: Layout
) -> Image.Image:
    """The surroundings out of focus, small, with the proportions of the canvas.

    A plain blur would draw the subject's colours out into a halo around it. So its pixels count
    for nothing in the means (normalized convolution, Knutsson and Westin, CVPR 1993), and what lies
    behind it is filled from its surroundings.
    """
    share = STRONGEST * ground.strength / 100
    side = min(SIDES[1], max(SIDES[0], round(SIGMA_PX / share)))
    small = original.convert("RGB")
    small.thumbnail((side, side), Image.Resampling.BOX, reducing_gap=2)
    subject = alpha.resize(small.size, Image.Resampling.BOX, reducing_gap=2)
    means = _means_without(small, subject, share * max(small.size))
    return _seen_part(means, original.size, layout)


def _means_without(small: Image.Image, subject: Image.Image, sigma: float) -> Image.Image:
    weight = 1 - np.asarray(subject.filter(ImageFilter.MaxFilter(3)), np.float32)[..., None] / 255
    if float(weight.mean()) < 0.01:  # nothing but subject: then blur that
        weight = np.ones_like(weight)
    return weighted_fill(np.asarray(small, np.float32), weight, sigma)


def weighted_fill(colours: np.ndarray, weight: np.ndarray, sigma: float) -> Image.Image:
    """Means over ``sigma`` px of what has weight; RGB.

    colours: float32 (h, w, 3), 0..255. weight: float32 (h, w, 1), 0..1, not zero everywhere.
    Where no neighbour has weight, wider means reach in from further away.
    """
    weighted = np.concatenate([colours * weight, weight], axis=2)
    result, known = np.zeros_like(weighted), np.zeros_like(weight)
    for factor in (1, 3, 9, 27, 81):
        means = _gauss(weighted, sigma * factor)
        take = (1 - known) * np.clip(means[..., 3:] * 8, 0, 1)
        result += take * means / np.maximum(means[..., 3:], 1e-4)
        known += take
        if known.min() > 0.995:
            break
    pixels = result[..., :3] / np.maximum(known, 1e-4)
    return Image.fromarray(np.clip(pixels + 0.5, 0, 255).astype(np.uint8))


def _gauss(values: np.ndarray, sigma: float) -> np.ndarray:
    """Three box means along each axis of (h, w, c), which come near to a Gaussian of ``sigma``."""
    radius = max(1, round((sigma * sigma + 0.25) ** 0.5 - 0.5))
    for axis in (0, 1):
        for _ in range(3):
            values = _box_mean(values, axis, min(radius, values.shape[axis]))
    return values


def _box_mean(values: np.ndarray, axis: int, radius: int) -> np.ndarray:
    """The edges go on as they end."""
    edge = [(0, 0)] * values.ndim
    edge[axis] = (radius + 1, radius)
    sums = np.cumsum(np.pad(values, edge, mode="edge"), axis=axis, dtype=np.float64)
    length = values.shape[axis]
    width = 2 * radius + 1
    last = np.take(sums, range(width, width + length), axis=axis)
    first = np.take(sums, range(length), axis=axis)
    return ((last - first) / width).astype(np.float32)


def _seen_part(small: Image.Image, size: tuple[int, int], layout: Layout) -> Image.Image:
    """The part that the canvas shows; where it reaches beyond the picture, the middle that fits."""
    left, top, right, bottom = layout.frame or (0.0, 0.0, *map(float, size))
    left, top = max(0.0, left), max(0.0, top)
    right, bottom = min(float(size[0]), right), min(float(size[1]), bottom)
    inner = covering((right - left, bottom - top), layout.canvas)
    across, down = small.width / size[0], small.height / size[1]
    box = (
        (left + inner[0]) * across,
        (top + inner[1]) * down,
        min((left + inner[2]) * across, small.width),
        min((top + inner[3]) * down, small.height),
    )
    longest = max(layout.canvas)
    scale = min(1.0, max(small.size) / longest)
    width, height = (max(1, round(side * scale)) for side in layout.canvas)
    return small.resize((width, height), Image.Resampling.BILINEAR, box)

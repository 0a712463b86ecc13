"""Subjects with fine edges whose true alpha is known, before grounds that are no single colour."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Draw = Callable[[ImageDraw.ImageDraw, float], None]
SIZE = (800, 600)
OVERSAMPLED = 4
NETWORK = (320, 320)


@dataclass(frozen=True)
class Drawing:
    """image: RGB. truth: L. seen: L, cleaned, 320 x 320, as a network would answer."""

    image: Image.Image
    truth: Image.Image
    seen: Image.Image


def clouds(size: tuple[int, int], low: int, high: int, seed: int) -> Image.Image:
    """Soft blotches of colour between two brightnesses, with a little grain."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(low, high, (9, 12, 3), np.uint8))
    pixels = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), float)
    return Image.fromarray((pixels + random.normal(0, 3, pixels.shape)).clip(0, 255).astype("u1"))


def draw(shape: Draw, *, rough: Draw | None = None, size: tuple[int, int] = SIZE) -> Drawing:
    """rough: what the network sees of it, if that is not all."""
    truth = _mask(shape, size)
    image = Image.composite(clouds(size, 20, 110, 1), clouds(size, 140, 250, 2), truth)
    blurred = _mask(rough or shape, size).filter(ImageFilter.GaussianBlur(3))
    return Drawing(image, truth, blurred.resize(NETWORK, Image.Resampling.BOX))


def unsure() -> Image.Image:
    """What a network answers that has no idea anywhere."""
    noise = np.random.default_rng(0).integers(0, 256, NETWORK, np.uint8)
    return Image.fromarray(noise).filter(ImageFilter.GaussianBlur(1))


def _mask(shape: Draw, size: tuple[int, int]) -> Image.Image:
    large = Image.new("L", (size[0] * OVERSAMPLED, size[1] * OVERSAMPLED))
    shape(ImageDraw.Draw(large), OVERSAMPLED)
    return large.resize(size, Image.Resampling.BOX)


def box(scale: float, *numbers: float) -> tuple[float, ...]:
    return tuple(number * scale for number in numbers)


def head(draw: ImageDraw.ImageDraw, scale: float) -> None:
    draw.ellipse(box(scale, 270, 170, 530, 430), fill=255)


def hair(draw: ImageDraw.ImageDraw, scale: float) -> None:
    """A head with strands of one and two pixels all around it."""
    head(draw, scale)
    random = np.random.default_rng(5)
    for angle in random.uniform(0, 2 * np.pi, 260):
        start, length = 120, random.uniform(20, 55)
        turn = random.uniform(-0.12, 0.12)
        points = []
        for part in np.linspace(0, 1, 6):
            reach, at = start + part * length, angle + part * turn
            points.append((scale * (400 + reach * np.cos(at)), scale * (300 + reach * np.sin(at))))
        draw.line(points, fill=255, width=int(scale * random.choice([1, 2])))


def hairy_outline(draw: ImageDraw.ImageDraw, scale: float) -> None:
    """What a network sees of ``hair``: a smooth shape about as far as half of the strands."""
    draw.ellipse(box(scale, 250, 150, 550, 450), fill=255)


def net(draw: ImageDraw.ImageDraw, scale: float) -> None:
    draw.rectangle(box(scale, 200, 120, 600, 480), fill=255)
    for left in range(224, 576, 44):
        for top in range(144, 456, 44):
            draw.rectangle(box(scale, left, top, left + 28, top + 28), fill=0)


def ring(draw: ImageDraw.ImageDraw, scale: float) -> None:
    draw.ellipse(box(scale, 200, 100, 600, 500), fill=255)
    draw.ellipse(box(scale, 370, 270, 430, 330), fill=0)


def lamp(draw: ImageDraw.ImageDraw, scale: float) -> None:
    """A shade on a pole of 7 px on a foot."""
    draw.ellipse(box(scale, 300, 60, 500, 200), fill=255)
    draw.rectangle(box(scale, 397, 180, 404, 500), fill=255)
    draw.rectangle(box(scale, 320, 500, 480, 530), fill=255)


def cut_off(draw: ImageDraw.ImageDraw, scale: float) -> None:
    """A subject that the picture's border cuts, at the left and below."""
    draw.rectangle(box(scale, 0, 250, 420, 600), fill=255)


def three(draw: ImageDraw.ImageDraw, scale: float) -> None:
    draw.ellipse(box(scale, 60, 200, 260, 400), fill=255)
    draw.ellipse(box(scale, 340, 240, 440, 340), fill=255)
    draw.ellipse(box(scale, 560, 290, 590, 320), fill=255)


def wire(width: float) -> Draw:
    """A head, and a wire that leads away from it."""

    def shape(draw: ImageDraw.ImageDraw, scale: float) -> None:
        head(draw, scale)
        ends = [box(scale, 520, 300), box(scale, 760, 300)]
        draw.line([number for end in ends for number in end], fill=255, width=int(width * scale))

    return shape


def barred(width: float) -> Draw:
    """A ring with an upright bar across its hole."""

    def shape(draw: ImageDraw.ImageDraw, scale: float) -> None:
        draw.ellipse(box(scale, 200, 100, 600, 500), fill=255)
        draw.ellipse(box(scale, 260, 160, 540, 440), fill=0)
        draw.rectangle(box(scale, 400 - width / 2, 130, 400 + width / 2, 470), fill=255)

    return shape


def pale(shape: Draw, dark: Draw, *, seen: Draw) -> Drawing:
    """The shape before a pale ground that has its colours, but for what is dark of it."""
    ground = clouds(SIZE, 200, 240, 2)
    image = Image.composite(clouds(SIZE, 20, 110, 1), ground, _mask(dark, SIZE))
    drawing = draw(shape, rough=seen)
    return Drawing(image, drawing.truth, drawing.seen)


def plain_ring(draw: ImageDraw.ImageDraw, scale: float) -> None:
    draw.ellipse(box(scale, 200, 100, 600, 500), fill=255)
    draw.ellipse(box(scale, 260, 160, 540, 440), fill=0)

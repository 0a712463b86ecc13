"""Pictures whose truth is known, because they are put together here: drawn subjects, textured from
photographs in scikit-image's wheel, on other parts of those photographs.

They range from easy (one large subject on an even ground) to hopeless (camouflage, clutter, blur,
several faint things beside the subject), so that an engine fails on a fair share of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

SIDES = (320, 480)
TEXTURES = (
    *("astronaut.png", "brick.png", "chelsea.png", "coffee.png", "coins.png", "color.png"),
    *("camera.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "motorcycle_left.png"),
    *("retina.jpg", "rocket.jpg", "clock_motion.png", "moon.png"),
)
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Composite:
    """picture: RGB. truth: booleans, (height, width)."""

    picture: Image.Image
    truth: np.ndarray


def make_composites(count: int, *, seed: int) -> Iterator[Composite]:
    """The same for the same seed."""
    photographs = _photographs()
    for number in range(count):
        yield _composite(photographs, np.random.default_rng((seed, number)))


def _composite(photographs: Sequence[Image.Image], rng: np.random.Generator) -> Composite:
    size = int(rng.integers(*SIDES)), int(rng.integers(*SIDES))
    source = int(rng.integers(len(photographs)))
    picture = _ground(photographs[source], size, rng)
    truth = Image.new("L", size)
    hidden = rng.random() < 0.25  # the subject is made of its own ground
    for index in range(int(rng.choice((1, 2, 3), p=(0.7, 0.2, 0.1)))):
        scale = float(rng.uniform(0.12, 0.75)) * (1 if index == 0 else 0.6)
        other = source if hidden else int(rng.integers(len(photographs)))
        shape = _shape(size, scale, rng)
        _paste(picture, photographs[other], shape, rng)
        truth.paste(255, mask=shape)
    for _index in range(int(rng.integers(0, 4)) if rng.random() < 0.4 else 0):
        shape = _shape(size, float(rng.uniform(0.05, 0.2)), rng)
        kept = Image.fromarray(np.where(np.asarray(truth) > 0, 0, np.asarray(shape)))
        _paste(picture, photographs[int(rng.integers(len(photographs)))], kept, rng)
    return Composite(_spoil(picture, rng), np.asarray(truth) > 128)


def _ground(
    photograph: Image.Image, size: tuple[int, int], rng: np.random.Generator
) -> Image.Image:
    ground = _crop(photograph, size, rng)
    kind = rng.random()
    if kind < 0.35:
        return ground.filter(ImageFilter.GaussianBlur(float(rng.uniform(2, 20))))
    if kind < 0.5:
        colours = rng.integers(0, 256, (2, 3))
        slope = np.linspace(0, 1, size[1])[:, None, None]
        rows = colours[0] * (1 - slope) + colours[1] * slope
        return Image.fromarray(np.repeat(rows, size[0], axis=1).astype(np.uint8))
    return ground


def _paste(
    picture: Image.Image, photograph: Image.Image, shape: Image.Image, rng: np.random.Generator
) -> None:
    """With a colour and a brightness of its own, and sometimes faint."""
    texture = _crop(photograph, picture.size, rng)
    if rng.random() < 0.6:
        colour = tuple(int(c) for c in rng.integers(0, 256, 3))
        texture = Image.blend(
            texture, Image.new("RGB", picture.size, colour), float(rng.uniform(0.2, 0.8))
        )
    texture = ImageEnhance.Brightness(texture).enhance(float(rng.uniform(0.6, 1.5)))
    if rng.random() < 0.3:
        texture = Image.blend(picture, texture, float(rng.uniform(0.15, 0.6)))
    picture.paste(texture, mask=shape.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 2)))))


def _spoil(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    if rng.random() < 0.2:
        picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(1, 4))))
    if rng.random() < 0.2:
        picture = ImageEnhance.Contrast(picture).enhance(float(rng.uniform(0.15, 0.6)))
    if rng.random() < 0.3:
        grain = rng.normal(0, rng.uniform(4, 40), (picture.height, picture.width, 3))
        picture = Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))
    return picture


def _shape(size: tuple[int, int], scale: float, rng: np.random.Generator) -> Image.Image:
    """L: one subject, `scale` of the shorter side across, anywhere; it may leave the picture."""
    shape = Image.new("L", size)
    draw = ImageDraw.Draw(shape)
    across = scale * min(size)
    spread = 0.32 if rng.random() < 0.8 else 0.5
    middle = [side * float(np.clip(rng.normal(0.5, spread / 2), 0, 1)) for side in size]
    kind = rng.choice(("blob", "limbs", "polygon", "box", "ellipse"), p=(0.35, 0.35, 0.1, 0.1, 0.1))
    if kind == "limbs":
        _draw_limbs(draw, (middle[0], middle[1]), across, rng)
    else:
        draw.polygon(_outline(str(kind), (middle[0], middle[1]), across / 2, rng), fill=255)
    return shape


def _outline(kind: str, middle: Point, radius: float, rng: np.random.Generator) -> list[Point]:
    if kind == "blob":
        angles = np.linspace(0, 2 * np.pi, 120, endpoint=False)
        radii = np.ones_like(angles)
        for wave in range(1, 7):
            radii += rng.normal(0, 0.35 / wave) * np.cos(wave * angles + rng.uniform(0, 6.3))
        radii = np.maximum(radii, 0.15)
    elif kind == "polygon":
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 12))))
        radii = rng.uniform(0.4, 1.2, angles.size)
    else:
        count = 4 if kind == "box" else 60
        angles = np.linspace(0, 2 * np.pi, count, endpoint=False) + rng.uniform(0, 6.3)
        radii = np.ones(count)
    stretch = rng.uniform(0.5, 1.0)
    x = middle[0] + radius * radii * np.cos(angles)
    y = middle[1] + radius * radii * np.sin(angles) * stretch
    return [(float(a), float(b)) for a, b in zip(x, y, strict=True)]


def _draw_limbs(
    draw: ImageDraw.ImageDraw, middle: Point, across: float, rng: np.random.Generator
) -> None:
    """A body, a head and thin legs or arms: what animals and people have in common."""
    x, y = middle
    width, height = across * rng.uniform(0.25, 0.5), across * rng.uniform(0.15, 0.35)
    draw.ellipse((x - width, y - height, x + width, y + height), fill=255)
    head = across * rng.uniform(0.1, 0.2)
    hx, hy = x + width * rng.choice((-1, 1)), y - height * rng.uniform(0.5, 1.5)
    draw.ellipse((hx - head, hy - head, hx + head, hy + head), fill=255)
    thick = max(2, int(across * rng.uniform(0.03, 0.1)))
    for _limb in range(int(rng.integers(2, 6))):
        start = (x + width * rng.uniform(-0.8, 0.8), y)
        end = (start[0] + across * rng.normal(0, 0.15), y + height + across * rng.uniform(0.1, 0.5))
        draw.line((start, end), fill=255, width=thick)


def _crop(photograph: Image.Image, size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """A random part, turned and mirrored at random, scaled to `size`."""
    share = float(rng.uniform(0.3, 1.0))
    width, height = int(photograph.width * share), int(photograph.height * share)
    left = int(rng.integers(0, photograph.width - width + 1))
    top = int(rng.integers(0, photograph.height - height + 1))
    part = photograph.crop((left, top, left + width, top + height)).resize(size)
    return part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else part


def _photographs() -> list[Image.Image]:
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    found = []
    for name in TEXTURES:
        with Image.open(folder / name) as file:
            image = file.convert("RGB")
        image.thumbnail((1024, 1024))
        found.append(image)
    return found

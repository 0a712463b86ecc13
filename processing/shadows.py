"""Shadows under a subject, made from its alpha.

They are soft, so they are made on a small copy and enlarged with the strips. Sizes are parts of the
subject's own size, so that a shadow looks the same at every size of the rendition.
"""

from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFilter

SIDE = 1024
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Subject:
    """alpha: L, small. box: where something of it is visible. size: the root of the box's area."""

    alpha: Image.Image
    box: Box
    size: float

    @property
    def shape(self) -> Image.Image:
        return self.alpha.crop(self.box)

    @property
    def height(self) -> int:
        return self.box[3] - self.box[1]

    @property
    def width(self) -> int:
        return self.box[2] - self.box[0]


def cast_shadow(alpha: Image.Image, kind: str, opacity: int) -> Image.Image | None:
    """The density of the shadow of a subject, L, at most 1024 px a side, to be enlarged.

    alpha: L, the subject on its canvas. kind: drop, contact, car or 3d. opacity: 0..100, of the
    darkest place. None if there is nothing to cast one.
    """
    small = alpha.copy()
    small.thumbnail((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2)
    box = small.point(_VISIBLE).getbbox()
    if box is None:
        return None
    size = ((box[2] - box[0]) * (box[3] - box[1])) ** 0.5
    density = _KINDS[kind](_Subject(small, box, size))
    return density.point([round(value * opacity / 100) for value in range(256)])


_VISIBLE = [0] * 13 + [255] * 243


def _drop(subject: _Subject) -> Image.Image:
    """Light from above, the wall close behind."""
    moved = _blank(subject)
    across, down = round(0.015 * subject.size), max(1, round(0.035 * subject.size))
    moved.paste(subject.alpha, (across, down))
    return _blur(moved, 0.03 * subject.size)


def _contact(subject: _Subject) -> Image.Image:
    """The subject stands on something: dark where it touches, soft around."""
    near = _blur(_flattened(subject, lowest=0.15, height=0.05, width=1.0), 0.008 * subject.size)
    far = _blur(_flattened(subject, lowest=0.4, height=0.12, width=1.03), 0.025 * subject.size)
    return ImageChops.lighter(near, far.point(_THREE_QUARTERS))


def _car(subject: _Subject) -> Image.Image:
    """A broad, flat body: one even shadow along all of it."""
    near = _blur(_flattened(subject, lowest=1, height=0.07, width=1.0), 0.006 * subject.size)
    far = _blur(_flattened(subject, lowest=1, height=0.16, width=1.06), 0.02 * subject.size)
    return ImageChops.lighter(near, far.point(_THREE_QUARTERS))


_THREE_QUARTERS = [value * 3 // 4 for value in range(256)]


def _three_d(subject: _Subject) -> Image.Image:
    """Light from the front left: the silhouette lies on the ground behind, and fades away."""
    height = max(2, round(0.4 * subject.height))
    lean = 0.9 * height
    shape = subject.shape.resize((subject.width, height), Image.Resampling.BILINEAR)
    wide = subject.width + round(lean)
    leaning = shape.transform(
        (wide, height),
        Image.Transform.AFFINE,
        (1, lean / height, -lean, 0, 1, 0),
        Image.Resampling.BILINEAR,
    )
    fade = Image.linear_gradient("L").resize((wide, height)).point(_FADE)
    density = _blank(subject)
    density.paste(ImageChops.multiply(leaning, fade), (subject.box[0], subject.box[3] - height))
    return _blur(density, 0.012 * subject.size)


_FADE = [60 + value * 195 // 255 for value in range(256)]
_KINDS = {"drop": _drop, "contact": _contact, "car": _car, "3d": _three_d}


def _flattened(subject: _Subject, *, lowest: float, height: float, width: float) -> Image.Image:
    """The lowest part of the silhouette pressed flat onto the line that the subject stands on."""
    left, _top, right, bottom = subject.box
    part = subject.alpha.crop(
        (left, bottom - max(1, round(lowest * subject.height)), right, bottom)
    )
    size = (max(1, round(width * subject.width)), max(2, round(height * subject.height)))
    density = _blank(subject)
    place = ((left + right - size[0]) // 2, bottom - size[1] * 2 // 3)
    density.paste(part.resize(size, Image.Resampling.BOX), place)
    return density


def _blank(subject: _Subject) -> Image.Image:
    return Image.new("L", subject.alpha.size)


def _blur(image: Image.Image, sigma: float) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(max(0.5, sigma)))

"""How far our cutouts are from those that another service made of the same pictures.

Everything is compared at the size of the old result, through histograms: no copy is larger than the
picture itself. Differences are shares of full scale, 0 to 1.
"""

import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageChops, ImageStat

from .errors import ProcessingError
from .imageio import open_image
from .matte import bounding_box

Box = tuple[int, int, int, int]
Size = tuple[int, int]

OFF = 0.1
HALF = 128
# What the tools of remove.bg append to the names of results.
ENDINGS = ("-removebg-preview", "-removebg", "_no_bg", "-no-bg")
# One pixel of rounding on the short side of a preview is as much as this.
SAME_SHAPE = 0.01
SAME_STRETCH = 0.06
# Mean difference of the colours of the subject, of full scale, looked at this small.
SAME_COLOURS = 0.1
LOOK_SIDE = 256
MAX_PART_BYTES = 250 * 1024 * 1024
_COVERED = [0] * HALF + [255] * (256 - HALF)
_OPAQUE = [0] * 250 + [255] * 6


class NoTransparency(ProcessingError):
    code = "no_transparency"
    default_message = "The old result has no transparency, so its matte cannot be told."


class NotComparable(ProcessingError):
    code = "not_comparable"
    default_message = (
        "The old result shows another picture, or a part that cannot be found in ours."
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """framing: "whole", "smaller" (the whole picture, reduced) or "cropped" (a part, or moved).

    difference: mean absolute difference of the alphas. off: share of pixels that differ by more
    than a tenth. overlap: intersection over union of what is above half alpha. offset: how far
    apart the edges of the subjects' boxes are at most, as a share of the longest side; None where
    the boxes were laid on each other to compare at all.
    """

    framing: str
    difference: float
    off: float
    overlap: float
    offset: float | None


def match_results(
    originals: Iterable[Path], results: Iterable[Path]
) -> tuple[list[tuple[Path, Path]], list[Path]]:
    """(pairs of an original and its result, files without a partner), by name without ending.

    Of several results for one original the first in order counts.
    """
    by_name: dict[str, Path] = {}
    left = [path for path in sorted(results) if by_name.setdefault(_plain(path), path) != path]
    pairs = []
    for path in sorted(originals):
        found = by_name.pop(_plain(path), None)
        if found is None:
            left.append(path)
        else:
            pairs.append((path, found))
    return pairs, [*left, *by_name.values()]


def _plain(path: Path) -> str:
    """cat.jpg, cat.png, cat-removebg-preview.png and cat.jpg_no_bg.png are all the same."""
    stem = path.stem.casefold()
    for ending in ENDINGS:
        if stem.endswith(ending):
            return Path(stem.removesuffix(ending)).stem
    return stem


def open_result(fp: BinaryIO, *, max_pixels: int | None = None) -> Image.Image:
    """The old result as RGBA: a picture with transparency, or the zip of colours and alpha.

    Raises ProcessingError, also NoTransparency.
    """
    fp.seek(0)
    if fp.read(2) == b"PK":
        return _from_zip(fp, max_pixels)
    picture = open_image(fp, max_pixels=max_pixels)
    if picture.mode != "RGBA":
        raise NoTransparency()
    return picture


def _from_zip(fp: BinaryIO, max_pixels: int | None) -> Image.Image:
    fp.seek(0)
    try:
        with zipfile.ZipFile(fp) as archive:
            colour, alpha = (_part(archive, name) for name in ("color.jpg", "alpha.png"))
    except (zipfile.BadZipFile, KeyError, OSError, NotImplementedError, RuntimeError) as error:
        raise NoTransparency("The zip does not hold color.jpg and alpha.png.") from error
    picture = open_image(colour, max_pixels=max_pixels).convert("RGB")
    matte = open_image(alpha, max_pixels=max_pixels).convert("L")
    if matte.size != picture.size:
        raise NoTransparency("Colours and alpha of the zip differ in size.")
    picture.putalpha(matte)
    return picture


def _part(archive: zipfile.ZipFile, name: str) -> BinaryIO:
    if archive.getinfo(name).file_size > MAX_PART_BYTES:
        raise NoTransparency("The zip is too large.")
    return io.BytesIO(archive.read(name))


def compare(
    old: Image.Image, picture: Image.Image, new: Image.Image
) -> tuple[Comparison, Image.Image]:
    """What differs between two alphas, and the new one as the old one is framed.

    old: RGBA, of any size, perhaps of a part of the picture. picture: the upright original. new: L,
    our alpha, of its size. How the old result is framed shows in its colours: alphas alone cannot
    tell a small subject from a worse cutout. Raises NotComparable.
    """
    alpha = old.getchannel("A")
    for frame in _frames(alpha, new):
        if _agree(old, frame.cut(picture.convert("RGB"))):
            framed = frame.cut(new)
            return _compared(alpha, framed, frame.name), framed
    raise NotComparable()


@dataclass(frozen=True, slots=True)
class _Frame:
    """What the old result shows: its point (x, y) is ours at (left + across x, top + down y)."""

    name: str
    size: Size
    left: float
    top: float
    across: float
    down: float

    def cut(self, image: Image.Image) -> Image.Image:
        if self.name == "whole":
            return image
        if self.name == "smaller":
            return image.resize(self.size, Image.Resampling.BOX)
        # Reduced first, since a transformation looks at its nearest pixels alone.
        factor = max(1, int(min(self.across, self.down)))
        near = image.reduce(factor) if factor > 1 else image
        matrix = (
            *(self.across / factor, 0, self.left / factor),
            *(0, self.down / factor, self.top / factor),
        )
        how = (Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
        return near.transform(self.size, *how)


def _frames(old: Image.Image, new: Image.Image) -> Iterator[_Frame]:
    """Ways in which the old alpha may show the picture, the likeliest first."""
    if is_same_shape(old.size, new.size):
        name = "whole" if new.size == old.size else "smaller"
        yield _Frame(name, old.size, 0, 0, new.width / old.width, new.height / old.height)
    target, source = (bounding_box(image.point(_COVERED)) for image in (old, new))
    if target is None or source is None:
        return
    across, down = (
        (source[end] - source[start]) / (target[end] - target[start])
        for start, end in ((0, 2), (1, 3))
    )
    if abs(across / down - 1) <= SAME_STRETCH:
        left, top = source[0] - target[0] * across, source[1] - target[1] * down
        yield _Frame("cropped", old.size, left, top, across, down)


def is_same_shape(one: Size, other: Size) -> bool:
    """Whether both may show the same picture whole, but for the rounding of a small one."""
    tolerance = max(SAME_SHAPE, 1 / min(*one, *other))
    return abs(one[0] * other[1] / (one[1] * other[0]) - 1) <= tolerance


def _agree(old: Image.Image, shown: Image.Image) -> bool:
    """Whether the old subject has the colours that the original has there."""
    small = (min(old.width, LOOK_SIDE), min(old.height, LOOK_SIDE))
    ours = shown.resize(small, Image.Resampling.BOX)
    theirs = old.resize(small, Image.Resampling.BOX)
    inside = theirs.getchannel("A").point(_OPAQUE)
    if not inside.getbbox():
        return True  # nothing speaks against it
    difference = ImageChops.difference(theirs.convert("RGB"), ours)
    return sum(ImageStat.Stat(difference, inside).mean) / 3 <= SAME_COLOURS * 255


def _compared(old: Image.Image, new: Image.Image, framing: str) -> Comparison:
    histogram = ImageChops.difference(old, new).histogram()
    pixels = old.width * old.height
    mean = sum(value * count for value, count in enumerate(histogram)) / (255 * pixels)
    off = sum(histogram[int(OFF * 255) + 1 :]) / pixels
    both, either = (
        way(old.point(_COVERED), new.point(_COVERED)).histogram()[255]
        for way in (ImageChops.darker, ImageChops.lighter)
    )
    overlap = both / either if either else 1.0
    offset = None if framing == "cropped" else _offset(old, new)
    return Comparison(framing, mean, off, overlap, offset)


def _offset(old: Image.Image, new: Image.Image) -> float | None:
    one, other = (bounding_box(image.point(_COVERED)) for image in (old, new))
    if one is None or other is None:
        return None if one != other else 0.0
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) / max(old.size)


def show_difference(old: Image.Image, new: Image.Image) -> Image.Image:
    """RGB: red where the new alpha lacks something, blue where it has more, white elsewhere."""
    lacks, more = ImageChops.subtract(old, new), ImageChops.subtract(new, old)
    bands = (ImageChops.invert(more), ImageChops.invert(ImageChops.add(lacks, more)))
    return Image.merge("RGB", (*bands, ImageChops.invert(lacks)))


def on_chequers(picture: Image.Image, square: int = 8) -> Image.Image:
    """RGB: a small picture with alpha on a ground that shows where nothing is."""
    ground = Image.new("RGB", picture.size, (255, 255, 255))
    for box in _squares(picture.size, square):
        ground.paste((205, 205, 205), box)
    ground.paste(picture.convert("RGB"), mask=picture.getchannel("A"))
    return ground


def _squares(size: Size, square: int) -> Iterator[Box]:
    for top in range(0, size[1], square):
        for left in range(square * (top // square % 2), size[0], 2 * square):
            yield left, top, left + square, top + square

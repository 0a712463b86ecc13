"""Files to pixels and pixels to files, for files that anybody may have sent."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import pi_heif
from PIL import Image

from .colour import to_srgb, values_of
from .errors import (
    EmptyFile,
    FileTooLarge,
    NotAnImage,
    ProcessingError,
    TooManyPixels,
    TruncatedImage,
    UnsupportedFormat,
)
from .essentials import find_essentials
from .essentials.jpeg import check_scans
from .guards import check_bmp, check_tiff, exif_orientation
from .png import encode_png
from .sniff import FORMATS, HEAD_BYTES, PictureFormat, sniff
from .spec import RenderSpec

pi_heif.register_heif_opener()

PREVIEW_SIDE = 2048
# Of compression, for what is mostly flat: a third of the room of level 1, in as much time.
FLAT_LEVEL = 3
SUPPORTED_NAMES = "JPEG, PNG, WebP, AVIF, HEIC, TIFF, GIF or BMP"
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Formats whose Pillow plugin turns the picture by itself.
_TURNED_BY_PLUGIN = ("tiff", "heic")
_CHECKS = {"tiff": check_tiff, "bmp": check_bmp}

MEGABYTE = 1024 * 1024  # as settings and pages count it


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What a file says about itself. ``width`` and ``height`` are those of the upright picture."""

    format: str
    width: int
    height: int
    content_type: str
    extension: str


@dataclass(frozen=True, slots=True)
class WorkingCopy:
    """A picture to work on, maybe smaller than the file's; ``full_size`` is the file's, upright."""

    image: Image.Image
    full_size: tuple[int, int]


@dataclass(slots=True)
class _Opened:
    image: Image.Image
    file: BinaryIO  # what ``image`` is decoded from
    format: PictureFormat
    orientation: int
    full_size: tuple[int, int]


def read_header(
    fp: BinaryIO, *, max_bytes: int | None = None, max_pixels: int | None = None
) -> ImageHeader:
    """Tell format and upright size from a file's content, without decoding any pixel.

    Leaves ``fp`` at 0. Raises EmptyFile, FileTooLarge, UnsupportedFormat, NotAnImage or
    TooManyPixels.
    """
    try:
        _check_length(fp, max_bytes)
        opened = _open(fp, max_pixels)
    finally:
        fp.seek(0)
    width, height = opened.full_size
    kind = opened.format
    return ImageHeader(kind.name, width, height, kind.content_type, kind.extension)


def open_image(fp: BinaryIO, *, max_pixels: int | None = None) -> Image.Image:
    """Decode a file's first frame: 8-bit sRGB, RGB or RGBA, upright, without any metadata.

    Raises what ``read_header`` raises (sizes in bytes aside), and TruncatedImage.
    """
    opened = _open_to_decode(fp, max_pixels)
    return _finish(opened, shrink_to=None)


def open_matte(fp: BinaryIO) -> Image.Image:
    """A stored matte as "L", 8 bit. Raises TruncatedImage if it is damaged."""
    with _decoding():
        return Image.open(fp, formats=["PNG"]).convert("L")


def open_drawn_matte(fp: BinaryIO, *, max_pixels: int | None = None) -> Image.Image:
    """A matte as somebody painted it, "L", 8 bit, upright: colour profiles count for nothing here.

    The alpha channel where there is one that is not opaque everywhere, else the luminance, so that
    a stored matte comes back as it is. Deep greys are scaled. Raises what ``open_image`` raises.
    """
    opened = _open_to_decode(fp, max_pixels)
    with _decoding():
        opened.image.load()
        matte = values_of(opened.image)
        if opened.orientation in _TURNS:
            matte = matte.transpose(_TURNS[opened.orientation])
    matte.info = {}
    return matte


def open_working_copy(
    fp: BinaryIO, *, max_pixels: int | None = None, min_side: int = PREVIEW_SIDE
) -> WorkingCopy:
    """As ``open_image``, but a large picture comes reduced by a whole number.

    The longest side never falls below ``min_side`` px. A JPEG is decoded at that scale, which saves
    most of the work; others are decoded whole and reduced before their colours are converted.
    """
    opened = _open_to_decode(fp, max_pixels)
    factor = max(1, max(opened.full_size) // min_side)
    if factor > 1 and opened.format.name == "jpeg":
        width, height = opened.image.size
        wanted = (max(1, width // factor), max(1, height // factor))
        with _decoding():
            opened.image.draft(None, wanted)
    return WorkingCopy(_finish(opened, shrink_to=min_side), opened.full_size)


def _check_length(fp: BinaryIO, max_bytes: int | None) -> None:
    length = fp.seek(0, io.SEEK_END)
    if length == 0:
        raise EmptyFile()
    if max_bytes is not None and length > max_bytes:
        raise FileTooLarge(
            f"The file has {length / MEGABYTE:.1f} MB; at most {max_bytes / MEGABYTE:g} MB are "
            "allowed."
        )


def _open_to_decode(fp: BinaryIO, max_pixels: int | None) -> _Opened:
    opened = _open(fp, max_pixels)
    if opened.format.name == "jpeg":
        check_scans(opened.file)
    return opened


def _open(fp: BinaryIO, max_pixels: int | None) -> _Opened:
    kind = _identify(fp)
    if kind.name in _CHECKS:
        _CHECKS[kind.name](fp)
    essentials = find_essentials(fp, kind.name)
    essentials.file.seek(0)
    image = _parse(essentials.file, kind)
    orientation = 1
    if kind.name not in _TURNED_BY_PLUGIN:
        # Not getexif(): for a PNG that decodes the whole picture in search of a late chunk.
        exif = image.info.get("exif", b"") if essentials.exif is None else essentials.exif
        orientation = exif_orientation(exif)
    size = image.size[::-1] if orientation >= 5 else image.size
    _check_pixels(size, max_pixels)
    return _Opened(image, essentials.file, kind, orientation, size)


def _identify(fp: BinaryIO) -> PictureFormat:
    fp.seek(0)
    head = fp.read(HEAD_BYTES)
    if not head:
        raise EmptyFile()
    sniffed = sniff(head)
    if sniffed.format is not None:
        return sniffed.format
    if sniffed.refused is not None:
        raise UnsupportedFormat(f"{sniffed.refused} is not supported; use {SUPPORTED_NAMES}.")
    raise NotAnImage()


def _parse(fp: BinaryIO, kind: PictureFormat) -> Image.Image:
    try:
        with _quiet():
            image = Image.open(fp, formats=[kind.pillow])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixels() from error
    except Exception as error:  # Pillow promises no closed set of errors for hostile files
        raise NotAnImage() from error
    if min(image.size) < 1:
        raise NotAnImage("The picture has no pixels.")
    return image


def _check_pixels(size: tuple[int, int], max_pixels: int | None) -> None:
    pixels = size[0] * size[1]
    if max_pixels is not None and pixels > max_pixels:
        raise TooManyPixels(
            f"The picture has {pixels / 1e6:.1f} megapixels ({size[0]} x {size[1]}); "
            f"at most {max_pixels / 1e6:.0f} are allowed."
        )


def _finish(opened: _Opened, *, shrink_to: int | None) -> Image.Image:
    with _decoding():
        image = opened.image
        image.load()
        if shrink_to is not None:
            image = _shrink(image, shrink_to)
        image = to_srgb(image)
        if shrink_to is not None:
            image = _shrink(image, shrink_to)
        if opened.orientation in _TURNS:
            image = image.transpose(_TURNS[opened.orientation])
        elif image is opened.image:
            # A plain image: the file's own class would keep the file and decode again at will.
            image = image.copy()
    image.info = {}
    return image


def _shrink(image: Image.Image, min_side: int) -> Image.Image:
    factor = max(image.size) // min_side
    if factor < 2 or image.mode not in ("L", "LA", "RGB", "RGBA", "CMYK"):
        return image
    if "transparency" in image.info:  # a colour that stands for "transparent" must not be averaged
        return image
    reduced = image.reduce(factor)
    reduced.info = dict(image.info)
    return reduced


@contextmanager
def _decoding() -> Iterator[None]:
    try:
        with _quiet():
            yield
    except ProcessingError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixels() from error
    except Exception as error:  # see _parse
        raise TruncatedImage() from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Pillow warns of odd tags and near-bombs; the limits above have decided already."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def encode(image: Image.Image, spec: RenderSpec) -> bytes:
    """Encode a rendered image in the spec's format. No metadata; the pixels are sRGB."""
    if spec.format == "png":
        return encode_png(image)
    return _save(image, spec.format, **spec.encoder_options())


def encode_matte(matte: Image.Image) -> bytes:
    """Encode a matte (mode L) as a grey 8-bit PNG."""
    return encode_png(matte, level=FLAT_LEVEL)


def encode_edges(edges: Image.Image) -> bytes:
    """Encode soft-band colours (mode RGB, mostly zero) as a lossless PNG."""
    return encode_png(edges, level=FLAT_LEVEL)


def encode_preview(image: Image.Image) -> bytes:
    """Encode a preview (RGB or RGBA, longest side at most 2048 px) as lossy WebP."""
    return _save(image, "webp", quality=82, method=1)


def _save(image: Image.Image, format_name: str, **options: object) -> bytes:
    if image.info:  # Pillow would copy profile and comment into the file
        image = image.copy()
        image.info = {}
    buffer = io.BytesIO()
    image.save(buffer, FORMATS[format_name].pillow, **options)
    return buffer.getvalue()

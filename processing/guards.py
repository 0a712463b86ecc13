"""Limits that must hold before Pillow parses a file, because that alone could exhaust us.

TIFF: Pillow unpacks every number of a tag into Python objects (a 25 MB file may hold twelve million
strip offsets: several gigabytes), and libtiff allocates one whole tile whatever the size of the
picture. BMP: Pillow undoes run lengths in Python, pixel by pixel.
"""

import io
import struct
from typing import BinaryIO, NamedTuple

from .errors import NotAnImage, TooManyPixels, UnsupportedFormat

MAX_TIFF_ENTRIES = 1024
MAX_TIFF_NUMBERS = 100_000
MAX_TIFF_TILE_PIXELS = 16 * 1024 * 1024
MAX_RLE_PIXELS = 4_000_000

_BYTE_TYPES = {1, 2, 6, 7}
_INTEGER_TYPES = {3, 4}
_DNG_VERSION = 50706
_TILE_WIDTH, _TILE_LENGTH = 322, 323
_ORIENTATION = 274
_RLE8, _RLE4 = 1, 2


class _Entry(NamedTuple):
    tag: int
    kind: int
    number: int
    value: int


def check_tiff(fp: BinaryIO) -> None:
    """Refuse TIFF files whose first directory asks for more than any real picture does.

    A tag may be there twice, and readers disagree on which counts: so each must keep the limits.
    Raises NotAnImage, or UnsupportedFormat for a camera's raw file. Leaves ``fp`` anywhere.
    """
    try:
        entries = _read_directory(fp)
    except struct.error as error:
        raise NotAnImage() from error
    if any(entry.tag == _DNG_VERSION for entry in entries):
        raise UnsupportedFormat("Camera raw files (DNG) are not supported.")
    if any(entry.kind not in _BYTE_TYPES and entry.number > MAX_TIFF_NUMBERS for entry in entries):
        raise NotAnImage("The TIFF file has an implausible structure.")
    if _largest(entries, _TILE_WIDTH) * _largest(entries, _TILE_LENGTH) > MAX_TIFF_TILE_PIXELS:
        raise NotAnImage("The TIFF file has implausibly large tiles.")


def check_bmp(fp: BinaryIO) -> None:
    """Refuse run-length encoded BMP files that are huge, or longer than their pixels explain.

    Raises TooManyPixels or NotAnImage. Leaves ``fp`` anywhere.
    """
    length = fp.seek(0, io.SEEK_END)
    fp.seek(0)
    head = fp.read(34)
    if len(head) < 34 or head[14] < 40:
        return
    width, height, _, _, compression = struct.unpack_from("<iiHHL", head, 18)
    if compression not in (_RLE8, _RLE4):
        return
    pixels = abs(width * height)
    if pixels > MAX_RLE_PIXELS:
        raise TooManyPixels(
            "BMP files with run-length encoding may have at most "
            f"{MAX_RLE_PIXELS / 1e6:.0f} megapixels."
        )
    if length > 2 * pixels + 1024 * 1024:  # two bytes a pixel at worst, and room for a profile
        raise NotAnImage("The BMP file has an implausible structure.")


def _largest(entries: list[_Entry], tag: int) -> int:
    return max((entry.value for entry in entries if entry.tag == tag), default=0)


def exif_orientation(exif: bytes) -> int:
    """The orientation that an EXIF block (a TIFF without a picture) states, 1 to 8, else 1.

    Broken EXIF is common and no reason to refuse a picture.
    """
    block = exif.removeprefix(b"Exif\0\0")
    try:
        entries = _read_directory(io.BytesIO(block))
    except (struct.error, NotAnImage):
        return 1
    for entry in entries:
        if entry.tag == _ORIENTATION and entry.kind in _INTEGER_TYPES and entry.number == 1:
            return entry.value if 1 <= entry.value <= 8 else 1
    return 1


def _read_directory(fp: BinaryIO) -> list[_Entry]:
    """Read the first directory, with the values that fit into an entry."""
    fp.seek(0)
    head = fp.read(16)
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"+\0", b"\0+")
    entry, count_format = ("HHQQ", "Q") if big else ("HHLL", "H")
    fp.seek(struct.unpack_from(order + ("Q" if big else "L"), head, 8 if big else 4)[0])
    (count,) = struct.unpack(order + count_format, fp.read(struct.calcsize("<" + count_format)))
    if count > MAX_TIFF_ENTRIES:
        raise NotAnImage("The TIFF file has an implausible structure.")
    size = struct.calcsize("<" + entry)
    table = fp.read(size * count)
    table = table[: len(table) // size * size]
    return [
        _Entry(tag, kind, number, _inline(order, kind, value, big))
        for tag, kind, number, value in struct.iter_unpack(order + entry, table)
    ]


def _inline(order: str, kind: int, value: int, big: bool) -> int:
    """Undo the padding of a SHORT that stands left-aligned in a big-endian value field."""
    if kind == 3 and order == ">":
        return value >> (48 if big else 16)
    return value & 0xFFFF if kind == 3 else value

"""Limits that must hold before Pillow parses a file, because parsing alone could exhaust memory.

Only TIFF needs one: Pillow unpacks every number of a tag into Python objects (a 25 MB file may hold
twelve million strip offsets: several gigabytes), and libtiff allocates one whole tile whatever the
size of the picture.
"""

import struct
from typing import BinaryIO

from .errors import NotAnImage, UnsupportedFormat

MAX_TIFF_ENTRIES = 1024
MAX_TIFF_NUMBERS = 100_000
MAX_TIFF_TILE_PIXELS = 16 * 1024 * 1024

_BYTE_TYPES = {1, 2, 6, 7}
_DNG_VERSION = 50706
_TILE_WIDTH, _TILE_LENGTH = 322, 323


def check_tiff(fp: BinaryIO) -> None:
    """Refuse TIFF files whose first directory asks for more than any real picture does.

    Raises NotAnImage, or UnsupportedFormat for a camera's raw file. Leaves ``fp`` anywhere.
    """
    try:
        entries = _read_directory(fp)
    except struct.error as error:
        raise NotAnImage() from error
    if _DNG_VERSION in entries:
        raise UnsupportedFormat("Camera raw files (DNG) are not supported.")
    for kind, count, _ in entries.values():
        if kind not in _BYTE_TYPES and count > MAX_TIFF_NUMBERS:
            raise NotAnImage("The TIFF file has an implausible structure.")
    tile = entries.get(_TILE_WIDTH, (0, 0, 0))[2] * entries.get(_TILE_LENGTH, (0, 0, 0))[2]
    if tile > MAX_TIFF_TILE_PIXELS:
        raise NotAnImage("The TIFF file has implausibly large tiles.")


def _read_directory(fp: BinaryIO) -> dict[int, tuple[int, int, int]]:
    """Read the first directory: tag -> (type, count, inline value)."""
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
    return {
        tag: (kind, number, _inline(order, kind, value, big))
        for tag, kind, number, value in struct.iter_unpack(order + entry, table)
    }


def _inline(order: str, kind: int, value: int, big: bool) -> int:
    """Undo the padding of a SHORT that stands left-aligned in a big-endian value field."""
    if kind == 3 and order == ">":
        return value >> (48 if big else 16)
    return value & 0xFFFF if kind == 3 else value

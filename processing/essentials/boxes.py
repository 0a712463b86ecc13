"""AVIF and HEIC boxes (ISO 14496-12 and 23008-12)."""

from collections.abc import Iterator
from typing import BinaryIO

from .common import Essentials, Pieces, implausible, read_at
from .splice import Splice

_MAX_META_BYTES = 8 * 1024 * 1024  # the description of all items
_AVERAGE_BOX = 4096
_METADATA_NAMES = (b"Exif", b"mime", b"cdsc")  # two kinds of items; what ties them to a picture


def walk_boxes(fp: BinaryIO, length: int) -> Essentials:
    """Rename the items that hold EXIF and XMP so that the plugins do not find them.

    They play no part in showing these files: the standard turns pictures by other means.
    """
    inside = [
        slice(at + 8, end)
        for kind, at, end in _boxes(fp, length, Pieces(length, average=_AVERAGE_BOX))
        if kind in (b"meta", b"moov")
    ]
    stop = max((part.stop for part in inside), default=0)
    head = bytearray(read_at(fp, 0, stop))
    for part in inside:
        if part.stop - part.start > _MAX_META_BYTES:
            raise implausible()
        for name in _METADATA_NAMES:
            head[part] = head[part].replace(name, b"skip")
    return Essentials(Splice(bytes(head), fp, stop, length))


def _boxes(fp: BinaryIO, length: int, pieces: Pieces) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of each outermost box."""
    at = 0
    while len(head := read_at(fp, at, 16)) >= 8:
        pieces.take()
        size = int.from_bytes(head[:4], "big")
        if size == 1:
            size = int.from_bytes(head[8:], "big")
        end = min(at + max(8, size), length) if size else length
        yield head[4:8], at, end
        at = end

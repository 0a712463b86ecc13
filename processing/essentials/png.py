"""PNG chunks (W3C PNG, third edition)."""

from collections.abc import Iterator
from typing import BinaryIO

from .common import MAX_EXIF_BYTES, MAX_PROFILE_BYTES, Essentials, Pieces, read_at
from .splice import Splice

_MAX_TABLE_BYTES = 64 * 1024
_AVERAGE_PIECE = 256  # encoders write IDAT of 8 KB and more
_PNG_WANTED = {
    b"IHDR": _MAX_TABLE_BYTES,
    b"PLTE": _MAX_TABLE_BYTES,
    b"tRNS": _MAX_TABLE_BYTES,
    b"iCCP": MAX_PROFILE_BYTES,
}


def walk_png(fp: BinaryIO, length: int) -> Essentials:
    """Keep the first chunk of each kind that matters, and the first run of IDAT."""
    kept: dict[bytes, bytes] = {}
    exif = b""
    start = stop = length
    for kind, at, size in _chunks(fp, Pieces(length, average=_AVERAGE_PIECE)):
        if kind == b"IDAT":
            start, stop = min(start, at), min(at + size + 12, length)
        elif start < length or kind == b"IEND":
            break
        elif kind == b"eXIf":
            exif = exif or read_at(fp, at + 8, min(size, MAX_EXIF_BYTES))
        elif kind not in kept and size <= _PNG_WANTED.get(kind, -1):
            kept[kind] = read_at(fp, at, size + 12)
    head = b"\x89PNG\r\n\x1a\n" + b"".join(kept.values())
    return Essentials(Splice(head, fp, start, stop), exif)


def _chunks(fp: BinaryIO, pieces: Pieces) -> Iterator[tuple[bytes, int, int]]:
    """Kind, place and size of each chunk, until the file ends or is none any more."""
    at = 8
    while (head := read_at(fp, at, 8))[4:].isalpha() and len(head) == 8:
        pieces.take()
        size = int.from_bytes(head[:4], "big")
        yield head[4:], at, size
        at += size + 12

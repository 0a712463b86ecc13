"""WebP chunks (RFC 9649)."""

from collections.abc import Iterator
from typing import BinaryIO

from processing.errors import NotAnImage

from .common import MAX_EXIF_BYTES, MAX_PROFILE_BYTES, Essentials, Pieces, read_at
from .splice import Splice

_AVERAGE_PIECE = 256
_METADATA_FLAGS = 0b1100
_FRAME_HEAD_BYTES = 16
_WEBP_LIMITS = {b"VP8X": 256, b"ANIM": 256, b"ICCP": MAX_PROFILE_BYTES}
_WEBP_PIXELS = (b"VP8 ", b"VP8L", b"ANMF")


def walk_webp(fp: BinaryIO, length: int) -> Essentials:
    """Keep the canvas, the profile and the first frame: a picture, maybe with alpha before it."""
    kept: dict[bytes, bytes] = {}
    exif = b""
    start = stop = 0
    pieces = Pieces(length, average=_AVERAGE_PIECE)
    for kind, at, size in _riff_chunks(fp, pieces, 12, length):
        end = at + 8 + size + size % 2
        if kind == b"EXIF":
            exif = exif or read_at(fp, at + 8, min(size, MAX_EXIF_BYTES))
        elif stop == 0 and kind not in kept and size <= _WEBP_LIMITS.get(kind, -1):
            kept[kind] = read_at(fp, at, end - at)
        elif stop == 0 and kind in (b"ALPH", *_WEBP_PIXELS):
            start = start or at
            stop = end if kind in _WEBP_PIXELS else 0
            if kind == b"ANMF":
                _count_chunks(fp, pieces, at + 8 + _FRAME_HEAD_BYTES, end)
    if b"VP8X" in kept:
        kept[b"VP8X"] = _without_metadata_flags(kept[b"VP8X"])
    body = b"WEBP" + b"".join(kept.values())
    if not 0 < stop < 1 << 32:
        raise NotAnImage()
    head = b"RIFF" + (len(body) + stop - start).to_bytes(4, "little") + body
    return Essentials(Splice(head, fp, start, min(stop, length)), exif)


def _riff_chunks(
    fp: BinaryIO, pieces: Pieces, start: int, stop: int
) -> Iterator[tuple[bytes, int, int]]:
    """Kind, place and size of each chunk between two places, or until the file ends."""
    at = start
    while at < stop and len(head := read_at(fp, at, 8)) == 8:
        pieces.take()
        size = int.from_bytes(head[4:], "little")
        yield head[:4], at, size
        at += 8 + size + size % 2


def _count_chunks(fp: BinaryIO, pieces: Pieces, start: int, stop: int) -> None:
    for _ in _riff_chunks(fp, pieces, start, stop):
        pass


def _without_metadata_flags(chunk: bytes) -> bytes:
    return chunk[:8] + bytes([chunk[8] & ~_METADATA_FLAGS]) + chunk[9:] if chunk[8:] else chunk

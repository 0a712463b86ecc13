"""JPEG: segments up to the first scan, and the number of scans (ITU-T T.81, annex B)."""

import io
import re
from typing import BinaryIO

from processing.errors import NotAnImage, UnsupportedFormat

from .common import MAX_PROFILE_BYTES, Essentials, Pieces, implausible
from .splice import Splice

MAX_SCANS = 40
_MAX_TABLE_BYTES = 256 * 1024  # of everything but profile, pixels and metadata
_AVERAGE_PIECE = 4096  # a segment has up to 64 KB
_EOI, _SOS, _APP1, _APP2 = 0xD9, 0xDA, 0xE1, 0xE2
_ARITHMETIC = range(0xC9, 0xD0)  # nobody uses it, and it decodes whole scans out of no data
_MARKER = re.compile(rb"\xff([^\x00\xff])")
# In a scan: neither stuffed zeros nor fill nor restarts nor what decoders refuse or pass over.
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd8]")
_LONG_FILL = b"\xff" * 65536  # libjpeg starts such a run again with every block that it is given
_WINDOW = 4096
_JUNK_WINDOW_PIECES = 64  # so that a few hundred kilobytes may lie between segments
_WITHOUT_LENGTH = {0x01, 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)}
# Segments that decoders need, and how their content begins.
_WANTED = {
    **dict.fromkeys({*range(0xC0, 0xD0), 0xDB, 0xDD}, b""),
    0xE0: b"JFIF\0",
    _APP1: b"Exif\0\0",
    _APP2: b"ICC_PROFILE\0",
    0xEE: b"Adobe",
}


def walk_jpeg(fp: BinaryIO, length: int) -> Essentials:
    """Keep frame, tables and profile, and all from the first scan on."""
    pieces = Pieces(length, average=_AVERAGE_PIECE)
    profile, tables, exif = bytearray(), bytearray(), b""
    fp.seek(2)
    while (marker := _next_marker(fp, pieces)) not in (None, _SOS):
        if marker in _ARITHMETIC:
            raise UnsupportedFormat("JPEG files with arithmetic coding are not supported.")
        segment = _wanted_segment(fp, marker)
        if marker == _APP1:
            exif = exif or segment[4:]
        elif marker == _APP2:
            # An incomplete profile is ignored, so one that is too long may be cut off anywhere.
            profile += segment if len(profile) < MAX_PROFILE_BYTES else b""
        else:
            tables += segment
        if len(tables) > _MAX_TABLE_BYTES:
            raise implausible()
    start = fp.tell() - 2 if marker == _SOS else length
    return Essentials(Splice(b"\xff\xd8" + profile + tables, fp, start, length), exif)


def _next_marker(fp: BinaryIO, pieces: Pieces) -> int | None:
    """Go behind the next marker and return it, or None at the end of the file."""
    pieces.take()
    while True:
        at = fp.tell()
        window = fp.read(_WINDOW)
        if found := _MARKER.search(window):
            fp.seek(at + found.end())
            return found[1][0]
        pieces.take(_JUNK_WINDOW_PIECES)
        if len(window) < 2:
            return None
        if window.endswith(b"\xff"):
            fp.seek(-1, io.SEEK_CUR)


def _wanted_segment(fp: BinaryIO, marker: int | None) -> bytes:
    """Go behind a segment and return it with its marker, or nothing if it is of no use."""
    if marker is None or marker in _WITHOUT_LENGTH:
        return b""
    size = fp.read(2)
    length = int.from_bytes(size, "big") - 2
    if length < 0:
        raise NotAnImage()
    prefix = _WANTED.get(marker)
    start = b"" if prefix is None else fp.read(min(length, len(prefix)))
    if prefix is None or start != prefix:
        fp.seek(length - len(start), io.SEEK_CUR)
        return b""
    return b"\xff" + bytes([marker]) + size + start + fp.read(length - len(start))


def check_scans(fp: BinaryIO) -> None:
    """Refuse a JPEG with far more scans than the usual ten: each is a pass over all pixels.

    ``fp`` is what ``walk_jpeg`` left of the file, so that nothing before the first scan can mislead
    the count. Reads it all. Raises NotAnImage. Leaves ``fp`` anywhere.
    """
    fp.seek(0)
    content = fp.read()
    if _LONG_FILL in content:
        raise implausible()
    pieces = Pieces(len(content), average=_AVERAGE_PIECE)
    at, scans = 2, 0
    while found := _MARKER_IN_SCAN.search(content, at):
        pieces.take()
        marker = found[0][1]
        if marker == _EOI:
            return
        scans += marker == _SOS
        if scans > MAX_SCANS:
            raise NotAnImage("The JPEG file has implausibly many scans.")
        at = found.end() + int.from_bytes(content[found.end() : found.end() + 2], "big")

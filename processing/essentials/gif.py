"""GIF blocks (CompuServe, GIF89a)."""

from typing import BinaryIO

from processing.errors import NotAnImage

from .common import Essentials, Pieces
from .splice import Splice

_AVERAGE_PIECE = 200  # a block has up to 255 bytes, and all but the last should
_DISPOSAL_BITS = 0b00011100


def walk_gif(fp: BinaryIO, length: int) -> Essentials:
    """Keep the palette, the first picture and what controls it."""
    pieces = Pieces(length, average=_AVERAGE_PIECE)
    fp.seek(0)
    head = fp.read(13)
    if len(head) < 13:
        raise NotAnImage()
    if head[10] & 0x80:
        head += fp.read(3 << ((head[10] & 7) + 1))
    control = b""
    while (mark := fp.read(1)) not in (b"", b",", b";"):
        pieces.take()
        if mark == b"!":
            control = _control(fp, pieces) or control
    return Essentials(Splice(head + control, fp, fp.tell() - len(mark), length))


def _control(fp: BinaryIO, pieces: Pieces) -> bytes:
    """Go behind an extension; return it if it is a graphic control extension.

    What to do with the picture afterwards is taken out: Pillow would make a canvas for it at once.
    """
    label = fp.read(1)
    first = block = _sub_block(fp)
    while block:
        pieces.take()
        block = _sub_block(fp)
    if label != b"\xf9" or len(first) < 4:
        return b""
    return b"!\xf9\x04" + bytes([first[0] & ~_DISPOSAL_BITS]) + first[1:4] + b"\0"


def _sub_block(fp: BinaryIO) -> bytes:
    size = fp.read(1)
    return fp.read(size[0]) if size else b""

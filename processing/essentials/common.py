"""What the walks over all formats share."""

from typing import BinaryIO, NamedTuple

from processing.errors import NotAnImage

MAX_PROFILE_BYTES = 8 * 1024 * 1024
MAX_EXIF_BYTES = 1024 * 1024

_FREE_PIECES = 4096


class Essentials(NamedTuple):
    """``file`` is what Pillow may parse; ``exif`` the EXIF block left out of it (maybe broken).

    ``exif`` is None where it stays in ``file``, because the format's plugin merely copies it.
    """

    file: BinaryIO
    exif: bytes | None = None


class Pieces:
    """How many more segments, chunks, blocks or boxes a file of ``length`` bytes may have.

    A small file may be cut finely; a large one's pieces must have ``average`` bytes on average,
    which each format sets far below what encoders write.
    """

    def __init__(self, length: int, *, average: int) -> None:
        self._left = _FREE_PIECES + length // average

    def take(self, number: int = 1) -> None:
        self._left -= number
        if self._left < 0:
            raise implausible()


def read_at(fp: BinaryIO, at: int, size: int) -> bytes:
    fp.seek(at)
    return fp.read(size)


def implausible() -> NotAnImage:
    return NotAnImage("The file has an implausible structure.")

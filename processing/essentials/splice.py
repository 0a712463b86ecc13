"""A file made of some bytes and a stretch of another file."""

import io
from typing import BinaryIO


class Splice(io.BufferedIOBase, BinaryIO):
    """``head``, then the bytes from ``start`` to ``stop`` of ``fp``. Only for reading.

    It does not own ``fp``: closing it leaves that open.
    """

    def __init__(self, head: bytes, fp: BinaryIO, start: int, stop: int) -> None:
        self._head, self._fp, self._start = head, fp, start
        self._length = len(head) + max(0, stop - start)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(0, self._length - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        data = self._head[self._at : self._at + wanted]
        if len(data) < wanted:
            self._fp.seek(self._start + self._at + len(data) - len(self._head))
            data += self._fp.read(wanted - len(data))
        self._at += len(data)
        return data

"""A request on its way in."""

import os
import re
from tempfile import SpooledTemporaryFile

END_OF_HEAD = b"\r\n\r\n"
LARGEST_HEAD = 64 * 1024
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*\r\n", re.IGNORECASE)
EXPECTATION = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
FIRST_LINE_END = b" HTTP/1.1\r\n"  # nobody of an older version waits to be told to go ahead


class Arrival:
    """Keeps what has come and knows how much is to come.

    It looks at the head only to know when to wake a thread; what the request means, gunicorn alone
    decides, from the same bytes. A body in chunks is not waited for, since Django ignores those.
    """

    def __init__(self) -> None:
        self.kept = Spool()
        self.head = bytearray()
        self.size: int | None = None  # of head and body, as soon as the head is here
        self.expects_go_ahead = False

    def add(self, data: bytes) -> None:
        if self.size is not None:
            self.kept.put(data)
            return
        searched = max(0, len(self.head) - len(END_OF_HEAD) + 1)
        self.head += data
        end = self.head.find(END_OF_HEAD, searched)
        if end >= 0:
            self._read_head(end + len(END_OF_HEAD))

    def _read_head(self, size: int) -> None:
        length = LENGTH.search(self.head, 0, size)
        self.size = size + (int(length[1]) if length else 0)
        self.expects_go_ahead = (
            len(self.head) == size < self.size
            and FIRST_LINE_END in self.head
            and EXPECTATION.search(self.head) is not None
        )
        self.kept.put(bytes(self.head))
        self.head.clear()

    @property
    def has_begun(self) -> bool:
        return bool(self.head) or self.size is not None

    @property
    def is_endless(self) -> bool:
        return len(self.head) > LARGEST_HEAD

    @property
    def is_complete(self) -> bool:
        return self.size is not None and len(self.kept) >= self.size


class Spool:
    """Bytes in the order in which they came; more than a little of them on disk, without a name."""

    IN_MEMORY = 256 * 1024
    FOLDER = os.environ.get("DATA_DIR")

    def __init__(self) -> None:
        self._renew()

    def _renew(self) -> None:
        self.file = SpooledTemporaryFile(self.IN_MEMORY, dir=self.FOLDER)  # noqa: SIM115
        self.written = self.read = 0

    def __len__(self) -> int:
        return self.written - self.read

    def put(self, data: bytes) -> None:
        self.file.seek(self.written)
        self.file.write(data)
        self.written += len(data)

    def take(self, size: int) -> bytes:
        self.file.seek(self.read)
        data = self.file.read(min(size, len(self)))
        self.read += len(data)
        if self.written and not len(self):
            self.close()
            self._renew()
        return data

    def close(self) -> None:
        self.file.close()

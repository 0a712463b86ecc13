"""The connection to one client, as gunicorn's threads see it."""

import contextlib
import errno
import os
import select
import socket
import time
from collections import deque
from typing import Any, Protocol

from scripts.webserver.arrival import Arrival

GO_AHEAD = b"HTTP/1.1 100 Continue\r\n\r\n"
LARGEST_READ = 256 * 1024
# At most so much of an answer waits in memory; files wait on disk, where they are.
LARGEST_BACKLOG = 4 * 1024 * 1024
# The kernel would take megabytes, and then tell nothing of a slow client until it has read a third.
UNSENT_IN_KERNEL = 256 * 1024


class Deadline:
    """How long a client has: so many seconds, and more as it goes on at `rate` bytes a second.

    A fast beginning earns no more than those seconds of rest.
    """

    def __init__(self, seconds: float, rate: int) -> None:
        self.seconds = seconds
        self.rate = rate
        self.at = time.monotonic() + seconds

    def extend(self, size: int) -> None:
        self.at = min(time.monotonic() + self.seconds, self.at + size / self.rate)

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.at


class Part(Protocol):
    """A piece of an answer."""

    def __len__(self) -> int: ...

    def send(self, client: "ClientSocket") -> int:
        """Sends what the network takes at once, and returns how much that was."""

    def close(self) -> None: ...


class Words:
    def __init__(self, data: bytes) -> None:
        self.data = memoryview(data)

    def __len__(self) -> int:
        return len(self.data)

    def send(self, client: "ClientSocket") -> int:
        sent = socket.socket.send(client, self.data)
        self.data = self.data[sent:]
        return sent

    def close(self) -> None:
        self.data = self.data[:0]


class FilePart:
    LARGEST_STEP = 1024 * 1024

    def __init__(self, file: Any, offset: int, count: int) -> None:
        self.descriptor = os.dup(file.fileno())  # whoever opened the file closes it before we end
        self.offset = offset
        self.end = offset + count

    def __len__(self) -> int:
        return self.end - self.offset

    def send(self, client: "ClientSocket") -> int:
        step = min(len(self), self.LARGEST_STEP)
        sent = os.sendfile(client.fileno(), self.descriptor, self.offset, step)
        if not sent:
            raise ConnectionAbortedError(errno.ECONNABORTED, "The file has become shorter.")
        self.offset += sent
        return sent

    def close(self) -> None:
        os.close(self.descriptor)


class ClientSocket(socket.socket):
    """Reads what has been collected, and leaves behind what cannot be sent at once.

    A thread has it from the moment a request is complete until gunicorn has dealt with that; before
    and after, it belongs to the main loop of the worker. It never blocks.
    """

    def __init__(self, connection: socket.socket, sending: tuple[float, int]) -> None:
        super().__init__(fileno=connection.detach())
        self.setblocking(False)
        with contextlib.suppress(OSError, AttributeError):  # not TCP, or not on this system
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_IN_KERNEL)
        self.sending = sending
        self.arrival = Arrival()
        self.outbox: deque[Part] = deque()
        self.starved = False  # a thread wanted more than there was: the rest cannot be told apart
        self.is_dropped = False
        self.was_told_to_go_ahead = False

    def expect_request(self, beginning: bytes) -> None:
        """`beginning` is what came already, together with the request before."""
        rest = self.arrival.kept.take(len(self.arrival.kept))
        self.arrival.kept.close()
        self.arrival = Arrival()
        self.arrival.add(beginning + rest)
        self.was_told_to_go_ahead = False

    def collect(self) -> int:
        """Takes in what the network has, and returns how much that was: nothing at the end."""
        data = super().recv(LARGEST_READ)
        self.arrival.add(data)
        return len(data)

    def tell_to_go_ahead(self) -> None:
        self.arrival.expects_go_ahead = False
        super().send(GO_AHEAD)
        self.was_told_to_go_ahead = True

    def discard(self) -> int:
        return len(super().recv(LARGEST_READ))

    def recv(self, size: int, flags: int = 0) -> bytes:
        data = self.arrival.kept.take(size)
        self.starved = self.starved or not data
        return data

    def send(self, data: Any, flags: int = 0) -> int:
        """gunicorn uses it for its own go-ahead alone."""
        if not (self.was_told_to_go_ahead and data == GO_AHEAD):
            self.sendall(data)
        return len(data)

    def sendall(self, data: Any, flags: int = 0) -> None:
        self.outbox.append(Words(data))
        self.flush()
        if self._backlog() > LARGEST_BACKLOG:
            self._wait_for_the_network()

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        if count is None:
            count = os.fstat(file.fileno()).st_size - offset
        self.outbox.append(FilePart(file, offset, count))
        self.flush()
        return count

    def flush(self) -> int:
        """Sends what the network takes at once, and returns how much that was."""
        self.setblocking(False)  # gunicorn sets it otherwise now and then
        total = 0
        try:
            while self.outbox:
                if len(self.outbox[0]):
                    total += self.outbox[0].send(self)
                if not len(self.outbox[0]):
                    self.outbox.popleft().close()
        except BlockingIOError:
            pass
        return total

    def _backlog(self) -> int:
        return sum(len(part) for part in self.outbox if isinstance(part, Words))

    def _wait_for_the_network(self) -> None:
        deadline = Deadline(*self.sending)
        poll = select.poll()
        poll.register(self, select.POLLOUT)
        while self._backlog() > LARGEST_BACKLOG:
            if deadline.is_over:
                raise ConnectionResetError(errno.ECONNRESET, "The client does not read.")
            poll.poll(1000)
            deadline.extend(self.flush())

    def close(self) -> None:
        while self.outbox:
            self.outbox.popleft().close()
        self.arrival.kept.close()
        super().close()

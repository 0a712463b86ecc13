"""Connections to other servers that end in time, whatever those servers do."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic


@contextmanager
def connected(address: str, port: int, *, longest: float, end: float) -> Iterator[socket.socket]:
    """A connection that ends at `end`, whatever it is doing then: a server that sends a byte now
    and then keeps every time-out of a single step from striking.

    longest: seconds that connecting or one step may take. end: by time.monotonic. Whoever reads
    must look at the clock: a connection that was cut off may look like a proper end.
    """
    step = min(longest, max(0.1, end - monotonic()))
    with socket.create_connection((address, port), timeout=step) as raw:
        same = raw.dup()
        timer = threading.Timer(max(0.1, end - monotonic()), _cut, [same])
        timer.daemon = True
        timer.start()
        try:
            yield raw
        finally:
            timer.cancel()
            timer.join()
            same.close()


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)

"""The worker: its main loop collects requests and sends the rest of answers."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from scripts.webserver.client import ClientSocket, Deadline

REFUSAL = (
    "HTTP/1.1 {0}\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    "Content-Length: {1}\r\n\r\n{0}"
)


class BufferingWorker(ThreadWorker):
    """gunicorn's own worker with threads, which by itself hands a connection to a thread at its
    first byte, and lets that thread wait for the others.

    Everything here runs in the main loop. A connection is either with a thread, or idle (then
    gunicorn looks after it), or in `watched`.
    """

    receive_seconds = 20.0
    send_seconds = 60.0
    linger_seconds = 2.0
    bytes_per_second = 1000
    largest_request = 512 * 1024 * 1024
    largest_spool = 1024 * 1024 * 1024

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.watched: dict[TConn, Deadline] = {}
        self.next_look = 0.0
        # There gunicorn reads by itself, and only it knows where a request ends.
        self.is_plain = not self.cfg.is_ssl and self.cfg.http2_cleartext == "off"

    # A request comes in

    def enqueue_req(self, conn: TConn) -> None:
        """gunicorn calls it for a new connection and when an idle one becomes readable."""
        if not self.is_plain:
            super().enqueue_req(conn)
            return
        if isinstance(conn.sock, ClientSocket):
            conn.sock.expect_request(conn.parser.unreader.take_buffered())
        else:
            self._make_room()
            conn.sock = ClientSocket(conn.sock, (self.send_seconds, self.bytes_per_second))
        self._watch(conn, EVENT_READ, self._collect, self.receive_seconds)
        self._guard(conn, self._hand_over_if_complete)

    def _collect(self, conn: TConn) -> None:
        size = conn.sock.collect()
        if not size:
            self._drop(conn)
            return
        if conn.sock.arrival.size is not None:  # the head gets no more time than the first byte
            self.watched[conn].extend(size)
        self._hand_over_if_complete(conn)

    def _hand_over_if_complete(self, conn: TConn) -> None:
        arrival = conn.sock.arrival
        if arrival.is_endless:
            self._refuse(conn, "431 Request Header Fields Too Large")
        elif arrival.size is not None and arrival.size > self.largest_request:
            self._refuse(conn, "413 Content Too Large")
        elif arrival.is_complete:
            self._unwatch(conn)
            conn.data_ready = True
            super().enqueue_req(conn)
        elif arrival.expects_go_ahead:
            conn.sock.tell_to_go_ahead()

    def _refuse(self, conn: TConn, status: str) -> None:
        self._unwatch(conn)
        conn.sock.sendall(REFUSAL.format(status, len(status)).encode())
        self._part(conn)

    # An answer goes out

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """gunicorn calls it when a thread is done with a connection."""
        if not self.is_plain:
            super().finish_request(conn, fs)
            return
        done = not fs.cancelled() and fs.exception() is None
        keep = done and bool(fs.result()) and not conn.sock.starved
        after = partial(super().finish_request, fs=fs) if keep else self._part
        if not done:
            self._drop(conn)
        elif conn.sock.outbox:
            flush = partial(self._flush, after=after)
            self._watch(conn, EVENT_WRITE, flush, self.send_seconds)
        else:
            self._go_on(conn, after)

    def _flush(self, conn: TConn, after: Callable[[TConn], None]) -> None:
        self.watched[conn].extend(conn.sock.flush())
        if not conn.sock.outbox:
            self._unwatch(conn)
            self._go_on(conn, after)

    def _go_on(self, conn: TConn, after: Callable[[TConn], None]) -> None:
        if after != self._part and len(conn.sock.arrival.kept):
            self.enqueue_req(conn)  # the next request came together with this one
        else:
            self._guard(conn, after)

    def _part(self, conn: TConn) -> None:
        """Closes so that the client can still read the answer (RFC 9112, section 9.6)."""
        conn.sock.shutdown(socket.SHUT_WR)
        self._watch(conn, EVENT_READ, self._discard, self.linger_seconds)

    def _discard(self, conn: TConn) -> None:
        if not conn.sock.discard():
            self._drop(conn)

    # The connections that the main loop watches

    def _watch(
        self, conn: TConn, event: int, callback: Callable[[TConn], None], seconds: float
    ) -> None:
        conn.sock.setblocking(False)
        self.watched[conn] = Deadline(seconds, self.bytes_per_second)
        try:
            self.poller.register(conn.sock, event, lambda _: self._guard(conn, callback))
        except (OSError, ValueError, KeyError):  # closed already
            self._drop(conn)

    def _unwatch(self, conn: TConn) -> None:
        del self.watched[conn]
        self.poller.unregister(conn.sock)

    def _guard(self, conn: TConn, callback: Callable[[TConn], None]) -> None:
        """An error of a connection ends that connection, and not the worker."""
        if conn.sock.is_dropped:  # by another event of the same moment
            return
        try:
            callback(conn)
        except BlockingIOError:
            pass
        except (OSError, ValueError):
            self._drop(conn)

    def _drop(self, conn: TConn) -> None:
        if conn.sock.is_dropped:
            return
        conn.sock.is_dropped = True
        self.watched.pop(conn, None)
        with suppress(OSError, ValueError, KeyError):
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def _make_room(self) -> None:
        """Before too many connections are open, the one goes that has least time left."""
        if self.nr_conns < self.worker_connections - self.cfg.threads:
            return
        if self.watched:
            self._drop(min(self.watched, key=lambda conn: self.watched[conn].at))
        elif self.keepalived_conns:
            self.keepalived_conns[0].timeout = 0
            self.murder_keepalived()

    def murder_pending(self) -> None:
        """gunicorn calls it often, and at least once a second."""
        super().murder_pending()
        if time.monotonic() < self.next_look:
            return
        self.next_look = time.monotonic() + 0.5
        for conn, deadline in list(self.watched.items()):
            if deadline.is_over or not (self.alive or conn.sock.arrival.has_begun):
                self._drop(conn)
        while self._spooled() > self.largest_spool:
            self._drop(max(self.watched, key=lambda conn: len(conn.sock.arrival.kept)))

    def _spooled(self) -> int:
        return sum(len(conn.sock.arrival.kept) for conn in self.watched)

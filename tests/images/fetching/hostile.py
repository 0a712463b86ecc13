"""A server that does what servers should not."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Behaviour = Callable[[socket.socket], None]


class Server:
    """Answers each connection with `behaviour`, on a thread of its own."""

    def __init__(self, behaviour: Behaviour, *, reads_first: bool) -> None:
        self.behaviour = behaviour
        self.reads_first = reads_first
        self.asked: list[bytes] = []
        self.stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                if self.reads_first:
                    self.asked.append(connection.recv(65536))
                self.behaviour(connection)
            except OSError:
                return

    def stop(self) -> None:
        self.stopping.set()
        self._listener.close()


@contextmanager
def serving(behaviour: Behaviour, *, reads_first: bool = True) -> Iterator[Server]:
    server = Server(behaviour, reads_first=reads_first)
    try:
        yield server
    finally:
        server.stop()


def answering(body: bytes, *headers: str, status: str = "200 OK") -> Behaviour:
    """A plain answer; Content-Length is right unless the headers say another."""
    lines = [f"HTTP/1.1 {status}", *headers]
    if not any(line.lower().startswith(("content-length", "transfer-enc")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    return lambda connection: connection.sendall(head + body)

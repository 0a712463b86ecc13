"""A service with the API of remove.bg, which answers what a test wants."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw

KEY = "a-key-that-nobody-writes-down"


@dataclass
class Answer:
    """before: called when the question has come, and waited for. drips: sent instead of anything
    else, and then a byte at a time until nobody listens.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    before: Callable[[], Any] = lambda: None
    drips: bytes = b""


@dataclass
class FakeService:
    url: str = ""
    answer: Answer = field(default_factory=Answer)
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


def matte_png(size: tuple[int, int], mode: str = "L") -> bytes:
    """A disc in the middle."""
    matte = Image.new("L", size)
    width, height = size
    ImageDraw.Draw(matte).ellipse((width // 4, height // 4, width * 3 // 4, height * 3 // 4), 255)
    if mode != "L":
        picture = Image.new("RGB", size, (200, 30, 30))
        if mode == "RGBA":
            picture.putalpha(matte)
        matte = picture
    buffer = BytesIO()
    matte.save(buffer, "PNG")
    return buffer.getvalue()


def refusal(status: int, code: str, **headers: str) -> Answer:
    body = f'{{"errors": [{{"title": "No", "code": "{code}"}}]}}'.encode()
    return Answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def drip(file: Any, start: bytes) -> None:
    file.write(start)
    with suppress(OSError):
        for _ in range(200):
            file.write(b"x")
            time.sleep(0.05)


@contextmanager
def running_service(*, tls: ssl.SSLContext | None = None) -> Iterator[FakeService]:
    service = FakeService()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            service.asked.append((self.path, dict(self.headers), content))
            answer = service.answer
            answer.before()
            if answer.drips:
                drip(self.wfile, answer.drips)
                self.close_connection = True
                return
            self.send_response(answer.status)
            headers = {"Content-Length": str(len(answer.body)), **answer.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *args: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    service.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()

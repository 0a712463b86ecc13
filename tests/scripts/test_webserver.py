"""The web server against clients that are slow, stall or misbehave."""

import contextlib
import hashlib
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripts.tiny_app import LARGE

ROOT = Path(__file__).resolve().parents[2]
RECEIVE_SECONDS, SEND_SECONDS, RATE = 1.5, 2.0, 2000
# One process with two threads and few connections: what 30 clients stall here, nobody else gets.
SETTINGS = f"""
from scripts.webserver.worker import BufferingWorker

class worker_class(BufferingWorker):
    receive_seconds, send_seconds, linger_seconds = {RECEIVE_SECONDS}, {SEND_SECONDS}, 0.5
    bytes_per_second = {RATE}
    largest_request = 64 * 1024 * 1024

workers, threads, worker_connections = 1, 2, 50
keepalive, graceful_timeout = 5, 5
no_control_socket = True
"""


class Server:
    def __init__(self, folder: Path) -> None:
        (folder / "conf.py").write_text(SETTINGS)
        (folder / "large").write_bytes(random.Random(1).randbytes(LARGE))
        self.large = (folder / "large").read_bytes()
        self.log = folder / "log"
        listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = listener.getsockname()[1]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    *[sys.executable, "-m", "gunicorn", "--config", str(folder / "conf.py")],
                    *["--bind", f"fd://{listener.fileno()}", "tests.scripts.tiny_app:application"],
                ],
                cwd=ROOT,
                env=os.environ | {"LARGE_FILE": str(folder / "large"), "DATA_DIR": str(folder)},
                stdout=log,
                stderr=log,
                pass_fds=[listener.fileno()],
            )
        listener.close()

    def connect(self, *, small_window: bool = False) -> socket.socket:
        client = socket.socket()
        client.settimeout(20)
        if small_window:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", self.port))
        return client

    def ask(self, text: str, *, small_window: bool = False) -> socket.socket:
        client = self.connect(small_window=small_window)
        client.sendall(text.encode())
        return client

    def get(self, path: str = "/") -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    try:
        assert server.get() == b"GET /"
        yield server
        assert "Traceback" not in server.log.read_text()
        assert "[ERROR]" not in server.log.read_text()
    finally:
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(15) == 0


HEAD = "GET / HTTP/1.1\r\nHost: x\r\n"
FORM = "POST /digest HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx"
CHUNKS = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"
FILE = "GET /file HTTP/1.1\r\nHost: x\r\n\r\n"
WORDS = "GET /words HTTP/1.1\r\nHost: x\r\n\r\n"
SHORT = "GET / HTTP/1.0\r\n\r\n"


@pytest.mark.parametrize(
    "text",
    ["", HEAD, FORM, CHUNKS, FILE, SHORT],
    ids=["nothing", "head", "form", "chunks", "file", "short"],
)
def test_stalled_clients_hold_nobody_up(server: Server, text: str) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(30):
            stack.enter_context(server.ask(text, small_window=True))
        for _ in range(3):
            began = time.monotonic()
            assert server.get() == b"GET /"
            assert time.monotonic() - began < 1
            time.sleep(0.2)


@pytest.mark.parametrize("text", ["", HEAD, FORM], ids=["nothing", "head", "form"])
def test_stalled_requests_are_given_up(server: Server, text: str) -> None:
    began = time.monotonic()
    with server.ask(text) as client:
        assert client.recv(1000) == b""
    assert RECEIVE_SECONDS - 0.1 < time.monotonic() - began < RECEIVE_SECONDS + 3


@pytest.mark.parametrize("text", [FILE, WORDS], ids=["file", "words"])
def test_answers_that_nobody_reads_are_given_up(server: Server, text: str) -> None:
    with server.ask(text, small_window=True) as client:
        time.sleep(SEND_SECONDS + 2.5)
        assert len(read_all(client)) < LARGE, "what was on its way may come, but not the rest"


def read_all(client: socket.socket) -> bytes:
    """What comes until the connection ends, in whichever way."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(1024 * 1024):
            parts.append(part)
    return b"".join(parts)


def test_a_dribble_is_given_up(server: Server) -> None:
    began = time.monotonic()
    with server.ask(FORM) as client:
        client.settimeout(0.2)
        while time.monotonic() - began < 20:
            client.sendall(b"x")
            with contextlib.suppress(TimeoutError):
                assert client.recv(1000) == b""
                break
    assert time.monotonic() - began < RECEIVE_SECONDS + 3


def test_a_fast_beginning_buys_no_long_rest(server: Server) -> None:
    began = time.monotonic()
    with server.ask(FORM + "x" * 900_000) as client:
        assert client.recv(1000) == b""
    assert time.monotonic() - began < RECEIVE_SECONDS + 3


def test_a_slow_upload_arrives(server: Server) -> None:
    """It takes several times as long as a stalled client gets."""
    body = random.Random(2).randbytes(400_000)
    head = f"POST /digest HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n"
    with server.ask(head) as client:
        for start in range(0, len(body), 20_000):
            client.sendall(body[start : start + 20_000])
            time.sleep(RECEIVE_SECONDS / 5)
        answer = read_all(client)
    assert answer.endswith(f"{len(body)} {hashlib.sha256(body).hexdigest()}".encode())


def test_a_slow_download_arrives(server: Server) -> None:
    with server.ask(FILE.replace("1.1", "1.0"), small_window=True) as client:
        received, size, rested = [], 0, 0
        while part := client.recv(1024 * 1024):
            received.append(part)
            size += len(part)
            if rested < 8 and size > 400_000 * rested:
                rested += 1
                time.sleep(SEND_SECONDS / 4)
    assert b"".join(received).endswith(server.large)


def test_large_bodies_arrive_whole_in_both_directions(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    with contextlib.closing(connection):
        for _ in range(2):
            connection.request("POST", "/digest", body=server.large)
            digest = connection.getresponse().read().decode()
            assert digest == f"{LARGE} {hashlib.sha256(server.large).hexdigest()}"
            connection.request("GET", "/file")
            assert connection.getresponse().read() == server.large
        connection.request("GET", "/words")
        assert len(connection.getresponse().read()) == LARGE


def test_requests_in_one_piece_and_in_crumbs(server: Server) -> None:
    post = "POST /digest HTTP/1.1\r\ncontent-LENGTH: 3\r\n\r\nabc"
    digest = hashlib.sha256(b"abc").hexdigest().encode()
    with server.ask(post + "GET /a HTTP/1.1\r\n\r\n" + post) as client:
        for letter in "\r\nGET /b HTTP/1.1\r\nx: y\r\n\r\n" + post[:-3]:
            client.sendall(letter.encode())
            time.sleep(0.002)
        client.sendall(b"abc" + b"GET /c HTTP/1.1\r\nConnection: close\r\n\r\n")
        received = read_all(client)
    places = [received.find(word) for word in (b"GET /a", b"GET /b", b"GET /c")]
    assert -1 not in places
    assert places == sorted(places)
    assert received.count(digest) == 3


def test_who_asks_is_told_once_to_go_ahead(server: Server) -> None:
    head = "POST /digest HTTP/1.1\r\nContent-Length: 3\r\nConnection: close\r\n"
    with server.ask(head + "Expect: 100-continue\r\n\r\n") as client:
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc")
        answer = read_all(client)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(hashlib.sha256(b"abc").hexdigest().encode())


def test_a_request_that_is_too_large_is_refused_at_once(server: Server) -> None:
    head = f"POST /digest HTTP/1.1\r\nContent-Length: {10**11}\r\nExpect: 100-continue\r\n\r\n"
    with server.ask(head) as client:
        assert read_all(client).startswith(b"HTTP/1.1 413 ")


def test_a_body_in_chunks_ends_the_connection(server: Server) -> None:
    with server.ask(CHUNKS) as client:
        assert read_all(client).endswith(b"POST /")


def test_a_head_without_end_is_refused(server: Server) -> None:
    with server.ask("GET / HTTP/1.1\r\n" + f"x: {'y' * 100}\r\n" * 700) as client:
        assert read_all(client).startswith(b"HTTP/1.1 431 ")


def test_more_stalled_clients_than_connections(server: Server) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(120):
            stack.enter_context(server.ask(HEAD))
        began = time.monotonic()
        assert server.get() == b"GET /"
        assert time.monotonic() - began < 1


def test_clients_that_go_away_at_any_moment(server: Server) -> None:
    texts = [HEAD, FORM, FILE, WORDS, CHUNKS, SHORT, "\0" * 100, "\r\n\r\n", "x" * 70_000]

    def come_and_go(seed: int) -> None:
        pick = random.Random(seed)
        for _ in range(30):
            with server.ask(pick.choice(texts), small_window=True) as client:
                time.sleep(pick.choice([0, 0.001, 0.01]))
                if pick.random() < 0.5:  # at once, and not in order
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    threads = [threading.Thread(target=come_and_go, args=[seed]) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.get() == b"GET /"

"""Clients without an account that stall on purpose, and honest ones with a slow line."""

import contextlib
import socket
import time

import pytest
import requests

from tests.factories import picture_bytes
from tests.system.application import Application
from tests.system.client import Client

COOKIE = "a" * 32
SIGN_IN = (
    f"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nCookie: csrftoken={COOKIE}\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000000\r\n\r\nx"
)
HALF_A_HEAD = "GET / HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize("text", [SIGN_IN, HALF_A_HEAD], ids=["body", "head"])
def test_stalled_clients_do_not_stop_the_others(live: Application, text: str) -> None:
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", live.port)))
            for _ in range(40)
        ]
        for client in clients:
            client.sendall(text.encode())
        for _ in range(5):
            time.sleep(0.5)
            began = time.monotonic()
            assert requests.get(f"{live.url}/healthz", timeout=10).status_code == 200
            assert time.monotonic() - began < 2
        for client in clients:
            client.settimeout(30)
            assert client.recv(1000) == b"", "given up, without a word"
    written = "".join(live.output)
    assert "Traceback" not in written
    assert "Error" not in written


def test_a_slow_upload_is_accepted(live: Application, program: Client) -> None:
    """It takes longer than a client may stall."""
    content = picture_bytes(size=(900, 700), format="BMP")
    form = b'--ab\r\nContent-Disposition: form-data; name="file"; filename="a.bmp"\r\n\r\n'
    body = form + content + b"\r\n--ab--\r\n"
    authorization = str(program.http.headers["Authorization"])
    head = (
        "POST /api/v1/images/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Authorization: {authorization}\r\n"
        f"Content-Type: multipart/form-data; boundary=ab\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    step = len(body) // 25 + 1
    with socket.create_connection(("127.0.0.1", live.port), timeout=30) as client:
        client.sendall(head.encode())
        for start in range(0, len(body), step):
            client.sendall(body[start : start + step])
            time.sleep(1)
        assert client.recv(1000).startswith(b"HTTP/1.1 201 ")

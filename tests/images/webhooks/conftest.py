"""Another program: a real server on this machine that keeps what it is sent."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import Any

import pytest
from pytest_django import Settings
from standardwebhooks import Webhook

from accounts.models import User
from images.models import WebhookDelivery, WebhookEndpoint
from images.queue.claims import claim_next
from images.services.webhook_sending import deliver
from images.services.webhooks import make_endpoint

SITE = "https://cut.example"


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """`answers`: statuses to give, one after the other; the last one for ever."""

    port: int
    answers: list[int] = field(default_factory=lambda: [204])
    headers: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?for=tests"

    def take(self, received: Received) -> int:
        with self.lock:
            self.received.append(received)
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def verified(self, secret: str) -> list[Any]:
        """All messages as the specification's own library reads them; it raises if one is bad."""
        return [Webhook(secret).verify(one.body, one.headers) for one in self.received]


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = found.take(Received(self.path, dict(self.headers.items()), body))
            self.send_response(status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Receiver(server.server_address[1])
    allow(settings, found.port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


def allow(settings: Settings, port: int) -> None:
    settings.WEBHOOK_PORTS = [*settings.WEBHOOK_PORTS, port]
    settings.IMPORT_NETWORKS = [ip_network("127.0.0.0/8")]


@dataclass
class Hook:
    endpoint: WebhookEndpoint
    secret: str


def make_hook(owner: User, url: str, **options: Any) -> Hook:
    return Hook(*make_endpoint(owner=owner, url=url, site=SITE, **options))


@pytest.fixture
def hook(owner: User, receiver: Receiver) -> Hook:
    return make_hook(owner, receiver.url)


def deliver_next() -> WebhookDelivery | None:
    """What a thread of the sweep does with the next message; None if there is none to send."""
    claimed = claim_next(WebhookDelivery, worker="tests")
    if claimed is None:
        return None
    delivery, claim = claimed
    deliver(delivery, claim)
    delivery.refresh_from_db()
    return delivery

"""A company's provider that is down, broken or telling nonsense."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from tests.accounts.test_provider import CALLBACK, LOGIN, configure, leave_for
from tests.system.application import free_port

pytestmark = pytest.mark.django_db


class Odd(BaseHTTPRequestHandler):
    """A provider that answers whatever the test says, by path: (status, text)."""

    answers: dict[str, tuple[int, str]] = {}

    def do_GET(self) -> None:
        status, text = self.answers.get(urlsplit(self.path).path, (404, ""))
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(text.encode())

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *args: Any) -> None:
        """Quietly."""


@pytest.fixture(scope="module")
def odd_server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def odd(odd_server: str, settings: Settings, owner: User) -> str:
    configure(settings, odd_server)
    return odd_server


DISCOVERY = "/.well-known/openid-configuration"
ODD_DISCOVERIES = ["", "<html>", "null", "[]", "{}", '"text"', '{"token_endpoint": 7}']
ODD_TOKENS = ["", "<html>", "null", "[]", "{}", '{"id_token": "x"}']
ODD_PEOPLE = ["", "<html>", "null", "[]", "{}", '{"sub": null}', '{"email": "a@example.org"}']


def discovery(url: str) -> str:
    return json.dumps(
        {
            "issuer": url,
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
            "userinfo_endpoint": f"{url}/userinfo",
            "jwks_uri": f"{url}/jwks",
        }
    )


class TestProviderOutOfOrder:
    """A page says so; it is not our fault, and no 5xx."""

    def says_so(self, page: Any) -> None:
        assert page.status_code == 401
        text = page.content.decode()
        assert "Example staff does not" in text or "You were not signed in" in text

    def test_down(self, settings: Settings, client: Client, owner: User) -> None:
        configure(settings, f"http://127.0.0.1:{free_port()}")
        self.says_so(client.post(LOGIN))
        assert client.get(reverse("account_login")).status_code == 200

    @pytest.mark.parametrize("status", [404, 500, 503])
    def test_broken(self, status: int, odd: str, client: Client) -> None:
        Odd.answers = {DISCOVERY: (status, "")}
        self.says_so(client.post(LOGIN))

    @pytest.mark.parametrize("text", ODD_DISCOVERIES)
    def test_tells_nonsense_of_itself(self, text: str, odd: str, client: Client) -> None:
        Odd.answers = {DISCOVERY: (200, text)}
        self.says_so(client.post(LOGIN))

    def back(self, client: Client, url: str, token: str, person: str) -> Any:
        Odd.answers = {
            DISCOVERY: (200, discovery(url)),
            "/token": (200, token),
            "/userinfo": (200, person),
        }
        state = parse_qs(urlsplit(leave_for(client)).query)["state"][0]
        return client.get(f"{CALLBACK}?code=x&state={state}")

    @pytest.mark.parametrize("text", ODD_TOKENS)
    def test_gives_nonsense_for_a_code(self, text: str, odd: str, client: Client) -> None:
        self.says_so(self.back(client, odd, text, '{"sub": "x"}'))

    @pytest.mark.parametrize("text", ODD_PEOPLE)
    def test_tells_nonsense_of_people(self, text: str, odd: str, client: Client) -> None:
        self.says_so(self.back(client, odd, '{"access_token": "t"}', text))
        assert not SocialAccount.objects.exists()

    def test_signs_with_nothing(self, odd: str, client: Client) -> None:
        token = json.dumps({"access_token": "t", "id_token": "e30.e30."})
        self.says_so(self.back(client, odd, token, '{"sub": "x"}'))

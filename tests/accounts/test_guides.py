"""Documentation as a page of the application."""

from html.parser import HTMLParser

import pytest
from django.conf import settings
from django.test import Client
from django.urls import resolve
from django.urls.exceptions import Resolver404

pytestmark = pytest.mark.django_db
ADDRESS = "/help/moving-from-remove-bg/"


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.headings: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attrs).get("href") or "")
        if tag in {"h1", "h2", "h3"}:
            self.headings.append(tag)


@pytest.mark.parametrize("signed_in", [False, True])
def test_it_opens_for_everybody(signed_in: bool, client: Client, owner_client: Client) -> None:
    response = (owner_client if signed_in else client).get(ADDRESS)
    assert response.status_code == 200
    page = response.content.decode()
    assert "<h1>Moving from remove.bg</h1>" in page
    assert "<code>shadow_opacity</code>" in page
    assert "openssl req -x509" in page
    assert "<script>" not in page


def test_links_lead_somewhere(client: Client) -> None:
    """Those to other files of the source are words here."""
    links = Links()
    links.feed(client.get(ADDRESS).content.decode())
    assert "/api/docs/" in links.found
    for link in links.found:
        assert not link.endswith(".md"), link
        if link.startswith("/"):
            try:
                resolve(link)
            except Resolver404:
                pytest.fail(link)
    assert links.headings.count("h1") == 1


def test_it_stands_beside_the_description_of_the_api(client: Client) -> None:
    assert f'href="{ADDRESS}"' in client.get("/api/docs/").content.decode()


def test_it_is_in_the_image() -> None:
    kept = (settings.BASE_DIR / ".dockerignore").read_text().splitlines()
    assert "!docs/moving-from-remove-bg.md" in kept

"""Documentation as a page of the application."""

from html.parser import HTMLParser

import pytest
from django.conf import settings
from django.test import Client
from django.urls import resolve
from django.urls.exceptions import Resolver404

from accounts.web.guides import GUIDES

pytestmark = pytest.mark.django_db
ADDRESS = "/help/moving-from-remove-bg/"
ADDRESSES = [ADDRESS, "/help/moving-from-rembg/", "/help/webhooks/"]


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.headings: list[str] = []
        self.named_headings: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        identity = dict(attrs).get("id")
        if identity:
            self.ids.append(identity)
        if tag == "a":
            self.found.append(dict(attrs).get("href") or "")
        if tag in {"h1", "h2", "h3"}:
            self.headings.append(tag)
            self.named_headings += [identity] if identity else []


def read(client: Client, address: str) -> Links:
    links = Links()
    links.feed(client.get(address).content.decode())
    return links


@pytest.mark.parametrize("signed_in", [False, True])
def test_it_opens_for_everybody(signed_in: bool, client: Client, owner_client: Client) -> None:
    response = (owner_client if signed_in else client).get(ADDRESS)
    assert response.status_code == 200
    page = response.content.decode()
    assert "<h1>Moving from remove.bg</h1>" in page
    assert "<code>shadow_opacity</code>" in page
    assert "openssl req -x509" in page
    assert "<script>" not in page


@pytest.mark.parametrize("address", ADDRESSES)
def test_links_lead_somewhere(address: str, client: Client) -> None:
    """Those to other files of the source are words here; anchors are there."""
    links = read(client, address)
    assert links.headings.count("h1") == 1
    for link in links.found:
        page, _hash, anchor = link.partition("#")
        assert not page.endswith(".md"), link
        if page.startswith("/"):
            try:
                resolve(page)
            except Resolver404:
                pytest.fail(link)
        if anchor:
            assert anchor in read(client, page or address).ids, link


def test_guides_lead_to_each_other_and_to_the_api(client: Client) -> None:
    found = read(client, ADDRESS).found
    assert {"/api/docs/", "/help/webhooks/"} <= set(found)
    links = read(client, "/help/moving-from-rembg/").found
    assert not any("engines" in link for link in links)


@pytest.mark.parametrize("address", ADDRESSES)
def test_headings_can_be_linked_to(address: str, client: Client) -> None:
    """Each by one name, which nothing else on the page bears."""
    links = read(client, address)
    assert len(links.named_headings) >= 5
    assert len(links.ids) == len(set(links.ids))


def test_it_stands_beside_the_description_of_the_api(client: Client) -> None:
    assert f'href="{ADDRESS}"' in client.get("/api/docs/").content.decode()


@pytest.mark.parametrize("name", GUIDES.values())
def test_they_are_in_the_image(name: str) -> None:
    kept = (settings.BASE_DIR / ".dockerignore").read_text().splitlines()
    assert f"!docs/{name}.md" in kept


def test_all_are_tested() -> None:
    assert {f"/help/{name}/" for name in GUIDES.values()} == set(ADDRESSES)

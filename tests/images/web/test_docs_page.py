"""The API's documentation: Swagger's page below a head of ours."""

from django.test import Client
from django.urls import reverse


def test_there_is_a_way_back(client: Client, db: None) -> None:
    page = client.get(reverse("docs")).content.decode()
    assert f'<a class="docs-home" href="{reverse("home")}"' in page
    assert reverse("accounts:tokens") in page
    assert page.count('id="swagger-ui"') == 1
    assert "<script>" not in page


def test_the_compatible_interfaces_are_told_of(client: Client, db: None) -> None:
    about = client.get("/api/schema/?format=json").json()["info"]["description"]
    for name in ("simple", "removebg", "removebg_account", "rembg"):
        assert f"{reverse(f'compat:{name}').rstrip('/')}`" in about, name

"""The account page, and the pages of libraries in our frame."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from images.models import Image


def test_shows_name_and_usage(owner_client: Client, image: Image) -> None:
    page = owner_client.get(reverse("web:account")).content.decode()
    assert "owner@example.com" in page
    assert "cutouts this month" in page


def test_name_can_be_changed_and_nothing_else(owner_client: Client, owner: User) -> None:
    owner_client.post(reverse("web:account"), {"name": "Ada", "email": "evil@example.com"})
    owner.refresh_from_db()
    assert (owner.name, owner.email) == ("Ada", "owner@example.com")


def test_whether_pictures_of_programs_are_kept(owner_client: Client, owner: User) -> None:
    page = reverse("web:account")
    assert 'name="keep_api_results"' in owner_client.get(page).content.decode()
    for form, kept in (({"name": "Ada"}, False), ({"name": "Ada", "keep_api_results": "on"}, True)):
        owner_client.post(page, form)
        owner.refresh_from_db()
        assert owner.keep_api_results is kept


@pytest.mark.parametrize("name", ["account_login", "account_signup", "account_reset_password"])
def test_entrances_have_our_frame(client: Client, db: None, name: str) -> None:
    page = client.get(reverse(name)).content.decode()
    assert 'class="site-header"' in page
    assert 'class="entrance"' in page


@pytest.mark.parametrize(
    "name", ["account_email", "account_change_password", "account_logout", "accounts:tokens"]
)
def test_account_pages_have_our_frame(owner_client: Client, name: str) -> None:
    assert 'class="site-header"' in owner_client.get(reverse(name)).content.decode()


def test_nothing_inline(owner_client: Client, image: Image) -> None:
    """The policy forbids it, so it would silently not work."""
    urls = [reverse("web:workspace"), reverse("web:gallery"), reverse("web:account")]
    for url in [*urls, reverse("web:image", args=[image.pk]), reverse("account_email")]:
        page = owner_client.get(url).content.decode()
        assert " style=" not in page, url
        assert " onclick=" not in page, url
        assert "<style" not in page, url


def test_unknown_address_has_our_look(client: Client, db: None) -> None:
    response = client.get("/nothing/here/")
    assert response.status_code == 404
    assert "Nothing here" in response.content.decode()

"""Who gets what, over the whole URL table: a new route is covered the moment it exists."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from accounts.models import ApiToken, User
from images.models import Image

pytestmark = pytest.mark.django_db

# Libraries guard these themselves, by a signed key in the address.
SIGNED = {"account_reset_password_from_key", "account_confirm_email"}
METHODS = ("get", "post", "put", "patch", "delete")


def routes(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(full name, route) of every pattern below `resolver`."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            space = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            yield from routes(pattern, space)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield prefix + pattern.name, str(pattern.pattern)


def with_identifier() -> list[str]:
    names = {name for name, route in routes() if "<" in route}
    return sorted(name for name in names if not name.startswith("admin:") and name not in SIGNED)


def address_of(name: str, image: Image, token: ApiToken) -> str:
    from django.urls import reverse

    kinds: dict[str, Any] = {
        "token": token.pk,
        "cutout": image.current_cutout_id,
        "matte": image.current_cutout_id,
        "rendition": image.current_cutout_id,
        "edges": image.current_cutout_id,
    }
    if name in {"web:matte", "web:rendition", "web:edges"}:
        return reverse(name, args=[image.current_cutout_id])
    for word in ("token", "cutout"):
        if name.startswith(f"api:{word}-") or name.endswith(f"_{word}"):
            return reverse(name, args=[kinds[word]])
    return reverse(name, args=[image.pk])


def test_the_table_is_not_empty() -> None:
    names = with_identifier()
    assert {"web:image", "web:original", "api:image-detail", "api:cutout-rendition"} <= set(names)
    assert len(names) > 20


@pytest.fixture
def token(image: Image) -> ApiToken:
    return ApiToken.objects.issue(user=image.owner, name="t")[0]


def statuses(client: Any, address: str) -> dict[str, int]:
    return {method: getattr(client, method)(address).status_code for method in METHODS}


@pytest.mark.parametrize("name", with_identifier())
def test_strangers_find_nothing(
    name: str, image: Image, token: ApiToken, stranger_client: Client
) -> None:
    found = statuses(stranger_client, address_of(name, image, token))
    assert set(found.values()) <= {404, 405, 403}, found
    assert 404 in found.values(), found


@pytest.mark.parametrize("name", with_identifier())
def test_nobody_gets_in(name: str, image: Image, token: ApiToken) -> None:
    client = Client()
    for method in METHODS:
        response = getattr(client, method)(address_of(name, image, token))
        if name.startswith("api:"):
            assert response.status_code == 401
        elif response.status_code != 405:
            assert response.status_code == 302
            assert "/accounts/login/" in response["Location"]


@pytest.mark.parametrize("name", with_identifier())
def test_revoked_keys_open_nothing(name: str, image: Image, token: ApiToken) -> None:
    revoked, key = ApiToken.objects.issue(user=image.owner, name="old")
    revoked.revoke()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {key}")
    found = statuses(client, address_of(name, image, token))
    assert set(found.values()) <= {401, 302, 405}, found


@pytest.mark.parametrize("name", with_identifier())
def test_owners_get_in(name: str, image: Image, token: ApiToken, owner: User) -> None:
    """Else the tests above would pass on routes that refuse everybody."""
    client = APIClient()
    client.force_login(owner)
    address = address_of(name, image, token)
    found = {client.get(address).status_code, client.post(address).status_code}
    assert found & {200, 201, 202, 302, 204, 409}, found


def test_keys_do_not_open_the_pages(image: Image) -> None:
    key = ApiToken.objects.issue(user=image.owner, name="t")[1]
    response = Client().get("/workspace/", headers={"Authorization": f"Token {key}"})
    assert response.status_code == 302


def test_pictures_in_the_trash_stay_private(image: Image, stranger_client: Client) -> None:
    stranger_client.delete(f"/api/v1/images/{image.pk}/")
    assert Image.objects.kept().filter(pk=image.pk).exists()

"""Who gets what, over the whole URL table: a new route is covered the moment it exists."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse
from django.utils.timezone import now
from rest_framework.test import APIClient

from accounts.models import ApiToken, Invitation, SiteSettings, User
from images.models import (
    Backdrop,
    Batch,
    Image,
    Preset,
    ShareLink,
    WebhookDelivery,
    WebhookEndpoint,
    WorkerProcess,
)
from images.services.backdrops import add_backdrop
from images.services.presets import create_preset
from images.services.sharing import share
from processing.spec import RenderSpec
from tests.accounts.people import sign_in
from tests.factories import UserFactory, picture_file

pytestmark = pytest.mark.django_db

# Libraries guard these themselves, by a signed key in the address.
SIGNED = {"account_reset_password_from_key", "account_confirm_email"}
# Not about anything of one's own; tests/accounts/test_invitations.py says who gets in.
# Public on purpose, by a secret in the address: tests/images/compat/test_others.py
SHARED = {"web:shared"}
OF_INVITATIONS = {"accounts:invitation", "accounts:revoke_invitation"}
METHODS = ("get", "post", "put", "patch", "delete")


def routes(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(full name, route) of every pattern below `resolver`."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            space = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            yield from routes(pattern, space)
        elif pattern.name:
            yield prefix + pattern.name, str(pattern.pattern)


def with_identifier() -> list[str]:
    names = {name for name, route in routes() if "<" in route} - SIGNED - OF_INVITATIONS - SHARED
    return sorted(name for name in names if not name.startswith("admin:"))


def session_of(user: User) -> UserSession:
    row, _is_new = UserSession.objects.get_or_create(user=user, ip="192.0.2.1", session_key="x")
    return row


def link_of(image: Image) -> ShareLink:
    found = ShareLink.objects.filter(cutout=image.current_cutout).first()
    if found is None:
        assert image.current_cutout is not None
        found, _secret = share(cutout=image.current_cutout, spec=RenderSpec(), lifetime=None)
    return found


def batch_of(image: Image) -> Batch:
    if image.batch is None:
        image.batch = Batch.objects.create(owner=image.owner)
        image.save(update_fields=["batch"])
    return image.batch


def delivery_of(image: Image) -> WebhookDelivery:
    """A message to a webhook of the picture's owner."""
    found = WebhookDelivery.objects.filter(owner=image.owner).first()
    if found is None:
        endpoint = WebhookEndpoint.objects.create(owner=image.owner, url="https://192.0.2.1/")
        found = WebhookDelivery.objects.create(
            endpoint=endpoint, owner=image.owner, event="webhook.test", status="failed"
        )
    return found


def backdrop_of(image: Image) -> Backdrop:
    found = Backdrop.objects.filter(owner=image.owner).first()
    return found or add_backdrop(owner=image.owner, file=picture_file())[0]


def preset_of(image: Image) -> Preset:
    found = Preset.objects.filter(owner=image.owner).first()
    return found or create_preset(owner=image.owner, name="Mine", params={})


OF_THEIR_OWN: dict[str, Callable[[Image], Model]] = {
    "api:backdrop-": backdrop_of,
    "api:preset-": preset_of,
    "api:batch-": batch_of,
}


def address_of(name: str, image: Image, token: ApiToken) -> str:
    kinds: dict[str, Any] = {
        "token": token.pk,
        "cutout": image.current_cutout_id,
        "matte": image.current_cutout_id,
        "rendition": image.current_cutout_id,
        "edges": image.current_cutout_id,
    }
    if name == "accounts:end_session":
        return reverse(name, args=[session_of(image.owner).pk])
    if name in {"web:matte", "web:rendition", "web:edges", "web:feedback", "web:make_link"}:
        return reverse(name, args=[image.current_cutout_id])
    if name == "web:end_link" or name.startswith("api:link-"):
        return reverse(name, args=[link_of(image).pk])
    for start, row_of in OF_THEIR_OWN.items():
        if name.startswith(start):
            return reverse(name, args=[row_of(image).pk])
    if name.startswith(("api:webhook-", "web:webhook")):
        return reverse(name, args=[delivery_of(image).endpoint_id])
    if name.startswith("api:delivery-") or name == "web:resend":
        return reverse(name, args=[delivery_of(image).pk])
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
    client.cookies = sign_in(owner).cookies  # as people do: some of it asks for recent proof
    address = address_of(name, image, token)
    found = set(statuses(client, address).values())
    assert found & {200, 201, 202, 302, 204, 409}, found


def test_keys_do_not_open_the_pages(image: Image) -> None:
    key = ApiToken.objects.issue(user=image.owner, name="t")[1]
    response = Client().get("/workspace/", headers={"Authorization": f"Token {key}"})
    assert response.status_code == 302


@pytest.fixture
def in_trash(image: Image, owner_client: Client) -> Image:
    link_of(image)  # in the trash none can be made
    assert owner_client.post(f"/images/{image.pk}/delete/").status_code == 302
    assert Image.objects.in_trash().get() == image
    return image


@pytest.mark.parametrize(
    "name", [one for one in with_identifier() if "token" not in one and "session" not in one]
)
def test_pictures_in_the_trash_stay_private(
    name: str, in_trash: Image, token: ApiToken, stranger_client: Client
) -> None:
    """Pages, files and acts, for strangers and for the signed-out."""
    address = address_of(name, in_trash, token)
    found = statuses(stranger_client, address)
    assert set(found.values()) <= {404, 405, 403}, found
    assert 404 in found.values(), found
    refusal = 401 if name.startswith("api:") else 302
    assert set(statuses(Client(), address).values()) <= {refusal, 405}
    assert Image.objects.in_trash().get() == in_trash


def admin_routes() -> list[str]:
    return sorted(name for name, route in routes() if name.startswith("admin:") and "<" in route)


def admin_row(name: str, image: Image, token: ApiToken) -> Model:
    """The row that an admin route with an identifier is about."""
    owner = image.owner
    worker = {"id": "host/1:1:1", "host": "host", "pid": 1}
    rows: dict[str, Callable[[], Model]] = {
        "auth_user": lambda: owner,
        "accounts_user": lambda: owner,
        "accounts_apitoken": lambda: token,
        "images_image": lambda: image,
        "images_cutout": image.cutouts.get,
        "images_sharelink": lambda: ShareLink.objects.create(
            cutout=image.cutouts.get(), owner=owner, token_hash="x"
        ),
        "images_webhookendpoint": lambda: delivery_of(image).endpoint,
        "images_webhookdelivery": lambda: delivery_of(image),
        "images_workerprocess": lambda: WorkerProcess.objects.create(**worker),
        "accounts_invitation": lambda: Invitation.objects.create(expires_at=now()),
        "accounts_sitesettings": lambda: SiteSettings.objects.get_or_create(pk=SiteSettings.PK)[0],
        "usersessions_usersession": lambda: UserSession.objects.filter(user=owner)[0],
        "admin_logentry": lambda: LogEntry.objects.create(user=owner, action_flag=CHANGE),
    }
    (make,) = (make for start, make in rows.items() if name.startswith(f"admin:{start}_"))
    return make()


def admin_address(name: str, image: Image, token: ApiToken) -> str:
    if name == "admin:app_list":
        return reverse(name, args=["images"])
    if name == "admin:view_on_site":
        return reverse(name, args=[ContentType.objects.get_for_model(Image).pk, image.pk])
    return reverse(name, args=[admin_row(name, image, token).pk])


@pytest.mark.parametrize("name", admin_routes())
def test_the_admin_site_is_for_those_who_may(
    name: str, image: Image, token: ApiToken, owner_client: Client, admin_client: Client
) -> None:
    address = admin_address(name, image, token)
    clerk_client = Client()
    clerk_client.force_login(UserFactory.create(email="clerk@example.com", is_staff=True))
    for method in ("get", "post"):
        for outsider in (Client(), owner_client):
            response = getattr(outsider, method)(address)
            assert response.status_code == 302
            assert "/login/" in response["Location"]
        # No page of a picture is on the site for administrators: "view on site" leads nowhere.
        assert getattr(clerk_client, method)(address).status_code in {403, 404}
    assert Image.objects.filter(pk=image.pk).exists()
    if name.endswith(("_change", "_history", "_password_change", "_thumbnail", "app_list")):
        assert admin_client.get(address).status_code == 200

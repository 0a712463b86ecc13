"""No page of the admin site breaks, whoever asks and whatever they send."""

from collections.abc import Callable

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import ApiToken, Invitation, User
from images.models import Image, ShareLink, WorkerProcess
from tests.config.test_access import admin_address, admin_routes, routes
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

EXPECTED = {200, 302, 400, 403, 404, 405}
PLAIN = sorted(name for name, route in routes() if name.startswith("admin:") and "<" not in route)
LISTS = [name for name in PLAIN if name.endswith("_changelist")]
NONSENSE = {
    "q": "%' OR 1=1 --",
    "p": "999999",
    "o": "-99.x",
    "owner": "x",
    "user": "x",
    "status__exact": "x",
    "error_code": "x",
    "rating": "x",
    "state": "x",
    "finished": "x",
    "trash": "x",
    "usable": "x",
    "factor": "x",
    "engine": "x",
    "created_at__gte": "yesterday",
    "_facets": "True",
    "all": "",
}
People = dict[str, Callable[[], User]]


def staff(*codenames: str, **which: str) -> User:
    user = UserFactory.create(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(**which, codename__in=codenames))
    return user


def who_may_see() -> User:
    user = UserFactory.create(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    return user


def who_may_all_but_nothing_special() -> User:
    """Every permission there is, and yet no superuser."""
    user = UserFactory.create(is_staff=True)
    user.user_permissions.set(Permission.objects.all())
    return user


PEOPLE: People = {
    "nothing": lambda: UserFactory.create(is_staff=True),
    "one list": lambda: staff("view_cutout"),
    "looking": who_may_see,
    "every permission": who_may_all_but_nothing_special,
    "superuser": lambda: UserFactory.create(is_staff=True, is_superuser=True),
}


def client_of(person: str) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(PEOPLE[person]())
    return client


@pytest.mark.parametrize("person", PEOPLE)
def test_pages_without_identifier(person: str, image: Image) -> None:
    client = client_of(person)
    for name in PLAIN:
        if name == "admin:logout":
            continue
        for method in ("get", "post"):
            status = getattr(client, method)(reverse(name)).status_code
            assert status in EXPECTED, (name, method, status)


@pytest.mark.parametrize("person", PEOPLE)
def test_pages_about_a_row(person: str, image: Image, owner_client: Client) -> None:
    token = ApiToken.objects.issue(user=image.owner, name="t")[0]
    for name in admin_routes():
        client = client_of(person)
        WorkerProcess.objects.all().delete()
        Invitation.objects.all().delete()
        ShareLink.objects.all().delete()
        address = admin_address(name, image, token)
        status = client.get(address).status_code
        assert status in EXPECTED, (name, status)


@pytest.mark.parametrize("pk", ["x", "0" * 32, "1", "-1", "_5C"])
def test_rows_that_are_not_there(pk: str) -> None:
    client = client_of("superuser")
    for name in admin_routes():
        if name.endswith(("_change", "_history", "_delete")):
            status = client.get(reverse(name, args=[pk])).status_code
            assert status in EXPECTED, (name, status)


@pytest.mark.parametrize("name", LISTS)
def test_nonsense_in_the_address(name: str, image: Image) -> None:
    client = client_of("superuser")
    for key, value in NONSENSE.items():
        status = client.get(reverse(name), {key: value}).status_code
        assert status in EXPECTED, (name, key, status)


@pytest.mark.parametrize("name", LISTS)
def test_nonsense_in_actions(name: str, image: Image) -> None:
    client = client_of("superuser")
    (model,) = (
        model
        for model in admin.site._registry
        if name == f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    )
    for action in [*(admin.site._registry[model].actions or []), "delete_selected", "nothing"]:
        for chosen in ("nonsense", "0" * 32, "-1"):
            form = {"action": action, "_selected_action": [chosen, chosen]}
            status = client.post(reverse(name), form).status_code
            assert status in EXPECTED, (name, action, chosen, status)
    assert Image.objects.filter(pk=image.pk, deleted_at=None).exists()


READ_ONLY = [
    "images_cutout",
    "images_sharelink",
    "images_workerprocess",
    "accounts_invitation",
    "accounts_sitesettings",
    "usersessions_usersession",
    "admin_logentry",
]


@pytest.mark.parametrize("model", READ_ONLY)
def test_nothing_is_made_or_deleted_by_hand(model: str, image: Image, owner_client: Client) -> None:
    client = client_of("superuser")
    token = ApiToken.objects.issue(user=image.owner, name="t")[0]
    delete = admin_address(f"admin:{model}_delete", image, token)
    for address in (delete, reverse(f"admin:{model}_add")):
        for method in ("get", "post"):
            assert getattr(client, method)(address, {"post": "yes"}).status_code == 403
    for name in ("images_image_add", "accounts_apitoken_add"):
        assert client.post(reverse(f"admin:{name}")).status_code == 403


def test_signing_out() -> None:
    client = client_of("superuser")
    assert client.post(reverse("admin:logout")).status_code in (200, 302)
    assert client.get(reverse("admin:index")).status_code == 302


def test_lists_are_found() -> None:
    assert len(LISTS) >= 10

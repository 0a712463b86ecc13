"""The admin site: everything opens, acts work, and nothing secret shows."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import ApiToken, User
from images.models import Cutout, Image, Rendition, Status, Usage, WorkerProcess
from images.services.departures import delete_departed
from images.services.errors import Busy
from images.tasks import run_next_cutout
from tests.factories import UserFactory, submit

pytestmark = pytest.mark.django_db

LISTS = [
    f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    for model in (User, ApiToken, Image, Cutout)
] + ["admin:images_workerprocess_changelist", "admin:index"]


@pytest.mark.parametrize("name", LISTS)
def test_lists_open(admin_client: Client, image: Image, name: str) -> None:
    ApiToken.objects.issue(user=image.owner, name="t")
    assert admin_client.get(reverse(name)).status_code == 200


@pytest.mark.parametrize("name", LISTS)
def test_only_for_staff(owner_client: Client, name: str) -> None:
    assert owner_client.get(reverse(name)).status_code == 302


def test_details_open(admin_client: Client, image: Image, cutout: Cutout) -> None:
    token, key = ApiToken.objects.issue(user=image.owner, name="t")
    for row in (image, cutout, token, image.owner):
        name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
        page = admin_client.get(reverse(name, args=[row.pk]))
        assert page.status_code == 200
        text = page.content.decode()
        assert key not in text
        assert token.key_hash not in text


def test_search(admin_client: Client, image: Image) -> None:
    for model in ("image", "cutout"):
        page = admin_client.get(reverse(f"admin:images_{model}_changelist"), {"q": "disc"})
        assert page.status_code == 200


def test_thumbnail_only_here(admin_client: Client, owner_client: Client, cutout: Cutout) -> None:
    address = reverse("admin:images_cutout_thumbnail", args=[cutout.pk])
    assert admin_client.get(address)["Content-Type"] == "image/webp"
    assert owner_client.get(address).status_code == 302
    clerk = UserFactory.create(email="clerk@example.com", is_staff=True)
    client = Client()
    client.force_login(clerk)
    assert client.get(address).status_code == 404


def test_a_busy_server_asks_to_come_back(
    admin_client: Client, cutout: Cutout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(**kwargs: Any) -> None:
        raise Busy

    monkeypatch.setattr("images.admin.cutouts.get_rendition", busy)
    response = admin_client.get(reverse("admin:images_cutout_thumbnail", args=[cutout.pk]))
    assert (response.status_code, response.headers["Retry-After"]) == (503, str(Busy.retry_after))


def test_files_are_named_and_no_link_leads_nowhere(admin_client: Client, image: Image) -> None:
    cutout = image.current_cutout
    assert cutout is not None
    page = ""
    for row in (image, cutout):
        address = reverse(f"admin:images_{row._meta.model_name}_change", args=[row.pk])
        page = admin_client.get(address).content.decode()
        links = set(re.findall(r'(?:href|src)="(/[^"]*)"', page))
        assert links
        for link in links:
            assert link.startswith("/static/") or admin_client.get(link).status_code != 404, link
    assert str(cutout.matte.name) in page


def act(client: Client, model: str, action: str, pk: object) -> int:
    address = reverse(f"admin:images_{model}_changelist")
    return client.post(address, {"action": action, "_selected_action": [str(pk)]}).status_code


def test_retry(admin_client: Client, image: Image, cutout: Cutout) -> None:
    Cutout.objects.update(status=Status.FAILED, error_code="x")
    assert act(admin_client, "cutout", "retry", cutout.pk) == 302
    cutout.refresh_from_db()
    assert cutout.status == Status.QUEUED


def test_trash_restore_and_delete(admin_client: Client, image: Image) -> None:
    act(admin_client, "image", "trash", image.pk)
    assert Image.objects.in_trash().exists()
    act(admin_client, "image", "restore", image.pk)
    assert Image.objects.kept().exists()
    address = reverse("admin:images_image_delete", args=[image.pk])
    assert admin_client.post(address, {"post": "yes"}).status_code == 302
    assert not Image.objects.exists()
    assert not Rendition.objects.exists()


def test_deleting_an_account_says_what_goes(
    admin_client: Client, image: Image, owner_client: Client
) -> None:
    owner = image.owner
    submit(owner)
    ApiToken.objects.issue(user=owner, name="t")
    Usage.objects.filter(owner=owner).update(bytes=3 * 1024**2)
    chosen = {"action": "delete_selected", "_selected_action": [str(owner.pk)]}
    pages = (
        admin_client.get(reverse("admin:accounts_user_delete", args=[owner.pk])),
        admin_client.post(reverse("admin:accounts_user_changelist"), chosen),
    )
    for page in pages:
        text = page.content.decode().replace("\xa0", " ")
        assert "This cannot be undone." in text
        for line in (
            "Pictures: 2",
            "Room of their originals: 3.0 MB",
            "Public addresses: 0",
            "API tokens: 1",
            "Sessions: 1",
        ):
            assert f"<li>{line}</li>" in text
    assert Image.objects.count() == 2


def test_deleting_an_account_takes_its_pictures(admin_client: Client, image: Image) -> None:
    address = reverse("admin:accounts_user_delete", args=[image.owner_id])
    assert admin_client.get(address).status_code == 200
    assert admin_client.post(address, {"post": "yes"}).status_code == 302
    users = reverse("admin:accounts_user_changelist")
    assert admin_client.get(users).context["cl"].result_count == 1  # gone for everybody
    assert delete_departed() == 1
    assert not Image.objects.exists()
    assert not User.objects.filter(pk=image.owner_id).exists()


def test_looking_is_not_acting(image: Image) -> None:
    clerk = UserFactory.create(email="clerk@example.com", is_staff=True)
    clerk.user_permissions.add(*Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    client.force_login(clerk)
    assert client.get(reverse("admin:images_image_changelist")).status_code == 200
    act(client, "image", "trash", image.pk)
    assert Image.objects.kept().exists()


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow(
    admin_client: Client,
    owner: User,
    count: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(count):
        submit(owner)
        run_next_cutout()
    for name in LISTS[2:4]:
        with django_assert_max_num_queries(9):
            admin_client.get(reverse(name))


@pytest.mark.parametrize("count", [1, 4])
def test_workers_and_what_they_hold(
    admin_client: Client,
    owner: User,
    count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    held = []
    for number in range(count):
        worker = WorkerProcess.objects.create(id=f"host/1:{number}:1", host="host", pid=number)
        submit(owner)
        Cutout.objects.filter(status=Status.QUEUED).update(status="running", worker=worker.pk)
        held.append(str(Cutout.objects.get(worker=worker.pk).pk))
    WorkerProcess.objects.create(id="idle", host="host", pid=99)
    # Session, person, count of the page, workers, and the four of the report.
    with django_assert_num_queries(8):
        response = admin_client.get(reverse("admin:images_workerprocess_changelist"))
    page = response.content.decode()
    for pk in held:
        assert page.count(pk) == 1
    assert f"<td>{count}</td>" in page


def test_everything_of_ours_is_registered() -> None:
    registered = set(admin.site._registry)
    assert {User, ApiToken, Image, Cutout} <= registered

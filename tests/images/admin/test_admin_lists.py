"""The lists of pictures and cutouts: what is found, what can be done, and what it costs."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from images.admin import lists
from images.models import Cutout, Image, Status
from images.models.image import EMPTIED
from images.services.trash import move_to_trash
from images.tasks import run_next_cutout
from processing.edges import REASONS
from processing.engines.catalog import ENGINES, is_listed
from tests.factories import UserFactory, submit

pytestmark = pytest.mark.django_db

IMAGES = reverse("admin:images_image_changelist")
CUTOUTS = reverse("admin:images_cutout_changelist")


def found(client: Client, address: str, **query: str) -> set[Image | Cutout]:
    return set(client.get(address, query).context["cl"].result_list)


def act(client: Client, action: str, *rows: Cutout) -> str:
    chosen = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    return client.post(CUTOUTS, chosen, follow=True).content.decode()


@pytest.fixture
def waiting(owner: User) -> Cutout:
    return submit(owner, "waiting.png").cutouts.get()


@pytest.fixture
def failed(owner: User) -> Cutout:
    cutout = submit(owner, "failed.png").cutouts.get()
    Cutout.objects.filter(pk=cutout.pk).update(
        status=Status.FAILED, error_code="internal_error", finished_at=timezone.now()
    )
    return cutout


@pytest.mark.parametrize("count", [1, 3])
def test_queries(
    admin_client: Client,
    owner: User,
    count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(count):
        submit(UserFactory.create())
        run_next_cutout()
    # Session, person, count, page, owners; for cutouts their pictures and the codes there are.
    for address, queries in ((IMAGES, 5), (CUTOUTS, 7)):
        admin_client.get(address)
        with django_assert_num_queries(queries):
            assert admin_client.get(address).context["cl"].result_count == count


def test_counting_stops(admin_client: Client, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        submit(owner)
    monkeypatch.setattr(lists, "COUNTED", 2)
    for address, name in ((IMAGES, "pictures"), (CUTOUTS, "cutouts")):
        page = " ".join(admin_client.get(address).content.decode().split())
        assert f"2+ {name}" in page


def test_searching(admin_client: Client, image: Image, cutout: Cutout, stranger: User) -> None:
    other = submit(stranger, "pebble.png")
    pairs = {
        "isc.p": image,
        str(image.pk): image,
        str(cutout.pk): image,
        image.owner.email: image,
        image.sha256: None,
        "pebble": other,
        "stranger@": other,
        str(uuid4()): None,
        "nobody@": None,
        "%": None,
    }
    for text, expected in pairs.items():
        if text == image.sha256:
            continue
        assert found(admin_client, IMAGES, q=text) == ({expected} if expected else set()), text
        wanted = {expected.cutouts.get()} if expected else set()
        assert found(admin_client, CUTOUTS, q=text) == wanted, text
    assert found(admin_client, IMAGES, q=image.sha256) == {image, other}  # the same pixels


def test_filters_of_cutouts(
    admin_client: Client, cutout: Cutout, waiting: Cutout, failed: Cutout
) -> None:
    Cutout.objects.filter(pk=cutout.pk).update(
        rating="down", rating_reason="dim", rated_at=timezone.now(), engine="gone"
    )
    Cutout.objects.filter(pk=failed.pk).update(finished_at=timezone.now() - timedelta(days=3))
    Cutout.objects.filter(pk=cutout.pk).update(needs_look=True, confidence=0.31)
    for name, value, expected in (
        ("needs_look", "yes", {cutout}),
        ("status__exact", "failed", {failed}),
        ("error_code", "internal_error", {failed}),
        ("finished", "day", {cutout}),
        ("finished", "week", {cutout, failed}),
        ("engine", "drawn", {waiting, failed}),
        ("engine", "gone", {cutout}),
        ("rating", "down", {cutout}),
        ("rating", "up", set()),
        ("rating", "reason", {cutout}),
        ("owner", str(cutout.owner_id), {cutout, waiting, failed}),
        ("owner", str(uuid4()), set()),
    ):
        assert found(admin_client, CUTOUTS, **{name: value}) == expected, (name, value)


def test_hidden_engines_are_not_offered(admin_client: Client, settings: Settings) -> None:
    def offered(**query: str) -> set[str]:
        (spec,) = [
            spec
            for spec in admin_client.get(CUTOUTS, query).context["cl"].filter_specs
            if getattr(spec, "parameter_name", "") == "engine"
        ]
        return {name for name, _label in spec.lookup_choices}

    assert "drawn" in offered()  # what the tests run with
    settings.DEFAULT_ENGINE = "u2net"
    assert {info.name for info in ENGINES.values() if is_listed(info)} == offered()
    assert "drawn" in offered(engine="drawn")


def test_filters_of_pictures(
    admin_client: Client, image: Image, waiting: Cutout, failed: Cutout
) -> None:
    assert found(admin_client, IMAGES, state="done") == {image}
    assert found(admin_client, IMAGES, state="failed") == {failed.image}
    assert found(admin_client, IMAGES, state="queued") == {waiting.image}
    Image.objects.filter(pk=image.pk).update(deleted_at=timezone.now())
    assert found(admin_client, IMAGES, trash="yes") == {image}
    assert found(admin_client, IMAGES, trash="no") == {failed.image, waiting.image}


def test_what_is_not_in_the_trash_is_not_restored(admin_client: Client, waiting: Cutout) -> None:
    """Nor what was: an emptied trash is empty for administrators, too."""
    chosen = {"action": "restore", "_selected_action": [str(waiting.image_id)]}
    for deleted_at in (None, EMPTIED):
        Image.objects.update(deleted_at=deleted_at)
        (message,) = admin_client.post(IMAGES, chosen, follow=True).context["messages"]
        assert (str(message), message.level_tag) == ("0 pictures are restored.", "warning")
        assert Image.objects.get().deleted_at == deleted_at
    assert not LogEntry.objects.exists()


def test_cancelling(admin_client: Client, waiting: Cutout, failed: Cutout) -> None:
    page = act(admin_client, "cancel", waiting, failed)
    assert "1 cutout is cancelled. 1 was left as it was" in page
    waiting.refresh_from_db()
    assert (waiting.status, waiting.error_code) == (Status.FAILED, "cancelled")
    assert LogEntry.objects.get().object_id == str(waiting.pk)


def test_why_a_failed_one_is_not_tried_again(
    admin_client: Client, owner: User, failed: Cutout
) -> None:
    User.objects.filter(pk=owner.pk).update(max_cutouts_per_month=0)
    page = act(admin_client, "retry", failed)
    assert "0 cutouts are queued again. 1 was left as it was: the owner" in page
    assert "cutouts of this month are used up." in page
    move_to_trash(images=Image.objects.all())
    assert "the picture is in the trash." in act(admin_client, "retry", failed)


def test_putting_back(admin_client: Client, waiting: Cutout) -> None:
    Cutout.objects.update(not_before=timezone.now() + timedelta(hours=1))
    assert "1 cutout will be tried soon." in act(admin_client, "put_back", waiting)
    run_next_cutout()
    waiting.refresh_from_db()
    assert waiting.status == Status.DONE
    page = act(admin_client, "put_back", waiting)
    assert "0 cutouts will be tried soon. 1 was left as it was" in page


@pytest.mark.parametrize("action", ["retry", "cancel", "put_back"])
def test_acting_needs_the_permission(waiting: Cutout, failed: Cutout, action: str) -> None:
    viewer = UserFactory.create(is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename="view_cutout"))
    client = Client()
    client.force_login(viewer)
    before = list(Cutout.objects.order_by("pk").values())
    act(client, action, waiting, failed)
    assert list(Cutout.objects.order_by("pk").values()) == before
    page = client.get(reverse("admin:images_cutout_change", args=[failed.pk])).content.decode()
    assert "Try again" not in page


def test_buttons_beside_one_cutout(admin_client: Client, waiting: Cutout, failed: Cutout) -> None:
    for cutout, buttons in ((waiting, {"Cancel", "Try soon"}), (failed, {"Try again"})):
        address = reverse("admin:images_cutout_change", args=[cutout.pk])
        page = admin_client.get(address).content.decode()
        shown = {
            label
            for label in ("Cancel", "Try soon", "Try again")
            if f'<button type="submit">{label}</button>' in page
        }
        assert shown == buttons


def test_what_became_of_the_edges_is_told(admin_client: Client, failed: Cutout) -> None:
    address = reverse("admin:images_cutout_change", args=[failed.pk])
    Cutout.objects.update(refinement="contradicted")
    assert REASONS["contradicted"] in admin_client.get(address).content.decode()


def test_another_try_is_offered_where_it_may_help(admin_client: Client, failed: Cutout) -> None:
    address = reverse("admin:images_cutout_change", args=[failed.pk])
    Cutout.objects.update(error_code="nothing_found")
    assert "Try again" not in admin_client.get(address).content.decode()


def test_timings_are_a_table_in_the_order_of_the_work(admin_client: Client, failed: Cutout) -> None:
    address = reverse("admin:images_cutout_change", args=[failed.pk])
    assert '<th scope="col">Stage</th>' not in admin_client.get(address).content.decode()
    Cutout.objects.update(timings={"store": 3.5, "a<b": 1, "predict": 248.1, "decode": 12})
    page = admin_client.get(address).content.decode()
    rows = re.findall(r'<tr><th scope="row">(.*?)</th><td>(.*?)</td></tr>', page)
    assert rows == [("decode", "12"), ("predict", "248.1"), ("store", "3.5"), ("a&lt;b", "1")]

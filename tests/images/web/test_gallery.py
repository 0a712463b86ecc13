"""The gallery, deleting and the trash."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from images.models import Cutout, Image, Status
from images.services.trash import purge_expired
from images.web import keyset
from images.web.keyset import Cursor, paginate
from tests.factories import submit

GALLERY = reverse("web:gallery")
TRASH = reverse("web:trash")


def names(response: Any) -> list[str]:
    return [card.image.display_name for card in response.context["cards"]]


def make(owner: User, count: int, *, step: timedelta = timedelta(seconds=1)) -> list[str]:
    """Pictures "0", "1", ... where "0" is the newest; returns their names in that order."""
    now = timezone.now()
    for number in range(count):
        image = submit(owner, f"{number}.png")
        Image.objects.filter(pk=image.pk).update(created_at=now - number * step)
    return [f"{number}.png" for number in range(count)]


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow_with_pictures(
    owner_client: Client,
    owner: User,
    count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    expected = make(owner, count)
    with django_assert_num_queries(4):  # session, person, pictures, places in the queue
        assert names(owner_client.get(GALLERY)) == expected


def test_only_own_pictures(owner_client: Client, stranger: User, image: Image) -> None:
    submit(stranger, "theirs.png")
    assert names(owner_client.get(GALLERY)) == ["disc.png"]


def test_what_needs_a_look(owner_client: Client, owner: User, image: Image) -> None:
    submit(owner, "waiting.png")
    assert names(owner_client.get(GALLERY, {"status": "needs_look"})) == []
    Cutout.objects.update(needs_look=True)
    page = owner_client.get(GALLERY, {"status": "needs_look"})
    assert names(page) == ["disc.png"]
    assert page.context["status"] == "needs_look"


def test_search_by_name_and_title(owner_client: Client, owner: User) -> None:
    submit(owner, "Harbour at dawn.png")
    image = submit(owner, "IMG_0001.png")
    Image.objects.filter(pk=image.pk).update(title="Lighthouse")
    assert names(owner_client.get(GALLERY, {"q": "harb"})) == ["Harbour at dawn.png"]
    assert names(owner_client.get(GALLERY, {"q": "LIGHT"})) == ["Lighthouse"]
    nothing = owner_client.get(GALLERY, {"q": "<b>zebra"}).content.decode()
    assert "Nothing matches" in nothing
    assert "<b>zebra" not in nothing


SITUATIONS = {  # how the cutout that is shown and the newest one are, and what people are told
    "first run waits": (None, Status.QUEUED, "queued"),
    "first run is on": (None, Status.RUNNING, "running"),
    "first run failed": (None, Status.FAILED, "failed"),
    "done": (Status.DONE, None, "done"),
    "again, waits": (Status.DONE, Status.QUEUED, "queued"),
    "again, is on": (Status.DONE, Status.RUNNING, "running"),
    "again, failed": (Status.DONE, Status.FAILED, "done"),
    "again, done": (Status.DONE, Status.DONE, "done"),
}


def make_situations(owner: User) -> None:
    for name, (shown, newest, _told) in SITUATIONS.items():
        image = submit(owner, name)
        image.cutouts.all().delete()
        states = [state for state in (shown, newest) if state]
        cutouts = [
            Cutout.objects.create(
                image=image, owner=owner, engine="drawn", status=state, matte="matte.png"
            )
            for state in states
        ]
        Image.objects.filter(pk=image.pk).update(
            current_cutout=cutouts[0] if shown else None, latest_cutout=cutouts[-1]
        )


@pytest.mark.parametrize("status", list(Status))
def test_filters_and_cards_agree(owner_client: Client, owner: User, status: Status) -> None:
    make_situations(owner)
    cards = owner_client.get(GALLERY).context["cards"]
    told = {card.image.display_name: card.status for card in cards}
    assert told == {name: told for name, (_, _, told) in SITUATIONS.items()}
    expected = {name for name, state in told.items() if state == status}
    assert expected
    assert set(names(owner_client.get(GALLERY, {"status": status}))) == expected


def test_what_is_no_filter_shows_everything(owner_client: Client, image: Image) -> None:
    assert names(owner_client.get(GALLERY, {"status": "no such state"})) == ["disc.png"]


@pytest.mark.parametrize("text", ["disc\0", "\0", "d\x01i\x7fsc", "\u2028disc"])
def test_control_characters_do_not_reach_the_database(
    owner_client: Client, image: Image, text: str
) -> None:
    """PostgreSQL refuses a NUL; the others are in no name (see clean_name)."""
    response = owner_client.get(GALLERY, {"q": text})
    assert names(response) == ["disc.png"]
    assert response.context["query"] in {"", "disc"}


@pytest.mark.parametrize("step", [timedelta(seconds=1), timedelta(0)], ids=["apart", "at once"])
def test_pages_lead_forth_and_back(
    owner_client: Client, owner: User, step: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paginate, "__kwdefaults__", {"by": "created_at", "size": 2})
    make(owner, 5, step=step)
    everything = list(Image.objects.values_list("original_name", flat=True))
    seen, cursor, pages = [], "", []
    while True:
        response = owner_client.get(GALLERY, {"cursor": cursor})
        pages.append(names(response))
        seen += names(response)
        page = response.context["page"]
        if page.next is None:
            break
        cursor = str(page.next)
    assert seen == everything
    assert [len(one) for one in pages] == [2, 2, 1]
    for expected in reversed(pages[:-1]):
        response = owner_client.get(GALLERY, {"cursor": str(page.previous)})
        assert names(response) == expected
        page = response.context["page"]
    assert page.previous is None
    assert page.next is not None


@pytest.mark.parametrize(
    "text", ["", "x", "after-1-2", "after-999999999999999999999-0", "before--"]
)
def test_what_is_no_cursor_means_the_first_page(
    owner_client: Client, image: Image, text: str
) -> None:
    assert Cursor.parse(text) is None
    assert names(owner_client.get(GALLERY, {"cursor": text})) == ["disc.png"]


def test_links_between_pages_keep_search_and_filter(
    owner_client: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paginate, "__kwdefaults__", {"by": "created_at", "size": 1})
    make(owner, 3)
    page = owner_client.get(GALLERY, {"q": "png", "status": "queued"}).content.decode()
    assert 'rel="next" href="?q=png&amp;status=queued&amp;cursor=after-' in page


def test_delete_offers_undo_once_and_undo_restores(owner_client: Client, image: Image) -> None:
    url = reverse("web:delete", args=[image.pk])
    page = owner_client.post(url, follow=True).content.decode()
    assert "1 picture moved to the trash." in page
    assert str(image.pk) in page
    assert str(image.pk) not in owner_client.get(GALLERY).content.decode()
    owner_client.post(reverse("web:restore_many"), {"id": [str(image.pk)]})
    assert names(owner_client.get(GALLERY)) == ["disc.png"]


def test_delete_many_takes_only_own_pictures(
    owner_client: Client, owner: User, stranger: User
) -> None:
    own, theirs = submit(owner), submit(stranger)
    answer = owner_client.post(
        reverse("web:delete_many"),
        {"id": [str(own.pk), str(theirs.pk), "nonsense"]},
        headers={"Accept": "application/json"},
    ).json()
    assert answer["ids"] == [str(own.pk)]
    assert Image.objects.in_trash().get() == own


def test_forms_come_back_to_our_own_pages_only(owner_client: Client, image: Image) -> None:
    url = reverse("web:delete", args=[image.pk])
    away = owner_client.post(url, {"next": "https://elsewhere.example/"})
    assert away.headers["Location"] == GALLERY
    back = owner_client.post(url, {"next": f"{GALLERY}?q=a"})
    assert back.headers["Location"] == f"{GALLERY}?q=a"


def test_trash_restore_purge_and_empty(owner_client: Client, owner: User) -> None:
    kept, gone, rest = submit(owner, "a.png"), submit(owner, "b.png"), submit(owner, "c.png")
    Image.objects.update(deleted_at=timezone.now())
    assert len(names(owner_client.get(TRASH))) == 3
    owner_client.post(reverse("web:restore", args=[kept.pk]))
    owner_client.post(reverse("web:purge", args=[gone.pk]))
    assert names(owner_client.get(TRASH)) == [rest.original_name]
    owner_client.post(reverse("web:empty_trash"))
    assert list(Image.objects.all()) == [kept]
    assert "The trash is empty" in owner_client.get(TRASH).content.decode()


def test_purge_leaves_alone_what_is_not_in_the_trash(owner_client: Client, image: Image) -> None:
    owner_client.post(reverse("web:purge", args=[image.pk]))
    assert Image.objects.filter(pk=image.pk).exists()


def test_empty_trash_leaves_other_people_alone(owner_client: Client, stranger: User) -> None:
    theirs = submit(stranger)
    Image.objects.update(deleted_at=timezone.now())
    owner_client.post(reverse("web:empty_trash"))
    assert Image.objects.filter(pk=theirs.pk).exists()


def test_a_page_is_one_bounded_query() -> None:
    assert keyset.PAGE_SIZE <= 100, "scripts ask for the cards of a whole page at once"


def test_a_full_trash_is_emptied_at_once_and_deleted_later(
    owner_client: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("images.services.trash.QUICK_SECONDS", -1.0)  # as if there were too many
    image = submit(owner)
    owner_client.post(reverse("web:delete", args=[image.pk]))
    page = owner_client.post(reverse("web:empty_trash"), follow=True).content.decode()
    assert "1 picture deleted for good." in page
    assert "The trash is empty" in page
    assert owner_client.get(reverse("web:image", args=[image.pk])).status_code == 404
    owner_client.post(reverse("web:restore", args=[image.pk]))
    assert not Image.objects.kept().exists()
    assert purge_expired() == 1
    assert not Image.objects.exists()

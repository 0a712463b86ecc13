"""Totals per day: exact in the installation's time zone, written once, kept for ever."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from images.models import Cutout, DailyTotal, Image, Status
from images.services import statistics
from images.services.overview import verdicts
from images.services.statistics import count_day, recent_days, roll_up
from images.services.trash import purge
from images.tasks import run_next_cutout
from tests.factories import UserFactory, submit

pytestmark = pytest.mark.django_db

TODAY = date(2026, 3, 31)
AUCKLAND = ZoneInfo("Pacific/Auckland")


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2026, 3, 31, 12, tzinfo=ZoneInfo("UTC"))
    monkeypatch.setattr(timezone, "now", lambda: moment)


def at(year: int, month: int, day: int, hour: int, zone: str = "UTC") -> datetime:
    return datetime(year, month, day, hour, tzinfo=ZoneInfo(zone))


def uploaded(owner: User, moment: datetime) -> Image:
    image = submit(owner)
    Image.objects.filter(pk=image.pk).update(created_at=moment)
    return image


def finished(image: Image, moment: datetime, ms: int, status: Status = Status.DONE) -> None:
    began = moment - timedelta(milliseconds=ms)
    values = {"status": status, "matte": "m.png", "started_at": began, "finished_at": moment}
    Cutout.objects.filter(image=image).update(**values)


def test_a_day(owner: User, stranger: User) -> None:
    day = at(2026, 3, 30, 9)
    for person, ms in ((owner, 100), (owner, 300), (stranger, 900)):
        finished(uploaded(person, day), day, ms)
    finished(uploaded(owner, day), day, 5000, Status.FAILED)
    finished(uploaded(owner, at(2026, 3, 29, 23)), at(2026, 3, 31, 0), 7000)
    total = count_day(day.date())
    assert (total.images, total.people, total.done, total.failed) == (4, 2, 3, 1)
    assert total.median_ms == 300
    assert total.bytes == sum(
        Image.objects.filter(created_at=day).values_list("byte_size", flat=True)
    )


def test_edited_cutouts_say_nothing_about_engines(owner: User) -> None:
    day = at(2026, 3, 30, 9)
    finished(uploaded(owner, day), day, 100)
    for status in (Status.DONE, Status.FAILED):
        edited = uploaded(owner, day)
        finished(edited, day, 9000, status)
        edited.cutouts.update(kind=Cutout.Kind.EDITED, rating="up", rated_at=day)
    total = count_day(day.date())
    assert (total.images, total.done, total.failed, total.median_ms) == (3, 1, 0, 100)
    assert verdicts().up == 0


def test_days_of_the_installations_zone(owner: User, settings: Settings) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"
    uploaded(owner, datetime(2026, 3, 28, 23, 30, tzinfo=AUCKLAND))
    uploaded(owner, datetime(2026, 3, 29, 0, 0, tzinfo=AUCKLAND))
    assert [count_day(date(2026, 3, day)).images for day in (28, 29)] == [1, 1]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_days_when_clocks_change(day: date, hours: int) -> None:
    with timezone.override(ZoneInfo("Europe/Berlin")):
        begin, end = statistics._start(day), statistics._start(day + timedelta(days=1))
    assert (end - begin.astimezone(ZoneInfo("UTC"))) == timedelta(hours=hours)


def test_catching_up_and_doing_it_again(owner: User) -> None:
    uploaded(owner, at(2026, 2, 10, 9))
    assert roll_up() == 31
    assert roll_up() == 18
    assert roll_up() == 0
    days = list(DailyTotal.objects.order_by("day").values_list("day", flat=True))
    assert days == [date(2026, 2, 10) + timedelta(days=n) for n in range(49)]
    assert days[-1] == TODAY - timedelta(days=1)
    assert DailyTotal.objects.get(day=days[0]).images == 1


def test_nothing_to_count() -> None:
    assert roll_up() == 0


def test_a_day_waits_until_it_has_settled(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    uploaded(owner, at(2026, 3, 30, 9))
    monkeypatch.setattr(timezone, "now", lambda: at(2026, 3, 31, 0))
    assert roll_up() == 0
    monkeypatch.setattr(timezone, "now", lambda: at(2026, 3, 31, 1))
    assert roll_up() == 1


def test_the_past_outlives_its_pictures(owner: User) -> None:
    uploaded(owner, at(2026, 3, 30, 9))
    roll_up()
    purge(images=Image.objects.all())
    roll_up()
    assert DailyTotal.objects.get(day=date(2026, 3, 30)).images == 1
    (yesterday, _today) = recent_days(days=2)
    assert yesterday.total
    assert yesterday.total.images == 1


def test_recent_days(owner: User) -> None:
    uploaded(owner, at(2026, 3, 28, 9))
    roll_up()
    uploaded(owner, at(2026, 3, 31, 9))
    days = recent_days(days=5)
    assert [day.day.day for day in days] == [27, 28, 29, 30, 31]
    assert [day.total and day.total.images for day in days] == [None, 1, 0, 0, 1]


@pytest.mark.parametrize("count", [1, 3])
def test_queries(
    owner: User, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(count):
        uploaded(owner, at(2026, 3, 29, 9))
        run_next_cutout()
    roll_up()
    with django_assert_num_queries(3):
        recent_days(days=30)
    with django_assert_num_queries(2):
        count_day(TODAY)


def test_the_sweep_does_it(owner: User) -> None:
    uploaded(UserFactory.create(), at(2026, 3, 29, 9))
    call_command("sweep", "--once")
    assert DailyTotal.objects.count() == 2

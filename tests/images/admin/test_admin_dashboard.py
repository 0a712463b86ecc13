"""The first page of the admin site: what is shown is true, and only to those who may see it."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from images.admin.charts import HEIGHT, make_chart
from images.admin.codes import MEANINGS
from images.admin.dashboard import CHECKS, REMEDIES
from images.health import READINESS
from images.models import Cutout, DailyTotal, Image, Status, WorkerProcess
from images.queue.claims import CANCELLED, TOO_MANY_ATTEMPTS
from images.queue.lease import DEADLINE_EXCEEDED
from images.queue.workers import worker_id
from images.services.disk import DiskMeasure
from images.services.statistics import count_day, roll_up
from images.tasks import run_next_cutout
from images.templatetags.clearcut_admin import span
from processing.errors import ProcessingError
from processing.parity import NotComparable, NoTransparency
from tests.factories import UserFactory, submit

pytestmark = pytest.mark.django_db

INDEX = reverse("admin:index")


def text_of(client: Client) -> str:
    """The page without tags, with single spaces."""
    page = client.get(INDEX)
    assert page.status_code == 200
    plain = re.sub(r"<[^>]*>", " ", page.content.decode())
    return " ".join(plain.split())


def failed(owner: User, code: str, ago: timedelta = timedelta()) -> Cutout:
    cutout = submit(owner).cutouts.get()
    Cutout.objects.filter(pk=cutout.pk).update(
        status=Status.FAILED, error_code=code, finished_at=timezone.now() - ago
    )
    return cutout


@pytest.fixture
def worker(db: None) -> WorkerProcess:
    """This process, which lives."""
    return WorkerProcess.objects.create(id=worker_id(), host="host", pid=1, warm=True)


def test_all_is_well(admin_client: Client, worker: WorkerProcess, image: Image) -> None:
    page = text_of(admin_client)
    assert "All is well" in page
    assert "A worker runs and has its engine loaded" in page
    assert "None in the last 7 days." in page


def test_what_is_wrong_and_what_to_do(admin_client: Client, settings: Settings) -> None:
    settings.MIN_FREE_BYTES = 2**62
    page = text_of(admin_client)
    assert "2 things are wrong" in page
    assert "No worker is running. Start the worker" in page
    assert "The disk is nearly full. Make room" in page


def test_every_check_has_its_words() -> None:
    assert set(CHECKS) == set(READINESS)
    assert set(REMEDIES) == set(READINESS) - {"database"}  # without it there is no page


def test_workers_and_what_they_hold(
    admin_client: Client, worker: WorkerProcess, owner: User
) -> None:
    submit(owner)
    began = timezone.now() - timedelta(minutes=5)
    lease = timezone.now() + timedelta(minutes=1)
    Cutout.objects.update(
        status=Status.RUNNING, worker=worker.pk, started_at=began, lease_until=lease
    )
    submit(owner)
    Cutout.objects.filter(status=Status.QUEUED).update(queued_at=began)
    page = text_of(admin_client)
    assert "Waiting, interactive 1 Waiting, batch 0 Longest wait 5 min Being worked on 1" in page
    assert "ready host, 1 drawn, running , 5 min" in page


def test_workers_that_are_gone(admin_client: Client, worker: WorkerProcess) -> None:
    WorkerProcess.objects.update(seen_at=timezone.now() - timedelta(minutes=5))
    assert "gone host, 1" in text_of(admin_client)


def test_failures_by_code_lead_to_their_list(admin_client: Client, owner: User) -> None:
    for code, ago in (("nothing_found", 1), ("nothing_found", 30), ("too_large", 200)):
        failed(owner, code, timedelta(hours=ago))
    page = admin_client.get(INDEX).content.decode()
    assert "too_large" not in page  # more than 7 days ago
    links = re.findall(r'href="([^"]*error_code=nothing_found[^"]*)"', page)
    counts = [admin_client.get(link.replace("&amp;", "&")).context["cl"] for link in links]
    assert [listed.result_count for listed in counts] == [2, 1]


def test_what_was_cancelled_did_not_fail(admin_client: Client, owner: User) -> None:
    failed(owner, "cancelled")
    assert "None in the last 7 days." in text_of(admin_client)
    assert count_day(timezone.localdate()).failed == 0
    failed(owner, "nothing_found")
    assert "No subject was found nothing_found 1 1" in text_of(admin_client)
    assert count_day(timezone.localdate()).failed == 1


def test_another_try_is_offered_where_it_may_help(admin_client: Client, owner: User) -> None:
    failed(owner, "nothing_found")
    failed(owner, "truncated_image")
    assert "Try again" not in text_of(admin_client)
    failed(owner, "deadline_exceeded")
    assert "Took too long deadline_exceeded 1 1 Try again" in text_of(admin_client)


def test_codes_have_a_meaning() -> None:
    errors = [ProcessingError]
    for error in errors:
        errors += error.__subclasses__()
    of_comparing = {NoTransparency, NotComparable}  # no cutout fails with them
    assert {error.code for error in set(errors) - of_comparing} <= set(MEANINGS)
    assert {CANCELLED, TOO_MANY_ATTEMPTS, DEADLINE_EXCEEDED} <= set(MEANINGS)


@pytest.mark.parametrize(
    ("medians", "said"), [([], "–"), ([4400], "4.4 s"), ([4400, 5100, 4600], "4.4–5.1 s")]
)
def test_medians(admin_client: Client, medians: list[int], said: str) -> None:
    for ago, median in enumerate(medians, start=1):
        DailyTotal.objects.create(
            day=timezone.localdate() - timedelta(days=ago), done=1, median_ms=median
        )
    assert f"Median seconds, by day {said}" in text_of(admin_client)


def test_trying_all_again_is_one_click(admin_client: Client, owner: User) -> None:
    rows = [failed(owner, "internal_error") for _ in range(2)]
    other = failed(owner, "too_large")
    form = re.search(
        r'<form method="post" action="([^"]*internal_error[^"]*)">(.*?)</form>',
        admin_client.get(INDEX).content.decode(),
        re.DOTALL,
    )
    assert form
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[2]))
    done = admin_client.post(form[1].replace("&amp;", "&"), fields, follow=True)
    assert "2 cutouts are queued again." in done.content.decode()
    assert {row.status for row in Cutout.objects.filter(pk__in=[row.pk for row in rows])} == {
        Status.QUEUED
    }
    other.refresh_from_db()
    assert other.status == Status.FAILED


def test_engines(admin_client: Client, settings: Settings) -> None:
    settings.DEFAULT_ENGINE = "u2net"
    settings.MODEL_DIR = settings.DATA_DIR / "models"
    page = text_of(admin_client)
    assert "missing U²-Net standard 176.0 MB · Apache-2.0" in page
    assert "manage.py fetch_models u2net" in page
    settings.MODEL_DIR.mkdir(parents=True)
    (settings.MODEL_DIR / "u2net.onnx").write_bytes(b"no weights")
    assert "damaged U²-Net standard" in text_of(admin_client)


def test_storage(admin_client: Client, image: Image) -> None:
    assert "Mattes and edges –" in text_of(admin_client)
    DiskMeasure().go_on()
    page = text_of(admin_client)
    assert re.search(r"Mattes and edges \d+\W+bytes|Mattes and edges [\d.]+\W+KB", page)
    assert "Pictures 1 Originals" in page


def test_people(admin_client: Client, owner: User, stranger: User) -> None:
    User.objects.filter(pk=stranger.pk).update(last_seen_at=timezone.now() - timedelta(days=31))
    assert "Accounts 3 Seen in 30 days 2 Administrators 1" in text_of(admin_client)


def test_verdicts(admin_client: Client, owner: User) -> None:
    assert "Nobody has judged one" in text_of(admin_client)
    for rating, reason in (("up", ""), ("up", ""), ("down", "a <b>hand</b> is missing")):
        cutout = submit(owner).cutouts.get()
        Cutout.objects.filter(pk=cutout.pk).update(
            rating=rating, rating_reason=reason, rated_at=timezone.now()
        )
    Cutout.objects.filter(pk=submit(owner).cutouts.get().pk).update(
        rating="up", rated_at=timezone.now() - timedelta(days=31)
    )
    page = admin_client.get(INDEX).content.decode()
    assert "a &lt;b&gt;hand&lt;/b&gt; is missing" in page
    assert "Good 2 Bad 1 Share of good 67 %" in text_of(admin_client)


def test_days(admin_client: Client, owner: User) -> None:
    submit(owner)
    run_next_cutout()
    long_ago = submit(owner)
    Image.objects.filter(pk=long_ago.pk).update(created_at=timezone.now() - timedelta(days=3))
    roll_up()
    charts = admin_client.get(INDEX).context["board"]["charts"]
    uploads = charts.charts[0]
    assert [bar.value for bar in uploads.bars][-4:] == [1, 0, 0, 1]
    assert uploads.total == "2"
    assert len(uploads.bars) == len(charts.days) == 30
    assert charts.days[0].day == timezone.localdate()


def test_bars() -> None:
    day = timezone.localdate()
    chart = make_chart(name="n", title="t", total="1", days=[(day, 1000), (day, 1), (day, None)])
    assert [bar.height for bar in chart.bars] == [HEIGHT, 1, 0]
    assert [bar.x for bar in chart.bars] == [0, 100, 200]
    assert make_chart(name="n", title="t", total="0", days=[(day, 0)]).bars[0].height == 0


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (2e5, "2 d")]
)
def test_spans(seconds: float, said: str) -> None:
    assert span(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(
    ("codename", "panels"),
    [
        (None, set()),
        ("view_workerprocess", {"health", "queue", "engines"}),
        ("view_cutout", {"failures", "verdicts"}),
        ("view_image", {"storage"}),
        ("view_user", {"people"}),
        ("view_dailytotal", {"charts"}),
    ],
)
def test_everybody_sees_what_they_may(codename: str | None, panels: set[str]) -> None:
    clerk = UserFactory.create(is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename=codename))
    client = Client()
    client.force_login(clerk)
    page = client.get(INDEX)
    assert page.status_code == 200
    assert set(page.context["board"]) == panels
    assert "Try again" not in page.content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_queries(
    admin_client: Client,
    owner: User,
    worker: WorkerProcess,
    count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(count):
        failed(owner, f"code_{number}")
        submit(owner)
    Cutout.objects.filter(status=Status.QUEUED).update(
        status=Status.RUNNING, worker=worker.pk, started_at=timezone.now()
    )
    Cutout.objects.update(rating="down", rating_reason="hm", rated_at=timezone.now())
    admin_client.get(INDEX)
    # Session, person; health 4; queue 4; failures 1; verdicts 2; storage 2; people 1; days 5;
    # recent actions 1.
    with django_assert_num_queries(22):
        admin_client.get(INDEX)

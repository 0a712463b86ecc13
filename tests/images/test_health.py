"""/healthz says that it lives; /readyz says what is missing, check by check."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from images import health
from images.models import Status, WorkerProcess
from images.queue.workers import host_id
from tests.images.queue.conftest import make_cutout

pytestmark = pytest.mark.django_db


@pytest.fixture
def ready(settings: Settings) -> None:
    """All is well: the engine for tests needs no weights, and a worker has loaded it."""
    WorkerProcess.objects.create(pk="here/1:1:1", host="here", pid=1, warm=True)
    health._expect_migrations.cache_clear()


def problems(client: Client) -> dict[str, str]:
    response = client.get("/readyz")
    body = response.json()
    found = {name: text for name, text in body["checks"].items() if text != "ok"}
    assert response.status_code == (503 if found else 200)
    assert body["status"] == ("failing" if found else "ok")
    assert "no-store" in response["Cache-Control"]
    return found


def test_ready(ready: None, client: Client) -> None:
    assert problems(client) == {}
    assert set(client.get("/readyz").json()["checks"]) == set(health.READINESS)


def test_only_reading_is_answered(ready: None, client: Client) -> None:
    assert client.post("/readyz").status_code == 405
    assert client.head("/healthz").status_code == 200


def test_alive_is_less_than_ready(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json()["checks"]) == (200, {"database": "ok"})


def test_without_its_database_it_is_not_alive(client: Client) -> None:
    def refuse(*args: object) -> None:
        raise DatabaseError("password of the database is hunter2")

    with connection.execute_wrapper(refuse):
        response = client.get("/healthz")
        assert response.status_code == 503
        assert "hunter2" not in response.content.decode()
        assert set(problems(client)) >= {"database", "worker", "queue", "leases"}


class Faults:
    """Ways to break things."""

    def __init__(
        self, owner: User, settings: Settings, monkeypatch: pytest.MonkeyPatch, folder: Path
    ) -> None:
        self.owner = owner
        self.settings = settings
        self.monkeypatch = monkeypatch
        self.folder = folder

    def no_worker(self) -> None:
        WorkerProcess.objects.update(seen_at=timezone.now() - timedelta(seconds=40))

    def dead_worker(self) -> None:
        WorkerProcess.objects.update(id=f"{host_id()}:{2**22 + 1}:1")

    def cold_worker(self) -> None:
        WorkerProcess.objects.update(warm=False, problem="/secret/path is missing")

    def no_weights(self) -> None:
        self.settings.DEFAULT_ENGINE = "u2net"
        self.settings.MODEL_DIR = self.folder

    def full_disk(self) -> None:
        free = shutil.disk_usage(self.folder).free
        self.settings.MIN_FREE_BYTES = 2 * free

    def broken_media(self) -> None:
        file = self.folder / "file"
        file.write_text("not a folder")
        self.settings.MEDIA_ROOT = file

    def old_work(self) -> None:
        make_cutout(self.owner, queued_at=timezone.now() - timedelta(minutes=16))

    def lost_work(self) -> None:
        past = timezone.now() - timedelta(minutes=2)
        make_cutout(self.owner, status=Status.RUNNING, lease_until=past)

    def migrations(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE app = 'images'")


@pytest.mark.parametrize(
    ("check", "fault", "sentence"),
    [
        ("worker", Faults.no_worker, "No worker is running."),
        ("worker", Faults.dead_worker, "No worker is running."),
        ("worker", Faults.cold_worker, "No worker has loaded its engine."),
        ("weights", Faults.no_weights, "The weights of U²-Net are missing or damaged."),
        ("disk", Faults.full_disk, "The disk is nearly full."),
        ("media", Faults.broken_media, "The check failed; the log says why."),
        ("queue", Faults.old_work, "Work has been waiting for too long."),
        ("leases", Faults.lost_work, "Rows held by workers that are gone: 1."),
        ("migrations", Faults.migrations, "Migrations are waiting to be applied."),
    ],
)
def test_each_fault_is_named(
    ready: None,
    client: Client,
    owner: User,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    check: str,
    fault: Callable[[Faults], None],
    sentence: str,
) -> None:
    fault(Faults(owner, settings, monkeypatch, tmp_path))
    assert problems(client) == {check: sentence}


def test_a_long_wait_for_its_time_is_no_fault(ready: None, client: Client, owner: User) -> None:
    hour = timedelta(hours=1)
    now = timezone.now()
    make_cutout(owner, queued_at=now - hour, not_before=now + hour)
    make_cutout(owner, status=Status.RUNNING, lease_until=now - timedelta(seconds=5))
    assert problems(client) == {}

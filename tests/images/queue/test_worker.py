"""The real `manage.py worker`, with real processes, and what is left after each is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import psutil
import pytest
from django.conf import settings
from pytest_django import Settings

from accounts.models import User
from images.models import Cutout, Status, WorkerProcess
from images.queue.workers import is_alive
from tests.databases import SharedDatabase, database_settings
from tests.factories import submit
from tests.images.queue.conftest import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into processes as on Linux")

PARTS = ("main", "sentinel", "worker", "monitor", "pusher", "sweep")


class Worker:
    """`manage.py worker`, and its parts by name."""

    def __init__(self, shared_database: SharedDatabase, folder: Path, media: Path) -> None:
        environment = {
            **database_settings(shared_database.url),
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
            # The key that wake-ups are signed with.
            "SECRET_KEY": settings.SECRET_KEY,
            "DATA_DIR": str(folder),
            "MEDIA_ROOT": str(media),
            "DEFAULT_ENGINE": "drawn",
            "WORKERS": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "worker"], cwd=settings.BASE_DIR, env=environment
        )
        assert eventually(WorkerProcess.objects.filter(warm=True).exists, seconds=60)
        self.parts = eventually(self._find_parts)

    def _find_parts(self) -> dict[str, psutil.Process] | None:
        main, sweep = sorted(psutil.Process(self.process.pid).children(), key=_is_sweep)
        sentinel = main.children()[0]
        pool = sorted(sentinel.children(), key=lambda process: process.pid)
        if len(pool) != 3:
            return None
        return dict(zip(PARTS, (main, sentinel, *pool, sweep), strict=True))

    def is_gone(self) -> bool:
        return not any(map(_lives, self.parts.values()))


def _is_sweep(process: psutil.Process) -> bool:
    return "sweep" in process.cmdline()


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def worker(shared_database: SharedDatabase, tmp_path: Path, settings: Settings) -> Iterator[Worker]:
    worker = Worker(shared_database, tmp_path / "data", cast("Path", settings.MEDIA_ROOT))
    yield worker
    worker.process.kill()
    worker.process.wait()
    assert eventually(worker.is_gone), "killing the watchdog leaves no orphans"


def test_it_cuts_out_what_is_submitted_and_stops_when_told(worker: Worker, person: User) -> None:
    for _ in range(3):
        submit(person)
    assert eventually(lambda: Cutout.objects.filter(status=Status.DONE).count() == 3, seconds=60)
    assert set(Cutout.objects.values_list("claims", flat=True)) == {1}
    worker.process.terminate()
    assert worker.process.wait(timeout=25) == 0
    assert worker.is_gone()


@pytest.mark.parametrize("part", PARTS)
def test_when_a_part_is_killed_all_end_at_once(worker: Worker, part: str) -> None:
    name = WorkerProcess.objects.get().pk
    os.kill(worker.parts[part].pid, signal.SIGKILL)
    assert worker.process.wait(timeout=15) == 1
    assert worker.is_gone()
    assert is_alive(name) is False


def test_a_worker_that_stops_dead_is_noticed(worker: Worker, person: User) -> None:
    """Like one that died with the lock of the queue: alive, idle, and deaf."""
    worker.parts["worker"].suspend()
    submit(person)
    assert worker.process.wait(timeout=60) == 1
    assert worker.is_gone()

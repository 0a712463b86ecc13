"""What a worker process tells of itself."""

import shutil
from pathlib import Path

import pytest
from pytest_django import Settings

from images.models import WorkerProcess
from images.queue import presence
from images.queue.presence import Presence
from images.queue.workers import worker_id
from tests.databases import SharedDatabase
from tests.images.queue.conftest import eventually


def is_warm() -> bool:
    return WorkerProcess.objects.filter(pk=worker_id(), warm=True, problem="").exists()


def test_a_warm_worker_says_so_and_goes(shared_database: SharedDatabase) -> None:
    worker = Presence()
    worker.warm_up()
    worker.start()
    assert eventually(is_warm)
    first = WorkerProcess.objects.get()
    assert first.started_at <= first.seen_at
    worker.stop()
    assert not WorkerProcess.objects.exists()


def test_without_weights_it_lives_on_and_says_why(
    shared_database: SharedDatabase, settings: Settings, tmp_path: Path
) -> None:
    settings.DEFAULT_ENGINE = "u2netp"
    settings.MODEL_DIR = tmp_path / "models"
    worker = Presence()
    worker.warm_up()
    worker.start()
    assert eventually(WorkerProcess.objects.exists)
    assert "missing" in WorkerProcess.objects.get(warm=False).problem
    worker.stop()


@pytest.mark.weights
def test_weights_that_come_later_are_loaded(
    shared_database: SharedDatabase,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weights = settings.MODEL_DIR / "u2netp.onnx"
    if not weights.exists():
        pytest.skip("needs the weights of u2netp: manage.py fetch_models u2netp")
    monkeypatch.setattr(presence, "BEAT_SECONDS", 0.05)
    settings.DEFAULT_ENGINE = "u2netp"
    settings.MODEL_DIR = tmp_path / "models"
    worker = Presence()
    worker.warm_up()
    worker.start()
    assert eventually(WorkerProcess.objects.filter(warm=False).exists)
    settings.MODEL_DIR.mkdir()
    shutil.copy(weights, settings.MODEL_DIR)
    assert eventually(is_warm, seconds=60)
    worker.stop()


def test_a_database_that_is_away_ends_no_worker(
    shared_database: SharedDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE images_workerprocess")
    worker = Presence()
    worker.warm_up()
    worker.start()
    assert eventually(lambda: "Could not report" in caplog.text)
    assert worker.is_alive()
    worker.stop()

"""System checks refuse settings under which work would be lost or doubled."""

from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from images.checks import (
    check_folders,
    check_processors,
    check_queue,
    check_sqlite,
    is_writable,
    shortest_retry,
)


def test_the_usual_settings_pass(settings: Settings) -> None:
    ours = [message.id for message in run_checks() if (message.id or "").startswith("images.")]
    assert ours == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"timeout": 20}, "images.E001"),
        ({"timeout": 200.5}, "images.E001"),
        ({"timeout": None}, "images.E001"),
        ({"retry": 300}, "images.E002"),
        ({"queue_limit": 50}, "images.E002"),
        ({"queue_limit": 0}, "images.E003"),
        ({"bulk": 2}, "images.E003"),
        ({"ack_failures": False}, "images.E004"),
        ({"max_attempts": 0}, "images.E004"),
    ],
)
def test_unsafe_settings_of_the_queue(
    settings: Settings, change: dict[str, Any], problem: str
) -> None:
    conf = {**settings.Q_CLUSTER, "workers": 1, "retry": 2000}
    settings.Q_CLUSTER = conf
    assert check_queue() == []
    settings.Q_CLUSTER = {**conf, **change}
    assert [message.id for message in check_queue()] == [problem]


def test_the_retry_outlasts_all_that_is_fetched_at_once() -> None:
    conf = {"timeout": 120, "queue_limit": 1, "bulk": 1}
    assert shortest_retry({**conf, "workers": 1}) == 3 * 125
    assert shortest_retry({**conf, "workers": 2}) == 2 * 125
    assert shortest_retry({**conf, "workers": 1, "queue_limit": 4}) == 6 * 125


@pytest.mark.parametrize(
    ("workers", "threads", "problems"),
    [
        (1, 4, []),
        (4, 2, []),
        (4, 4, ["images.W001"]),
        (0, 1, ["images.E005"]),
        (1, 0, ["images.E005"]),
    ],
)
def test_processors(settings: Settings, workers: int, threads: int, problems: list[str]) -> None:
    settings.CPU_COUNT = 4
    settings.WORKERS, settings.ENGINE_THREADS = workers, threads
    assert [message.id for message in check_processors()] == problems


def test_there_cannot_be_less_than_no_slow_slot(settings: Settings) -> None:
    settings.SLOW_WORKERS = 0
    assert check_processors() == []
    settings.SLOW_WORKERS = -1
    assert [message.id for message in check_processors()] == ["images.E005"]


def test_folders_that_cannot_be_written_to(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    settings.MEDIA_ROOT = file / "media"
    (problem,) = check_folders()
    assert problem.id == "images.E006"
    assert "MEDIA_ROOT" in problem.msg
    assert is_writable(tmp_path / "not" / "yet" / "there")


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ({}, []),
        ({"transaction_mode": "DEFERRED"}, ["images.E007"]),
        ({"timeout": 1}, ["images.E008"]),
        ({"init_command": ""}, ["images.W002"]),
    ],
)
def test_options_of_sqlite(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    problems: list[str],
) -> None:
    good = {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "journal_mode=WAL"}
    database = settings.DATABASES["default"]
    monkeypatch.setitem(database, "ENGINE", "django.db.backends.sqlite3")
    monkeypatch.setitem(database, "OPTIONS", {**good, **options})
    assert [message.id for message in check_sqlite()] == problems
    monkeypatch.setitem(database, "ENGINE", "django.db.backends.postgresql")
    assert check_sqlite() == []

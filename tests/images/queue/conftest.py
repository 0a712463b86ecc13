"""Rows of the queue, and databases that several processes share."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from pytest_django import DjangoDbBlocker

from accounts.models import User
from images.models import Cutout, Image
from tests.factories import UserFactory
from tests.images.queue.postgres import Server, find_server

PREAMBLE = "import django, os, signal, sys, time; django.setup(); from images.models import *\n"


def eventually(condition: Callable[[], Any], *, seconds: float = 20) -> Any:
    """Wait until something is true, and return it; False if it never is."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return value


def make_image(owner: User) -> Image:
    return Image.objects.create(
        owner=owner, original="none.png", original_name="none.png", width=1, height=1, byte_size=1
    )


def make_cutout(owner: User, image: Image | None = None, **fields: Any) -> Cutout:
    """A row of the queue; its picture has no file."""
    image = image or make_image(owner)
    return Cutout.objects.create(image=image, owner=owner, engine="drawn", **fields)


def database_settings(url: str) -> dict[str, str]:
    """What a process needs to work with that database under the settings of the tests."""
    return {
        **os.environ,
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "PYTHONPATH": str(settings.BASE_DIR),
    }


def migrate(url: str) -> None:
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "migrate", "-v0"]
    subprocess.run(command, env=database_settings(url), check=True)


@dataclass(frozen=True)
class SharedDatabase:
    """A database on disk, which this process and those it starts work with."""

    url: str

    def start(self, code: str, **options: Any) -> "subprocess.Popen[str]":
        """Run Python code in a process of its own, with Django and the models at hand."""
        return subprocess.Popen(
            [sys.executable, "-c", PREAMBLE + code],
            env=database_settings(self.url),
            cwd=settings.BASE_DIR,
            text=True,
            stdout=subprocess.PIPE,
            **options,
        )


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("database") / "template.sqlite3"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def shared_database(
    migrated_file: Path, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> Iterator[SharedDatabase]:
    path = tmp_path / "shared.sqlite3"
    shutil.copy(migrated_file, path)
    with django_db_blocker.unblock(), connected_to({"NAME": str(path)}):
        yield SharedDatabase(f"sqlite:///{path}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    server = find_server()
    if isinstance(server, str):
        pytest.skip(f"PostgreSQL: {server}")
    with server.running():
        migrate(server.url)
        yield server


class connected_to:  # noqa: N801 - reads as what it does
    """Have this process work with another database; the one of the other tests stays open."""

    def __init__(self, changes: dict[str, Any]) -> None:
        self._changes = changes

    def __enter__(self) -> None:
        self._usual = connections["default"]
        self._settings = connections.settings["default"]
        connections.settings["default"] = {**self._settings, **self._changes}
        connections["default"] = connections.create_connection("default")

    def __exit__(self, *error: object) -> None:
        connections["default"].close()
        connections.settings["default"] = self._settings
        connections["default"] = self._usual


@pytest.fixture
def person(shared_database: SharedDatabase) -> User:
    """Somebody in the shared database."""
    person: User = UserFactory.create(email="person@example.com")
    return person

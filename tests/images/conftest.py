"""Databases that several processes share: a file, or a server of the tests' own."""

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from pytest_django import DjangoDbBlocker

from tests.databases import SharedDatabase, connected_to, migrate
from tests.servers import Postgres, find_postgres


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("database") / "template.sqlite3"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = find_postgres()
    if isinstance(server, str):
        pytest.skip(f"PostgreSQL: {server}")
    with server.running():
        yield server


@pytest.fixture(scope="session")
def migrated_postgres(postgres: Postgres) -> str:
    """The name of a database that others can be copied from."""
    name = f"migrated_{os.getpid()}"
    postgres.make_database(name)
    migrate(postgres.url_of(name))
    return name


@pytest.fixture
def shared_file(
    migrated_file: Path, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> Iterator[SharedDatabase]:
    path = tmp_path / "shared.sqlite3"
    shutil.copy(migrated_file, path)
    with django_db_blocker.unblock(), connected_to(sqlite_settings(path)):
        yield SharedDatabase(f"sqlite:///{path}")


@pytest.fixture
def shared_server(
    postgres: Postgres, migrated_postgres: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[SharedDatabase]:
    name = f"shared_{uuid.uuid4().hex[:8]}"
    postgres.make_database(name, migrated_postgres)
    with django_db_blocker.unblock(), connected_to(postgres.settings_of(name)):
        yield SharedDatabase(postgres.url_of(name))


@pytest.fixture
def shared_database(request: pytest.FixtureRequest) -> SharedDatabase:
    """Of the kind that the other tests run with."""
    is_file = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    database: SharedDatabase = request.getfixturevalue(
        "shared_file" if is_file else "shared_server"
    )
    return database


def sqlite_settings(path: Path) -> dict[str, Any]:
    """As in config/settings/base.py, as far as tests depend on it."""
    options = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;",
    }
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": options}

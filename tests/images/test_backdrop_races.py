"""The same backdrop sent many times at once is one."""

import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from accounts.models import User
from images.models import Backdrop, Usage
from images.services import backdrops
from images.services.backdrops import BackdropLimitReached, add_backdrop
from images.services.errors import LimitReached
from tests.databases import SharedDatabase
from tests.factories import UserFactory, picture_bytes

AT_ONCE = 6


@pytest.fixture(params=["shared_file", "shared_server"])
def person(request: pytest.FixtureRequest) -> User:
    _database: SharedDatabase = request.getfixturevalue(request.param)
    person: User = UserFactory.create()
    return person


def add_at_once(person: User, contents: list[bytes]) -> list[Any]:
    start = threading.Barrier(len(contents))
    results: list[Any] = []

    def add(content: bytes) -> None:
        start.wait()
        try:
            file = SimpleUploadedFile("wall.png", content)
            results.append(add_backdrop(owner=person, file=file))
        except LimitReached as error:
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=add, args=[content]) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == len(contents)
    return results


def stored_files() -> int:
    return len(list(Path(default_storage.path("backdrops")).rglob("*.png")))


def test_the_same_bytes_are_kept_and_counted_once(person: User) -> None:
    content = picture_bytes()
    results = add_at_once(person, [content] * AT_ONCE)
    assert {backdrop.pk for backdrop, _is_new in results} == {Backdrop.objects.get().pk}
    assert [is_new for _backdrop, is_new in results].count(True) == 1
    assert Usage.objects.get(owner=person).bytes == len(content)
    assert stored_files() == 1


def test_the_limit_holds(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backdrops, "MAX_BACKDROPS", 2)
    contents = [picture_bytes(size=(20 + number, 20)) for number in range(AT_ONCE)]
    results = add_at_once(person, contents)
    assert sum(isinstance(result, BackdropLimitReached) for result in results) == AT_ONCE - 2
    kept = Backdrop.objects.all()
    assert kept.count() == stored_files() == 2
    assert Usage.objects.get(owner=person).bytes == sum(one.byte_size for one in kept)

"""Rows of the queue."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from images.models import Cutout, Image
from tests.databases import SharedDatabase
from tests.factories import UserFactory


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


@pytest.fixture
def person(shared_database: SharedDatabase) -> User:
    """Somebody in the shared database."""
    person: User = UserFactory.create(email="person@example.com")
    return person

"""A program with a key, and a picture that has just been cut out for it."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import ApiToken, User
from images.services.uploads import submit_image
from images.tasks import run_next_cutout
from tests.factories import picture_bytes


@pytest.fixture
def key(owner: User) -> str:
    return ApiToken.objects.issue(user=owner, name="Compatible program")[1]


@pytest.fixture
def program(key: str) -> Client:
    return Client(headers={"X-Api-Key": key})


@pytest.fixture
def sent(owner: User) -> bytes:
    """A picture that was sent moments ago: sent again it is found, so no test needs a worker."""
    content = picture_bytes(size=(400, 300))
    submit_image(owner=owner, file=SimpleUploadedFile("a.png", content))
    run_next_cutout()
    return content

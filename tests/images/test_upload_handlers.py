"""What of an upload reaches the disk."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.test import RequestFactory
from pytest_django import Settings

from accounts.models import User
from tests.factories import picture_bytes, picture_file


def kept(path: str, user: User | AnonymousUser) -> int:
    """Bytes kept of a picture that is posted to `path`."""
    request = RequestFactory().post(path, {"file": picture_file()})
    request.user = user
    return len(only_file(request).read())


def only_file(request: HttpRequest) -> "UploadedFile[bytes]":
    (file,) = request.FILES.values()
    assert isinstance(file, UploadedFile)
    return file


@pytest.mark.parametrize(
    ("path", "signed_in", "expected"),
    [
        ("/api/v1/images/", False, True),  # it has asked for a key before it reads the body
        ("/workspace/", True, True),
        ("/workspace/", False, False),
        ("/accounts/login/", False, False),
        ("/accounts/login/", True, False),
        ("/api/v1/tokens/", True, False),
    ],
)
def test_only_where_they_are_expected(path: str, signed_in: bool, expected: bool) -> None:
    user = User(email="somebody@example.com") if signed_in else AnonymousUser()
    assert kept(path, user) == (len(picture_bytes()) if expected else 0)


def test_not_beyond_the_limit_of_a_file(settings: Settings) -> None:
    settings.MAX_UPLOAD_BYTES = 100
    chunk = 64 * 1024
    request = RequestFactory().post("/api/v1/images/", {"file": picture_file(size=(2000, 1500))})
    assert 100 < len(only_file(request).read()) <= chunk + 100


def test_not_beyond_the_limit_of_a_request(settings: Settings) -> None:
    settings.MAX_REQUEST_BYTES = 100
    request = RequestFactory().post("/api/v1/images/", {"file": picture_file()})
    with pytest.raises(RequestDataTooBig):
        request.FILES  # noqa: B018 - reading it parses the body

"""What every test has: folders of its own, people, and files."""

from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import ApiToken, User
from accounts.services.first_run import Memory
from accounts.services.site import Pages, remember_pages
from images.models import Cutout, Image
from images.tasks import run_next_cutout
from tests.factories import UserFactory, submit


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, settings: Settings) -> None:
    """Files of one test never meet those of another."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.DATA_DIR = tmp_path / "data"
    settings.DEFAULT_ENGINE = "drawn"
    cache.clear()


@pytest.fixture(autouse=True)
def in_use(own_folders: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after the first page for a person: nobody is sent to /first-run/, footers are known."""
    monkeypatch.setattr(Memory, "has_people", True)
    remember_pages(Pages(terms=False, privacy=False))


@pytest.fixture
def owner(db: None) -> User:
    return UserFactory.create(email="owner@example.com")


@pytest.fixture
def stranger(db: None) -> User:
    return UserFactory.create(email="stranger@example.com")


@pytest.fixture
def admin(db: None) -> User:
    return UserFactory.create(email="admin@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def owner_client(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def stranger_client(stranger: User) -> Client:
    client = Client()
    client.force_login(stranger)
    return client


@pytest.fixture
def admin_client(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def api(owner: User) -> APIClient:
    """A program with a token of the owner."""
    _token, key = ApiToken.objects.issue(user=owner, name="Tests")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {key}")
    return client


@pytest.fixture
def queued_image(owner: User) -> Image:
    return submit(owner)


@pytest.fixture
def image(queued_image: Image) -> Image:
    """A picture of the owner with a finished cutout."""
    run_next_cutout()
    queued_image.refresh_from_db()
    assert queued_image.current_cutout is not None
    return queued_image


@pytest.fixture
def cutout(image: Image) -> Cutout:
    assert image.current_cutout is not None
    return image.current_cutout

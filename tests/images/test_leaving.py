"""Whoever leaves leaves nothing: rows of every kind, and every file."""

from pathlib import Path

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.models import User
from images.models import (
    Batch,
    Cutout,
    IdempotentRequest,
    Image,
    WebhookDelivery,
    WebhookEndpoint,
)
from images.services.backdrops import add_backdrop
from images.services.departures import delete_departed
from images.services.edits import submit_matte
from images.services.presets import create_preset
from images.services.previews import ensure_preview
from images.services.renditions import get_rendition
from images.services.sharing import share
from images.services.tags import set_tags
from images.tasks import run_next_cutout
from processing.spec import RenderSpec
from tests.factories import picture_bytes, submit

pytestmark = pytest.mark.django_db


def settle(person: User) -> None:
    """Everything that a person can have here."""
    image = submit(person)
    run_next_cutout()
    ensure_preview(image=image)  # the worker leaves it to whoever looks while others wait
    cutout = image.cutouts.get()
    Image.objects.filter(pk=image.pk).update(batch=Batch.objects.create(owner=person))
    set_tags(image=image, names=["Red"])
    backdrop, _is_new = add_backdrop(
        owner=person, file=SimpleUploadedFile("b.png", picture_bytes())
    )
    create_preset(owner=person, name="Shop", params={"background": f"backdrop-{backdrop.pk}"})
    spec = RenderSpec.parse(f"background=backdrop-{backdrop.sha256}")
    get_rendition(cutout=Cutout.objects.select_related("image").get(pk=cutout.pk), spec=spec)
    share(cutout=cutout, spec=spec, lifetime=None)
    endpoint = WebhookEndpoint.objects.create(owner=person, url="https://example.com/")
    WebhookDelivery.objects.create(owner=person, endpoint=endpoint, event="x", payload="{}")
    IdempotentRequest.objects.create(owner=person, key="a", fingerprint="b")
    with cutout.matte.open("rb") as file:
        content = file.read()
    submit_matte(cutout=cutout, file=SimpleUploadedFile("m.png", content))


def rows_of(person: User) -> dict[str, int]:
    """How many rows of each model of this room belong to the person."""
    models = apps.get_app_config("images").get_models()
    owned = [model for model in models if any(f.name == "owner" for f in model._meta.get_fields())]
    return {
        model.__name__: model._default_manager.filter(owner=person.pk).count() for model in owned
    }


def files_in(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_nothing_is_left(
    owner: User,
    stranger: User,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        settle(stranger)
    theirs, files = rows_of(stranger), files_in(Path(settings.MEDIA_ROOT))
    with django_capture_on_commit_callbacks(execute=True):
        settle(owner)
    assert min(rows_of(owner).values()) > 0, rows_of(owner)
    assert len(files_in(Path(settings.MEDIA_ROOT))) == 2 * len(files)
    User.objects.filter(pk=owner.pk).update(deletion_requested_at=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        while delete_departed():
            pass
    assert not User.objects.filter(pk=owner.pk).exists()
    assert set(rows_of(owner).values()) == {0}
    assert files_in(Path(settings.MEDIA_ROOT)) == files
    assert rows_of(stranger) == theirs

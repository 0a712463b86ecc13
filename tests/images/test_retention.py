"""What is kept for how long."""

import threading
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from time import monotonic

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.utils import timezone
from PIL import Image as Pixels
from PIL import ImageChops
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings
from rest_framework.test import APIClient

from accounts.models import User
from images.models import Cutout, Image
from images.services.cutouts import request_cutout
from images.services.errors import OriginalDeleted
from images.services.renditions import get_rendition
from images.services.retention import drop_old_originals, purge_old_results
from images.services.usage import usage_of
from images.tasks import run_next_cutout
from processing.spec import RenderSpec
from tests.factories import submit

pytestmark = pytest.mark.django_db


def age(image: Image, days: int) -> None:
    past = timezone.now() - timedelta(days=days)
    Image.objects.filter(pk=image.pk).update(created_at=past)
    image.cutouts.exclude(finished_at=None).update(finished_at=past)


def rendered(cutout: Cutout, parameters: str) -> Pixels.Image:
    rendition = get_rendition(cutout=cutout, spec=RenderSpec.parse(parameters))
    with rendition.file.open("rb") as file:
        return Pixels.open(BytesIO(file.read())).convert("RGBA")


def stored(settings: Settings, kind: str) -> list[Path]:
    return [path for path in (settings.MEDIA_ROOT / kind).rglob("*") if path.is_file()]


@pytest.fixture
def dropped(
    image: Image,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> Image:
    settings.ORIGINAL_DAYS = 30
    age(image, 31)
    with django_capture_on_commit_callbacks(execute=True):
        assert drop_old_originals() == 1
    image.refresh_from_db()
    return image


class TestOriginals:
    def test_kept_for_ever_by_default(self, image: Image) -> None:
        age(image, 9999)
        assert drop_old_originals() == 0

    def test_young_ones_stay(self, image: Image, settings: Settings) -> None:
        settings.ORIGINAL_DAYS = 30
        age(image, 29)
        assert drop_old_originals() == 0

    def test_the_files_go(self, dropped: Image, settings: Settings) -> None:
        assert dropped.original_deleted_at
        assert stored(settings, "originals") == []
        assert stored(settings, "previews") == []
        assert drop_old_originals() == 0

    @pytest.mark.parametrize(
        "parameters",
        ["", "background=white", "background=%23ff000080", "channels=alpha", "width=50"],
    )
    def test_cutouts_look_as_before(
        self, parameters: str, image: Image, cutout: Cutout, settings: Settings
    ) -> None:
        before = rendered(cutout, parameters)
        cutout.renditions.all().delete()
        settings.ORIGINAL_DAYS = 1
        age(image, 2)
        assert drop_old_originals() == 1
        after = rendered(Cutout.objects.get(pk=cutout.pk), parameters)
        assert ImageChops.difference(before, after).getbbox() is None

    @pytest.mark.parametrize("parameters", ["background=blur", "shift=6"])
    def test_what_surrounded_the_subject_is_gone(self, parameters: str, dropped: Image) -> None:
        cutout = dropped.cutouts.get()
        with pytest.raises(OriginalDeleted):
            rendered(cutout, parameters)
        assert rendered(cutout, "shift=-2").size == (120, 90)

    def test_pictures_with_transparency_of_their_own(self, owner: User, settings: Settings) -> None:
        image = submit(owner, mode="RGBA")
        run_next_cutout()
        cutout = image.cutouts.get()
        before = rendered(cutout, "")
        cutout.renditions.all().delete()
        settings.ORIGINAL_DAYS = 1
        age(image, 2)
        drop_old_originals()
        after = rendered(image.cutouts.get(), "")
        assert ImageChops.difference(before, after).getbbox() is None

    def test_room_is_given_back_once(self, dropped: Image) -> None:
        assert (usage_of(dropped.owner).bytes, usage_of(dropped.owner).images) == (0, 1)
        dropped.delete()
        assert (usage_of(dropped.owner).bytes, usage_of(dropped.owner).images) == (0, 0)

    def test_it_cannot_be_cut_out_again(self, dropped: Image) -> None:
        with pytest.raises(OriginalDeleted):
            request_cutout(image=dropped)

    def test_one_without_any_cutout_goes_as_a_whole(self, owner: User, settings: Settings) -> None:
        image = submit(owner, size=(1, 1))
        run_next_cutout()
        settings.ORIGINAL_DAYS = 1
        age(image, 2)
        assert drop_old_originals() == 1
        assert not Image.objects.exists()

    def test_work_under_way_is_left_alone(self, queued_image: Image, settings: Settings) -> None:
        settings.ORIGINAL_DAYS = 1
        age(queued_image, 2)
        assert drop_old_originals() == 0
        assert Image.objects.get().original_deleted_at is None

    def test_a_lost_original_stays_a_matter_for_people(
        self, image: Image, settings: Settings, caplog: pytest.LogCaptureFixture
    ) -> None:
        Path(image.original.path).unlink()
        settings.ORIGINAL_DAYS = 1
        age(image, 2)
        assert drop_old_originals() == 0
        assert "cannot be dropped yet" in caplog.text

    def test_page(self, dropped: Image, owner_client: Client) -> None:
        page = owner_client.get(f"/images/{dropped.pk}/").content.decode()
        assert "The original was deleted on" in page
        assert f"/images/{dropped.pk}/original/" not in page
        assert f"/images/{dropped.pk}/preview/" not in page
        for name in ("original", "preview"):
            assert owner_client.get(f"/images/{dropped.pk}/{name}/").status_code == 404

    def test_api(self, dropped: Image, api: APIClient) -> None:
        address = f"/api/v1/images/{dropped.pk}/"
        found = api.get(address).json()
        assert found["original_url"] is None
        assert found["original_deleted_at"]
        assert api.get(f"{address}original/").status_code == 404
        again = api.post(f"{address}cutouts/")
        assert again.status_code == 409
        assert again.json()["errors"][0]["code"] == "original_deleted"
        assert api.get(found["cutout"]["rendition_url"]).status_code == 200


class TestResults:
    def test_old_pictures_go_with_their_files(
        self,
        image: Image,
        settings: Settings,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        settings.RESULT_DAYS = 30
        age(image, 31)
        with django_capture_on_commit_callbacks(execute=True):
            assert purge_old_results() == 1
        assert [path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()] == []

    def test_a_new_cutout_counts_anew(self, image: Image, settings: Settings) -> None:
        settings.RESULT_DAYS = 30
        age(image, 31)
        request_cutout(image=image)
        run_next_cutout()
        assert purge_old_results() == 0

    def test_the_sweep_does_both(self, image: Image, settings: Settings) -> None:
        settings.RESULT_DAYS = settings.ORIGINAL_DAYS = 1
        age(image, 2)
        call_command("sweep", "--once")
        assert not Image.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_others_may_write_meanwhile(owner: User, settings: Settings) -> None:
    """Reading with a cursor while writing fails on SQLite as soon as anybody else writes, too."""
    settings.ORIGINAL_DAYS = 1
    past = timezone.now() - timedelta(days=2)
    Image.objects.bulk_create(
        Image(
            owner=owner,
            original_name=f"{number}.png",
            width=1,
            height=1,
            byte_size=1,
            created_at=past,
        )
        for number in range(120)
    )
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            User.objects.filter(pk=owner.pk).update(name=str(monotonic()))
        connections.close_all()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert drop_old_originals() == 120
    finally:
        stop.set()
        writer.join()

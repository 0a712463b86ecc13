"""Services: from an uploaded file to a stored output, and back to nothing."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ
from PIL import Image as Pixels
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.models import User
from images.models import Cutout, Image, Lane, Rendition, Status
from images.services import cutouts, previews, renditions, trash, uploads
from images.services.errors import Busy, CutoutNotFailed, CutoutNotReady, FileLost
from images.services.slots import render_slot
from images.services.usage import usage_of
from images.tasks import run_next_cutout
from processing.spec import THUMBNAIL, ExtractSpec, RenderSpec
from tests.factories import picture_bytes, picture_file, submit

pytestmark = pytest.mark.django_db

ON_WHITE = RenderSpec.from_params({"format": "jpeg", "background": "white"})


def media_files(settings: Settings) -> list[Path]:
    return [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


class TestSubmit:
    def test_keeps_the_bytes_and_queues_a_cutout(self, owner: User) -> None:
        sent = picture_bytes()
        image = uploads.submit_image(owner=owner, file=SimpleUploadedFile("a/b\\Disc.PNG", sent))
        assert image.original.read() == sent
        assert image.original_name == "Disc.PNG"
        assert (image.width, image.height, image.byte_size) == (120, 90, len(sent))
        assert image.content_type == "image/png"
        assert image.latest_cutout is not None
        assert image.latest_cutout.status == Status.QUEUED
        assert OrmQ.objects.count() == 1

    def test_refuses_by_content(self, owner: User, settings: Settings) -> None:
        with pytest.raises(ValidationError) as caught:
            uploads.submit_image(owner=owner, file=SimpleUploadedFile("photo.png", b"hello" * 50))
        assert caught.value.code == "not_an_image"
        assert not Image.objects.exists()
        assert media_files(settings) == []

    @pytest.mark.parametrize(
        ("limit", "value", "code"),
        [("MAX_UPLOAD_BYTES", 100, "file_too_large"), ("MAX_PIXELS", 5000, "too_many_pixels")],
    )
    def test_limits(
        self, owner: User, settings: Settings, limit: str, value: int, code: str
    ) -> None:
        setattr(settings, limit, value)
        with pytest.raises(ValidationError) as caught:
            submit(owner)
        assert caught.value.code == code

    def test_file_goes_if_the_rows_cannot_be_written(self, owner: User, settings: Settings) -> None:
        owner.delete()
        with pytest.raises(ValueError, match="owner"):
            submit(owner)
        assert media_files(settings) == []

    def test_many_of_one_person_leave_the_fast_lane(self, owner: User, stranger: User) -> None:
        for _ in range(cutouts.INTERACTIVE_AT_ONCE + 1):
            submit(owner)
        lanes = Cutout.objects.order_by("queued_at").values_list("lane", flat=True)
        assert list(lanes) == [Lane.INTERACTIVE] * cutouts.INTERACTIVE_AT_ONCE + [Lane.BATCH]
        assert submit(stranger).latest_cutout.lane == Lane.INTERACTIVE  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        ("name", "clean"),
        [
            ("../../etc/passwd", "passwd"),
            ("C:\\Photos\\a b.jpg", "a b.jpg"),
            ("tab\there\r\n.png", "tabhere.png"),
            ("é.png", "é.png"),
            ("x" * 300 + ".jpeg", "x" * 250 + ".jpeg"),
            (None, ""),
        ],
    )
    def test_names(self, name: str | None, clean: str) -> None:
        assert uploads.clean_name(name) == clean


class TestRun:
    def test_done(self, queued_image: Image) -> None:
        assert cutouts.run_next() is True
        queued_image.refresh_from_db()
        cutout = queued_image.current_cutout
        assert cutout is not None
        assert cutout.status == Status.DONE
        assert cutout.engine == "drawn"
        assert cutout.bbox == pytest.approx([30, 15, 91, 76], abs=2)
        assert cutout.coverage == pytest.approx(0.26, abs=0.03)
        assert {"decode", "store"} < cutout.timings.keys()
        matte = Pixels.open(cutout.matte)
        assert (matte.mode, matte.size) == ("L", (120, 90))
        assert Rendition.objects.get(cutout=cutout).spec == str(THUMBNAIL)
        assert queued_image.preview

    def test_nothing_to_do(self, db: None) -> None:
        assert cutouts.run_next() is False

    def test_nothing_found(self, owner: User) -> None:
        plain = BytesIO()
        Pixels.new("RGB", (60, 60), "white").save(plain, "PNG")
        image = uploads.submit_image(
            owner=owner, file=SimpleUploadedFile("w.png", plain.getvalue())
        )
        run_next_cutout()
        cutout = image.cutouts.get()
        assert (cutout.status, cutout.error_code) == (Status.FAILED, "nothing_found")
        assert cutout.error_message
        image.refresh_from_db()
        assert image.current_cutout is None
        assert image.preview

    def test_a_truncated_file_fails_with_its_code(self, owner: User) -> None:
        data = picture_bytes("JPEG", size=(400, 300))
        image = uploads.submit_image(
            owner=owner, file=SimpleUploadedFile("cut.jpg", data[: len(data) // 2])
        )
        run_next_cutout()
        cutout = image.cutouts.get()
        assert (cutout.status, cutout.error_code) == (Status.FAILED, "truncated_image")

    def test_a_failed_second_run_keeps_the_first(self, image: Image) -> None:
        first = image.current_cutout
        Path(image.original.path).unlink()
        second = cutouts.request_cutout(image=image)
        run_next_cutout()
        image.refresh_from_db()
        assert image.current_cutout == first
        assert image.latest_cutout == second

    def test_missing_weights_wait(self, owner: User, settings: Settings, tmp_path: Path) -> None:
        settings.MODEL_DIR = tmp_path / "empty"
        image = uploads.submit_image(
            owner=owner, file=picture_file(), extract_spec=ExtractSpec(engine="u2net")
        )
        run_next_cutout()
        cutout = image.cutouts.get()
        assert (cutout.status, cutout.error_code) == (Status.QUEUED, "engine_unavailable")
        assert (cutout.failures, cutout.claims) == (0, 0)

    def test_a_picture_purged_meanwhile_leaves_no_files(
        self,
        queued_image: Image,
        settings: Settings,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        from images.queue.claims import claim_next
        from images.queue.workers import worker_id
        from images.services.extraction import extract_cutout

        claimed = claim_next(Cutout, worker=worker_id())
        assert claimed is not None
        cutout, claim = claimed
        copy = Path(cutout.image.original.path).read_bytes()
        with django_capture_on_commit_callbacks(execute=True):
            trash.purge(images=Image.objects.all())
        path = Path(settings.MEDIA_ROOT) / str(cutout.image.original.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(copy)
        assert extract_cutout(cutout=cutout, claim=claim) is False
        assert media_files(settings) == [path]

    def test_retry(self, owner: User) -> None:
        image = submit(owner)
        Path(image.original.path).rename(image.original.path + ".away")
        Cutout.objects.update(status=Status.FAILED, error_code="x", failures=3, claims=3)
        Path(image.original.path + ".away").rename(image.original.path)
        cutout = cutouts.retry_cutout(cutout=image.cutouts.get())
        assert (cutout.status, cutout.error_code, cutout.failures) == (Status.QUEUED, "", 0)
        run_next_cutout()
        cutout.refresh_from_db()
        assert cutout.status == Status.DONE
        with pytest.raises(CutoutNotFailed):
            cutouts.retry_cutout(cutout=cutout)

    def test_positions(self, owner: User, stranger: User) -> None:
        first, second = submit(owner), submit(stranger)
        places = cutouts.queue_positions(Cutout.objects.all())
        assert places == {first.latest_cutout_id: 1, second.latest_cutout_id: 2}


class TestRenditions:
    def test_rendered_once(self, cutout: Cutout) -> None:
        first = renditions.get_rendition(cutout=cutout, spec=ON_WHITE)
        again = renditions.get_rendition(cutout=cutout, spec=ON_WHITE)
        assert first == again
        picture = Pixels.open(first.file)
        assert (picture.format, picture.size) == ("JPEG", (120, 90))
        corner = picture.getpixel((1, 1))
        assert isinstance(corner, tuple)
        assert min(corner) > 250

    def test_png_keeps_nothing_of_the_background(self, cutout: Cutout) -> None:
        rendition = renditions.get_rendition(cutout=cutout, spec=RenderSpec())
        picture = Pixels.open(rendition.file)
        assert picture.mode == "RGBA"
        assert picture.getpixel((1, 1)) == (0, 0, 0, 0)
        assert picture.getpixel((60, 45)) == (200, 40, 30, 255)

    def test_not_ready(self, queued_image: Image) -> None:
        with pytest.raises(CutoutNotReady):
            renditions.get_rendition(cutout=queued_image.cutouts.get(), spec=ON_WHITE)

    def test_the_cache_may_be_emptied_by_hand(self, cutout: Cutout) -> None:
        first = renditions.get_rendition(cutout=cutout, spec=ON_WHITE)
        Path(first.file.path).unlink()
        second = renditions.get_rendition(cutout=cutout, spec=ON_WHITE)
        assert Path(second.file.path).is_file()

    def test_lost_original(self, cutout: Cutout) -> None:
        Path(cutout.image.original.path).unlink()
        with pytest.raises(FileLost):
            renditions.get_rendition(cutout=cutout, spec=ON_WHITE)

    def test_busy_when_all_slots_are_taken(self, cutout: Cutout, settings: Settings) -> None:
        settings.RENDER_SLOTS = 1
        settings.RENDER_WAIT_SECONDS = 0.1
        with render_slot(), pytest.raises(Busy):
            renditions.get_rendition(cutout=cutout, spec=ON_WHITE)
        assert renditions.get_rendition(cutout=cutout, spec=ON_WHITE)

    def test_trimming_keeps_what_was_used_last(
        self,
        cutout: Cutout,
        settings: Settings,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        kept = renditions.get_rendition(cutout=cutout, spec=ON_WHITE)
        old = Rendition.objects.exclude(pk=kept.pk).get()
        Rendition.objects.filter(pk=old.pk).update(last_used_at=timezone.now() - timedelta(days=1))
        settings.RENDITION_CACHE_BYTES = kept.byte_size
        with django_capture_on_commit_callbacks(execute=True):
            assert renditions.trim_renditions() == 1
        assert list(Rendition.objects.all()) == [kept]
        assert not Path(old.file.path).exists()

    def test_preview_comes_back(self, image: Image) -> None:
        Path(image.preview.path).unlink()
        previews.ensure_preview(image=image)
        picture = Pixels.open(image.preview)
        assert (picture.format, picture.size) == ("WEBP", (120, 90))


class TestTrash:
    def test_there_and_back(self, image: Image) -> None:
        mine = Image.objects.filter(pk=image.pk)
        assert trash.move_to_trash(images=mine) == 1
        assert not Image.objects.kept().exists()
        assert trash.restore(images=mine) == 1
        assert Image.objects.kept().get() == image

    def test_purge_takes_every_file(
        self,
        image: Image,
        settings: Settings,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        assert len(media_files(settings)) >= 4
        with django_capture_on_commit_callbacks(execute=True):
            assert trash.purge(images=Image.objects.all()) == 1
        assert media_files(settings) == []
        assert not Cutout.objects.exists()
        assert not Rendition.objects.exists()

    def test_rolled_back_purge_keeps_the_files(self, image: Image, settings: Settings) -> None:
        before = media_files(settings)
        with transaction.atomic():
            trash.purge(images=Image.objects.all())
            transaction.set_rollback(True)
        assert media_files(settings) == before

    def test_only_what_was_long_enough_in_the_trash_goes(
        self, owner: User, settings: Settings
    ) -> None:
        young, old = submit(owner), submit(owner)
        trash.move_to_trash(images=Image.objects.all())
        Image.objects.filter(pk=old.pk).update(
            deleted_at=timezone.now() - timedelta(days=settings.TRASH_DAYS, minutes=1)
        )
        assert trash.purge_expired() == 1
        assert list(Image.objects.all()) == [young]

    def test_deleting_the_account_takes_pictures_and_files(
        self,
        image: Image,
        settings: Settings,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            image.owner.delete()
        assert media_files(settings) == []


def test_usage(image: Image, stranger: User) -> None:
    usage = usage_of(image.owner)
    assert (usage.images, usage.bytes, usage.cutouts_this_month) == (1, image.byte_size, 1)
    assert usage_of(stranger).images == 0

"""Services: from an uploaded file to a stored output, and back to nothing."""

import errno
import os
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ
from PIL import Image as Pixels
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.models import User
from images.models import Cutout, Image, Lane, Rendition, Status
from images.queue import claims
from images.services import cutouts, previews, renditions, trash, unfinished, uploads
from images.services.errors import (
    Busy,
    CutoutNotFailed,
    CutoutNotReady,
    CutoutPending,
    FileLost,
    ImageGone,
    ImageInTrash,
    StorageFull,
)
from images.services.slots import rendering
from images.services.usage import usage_of
from images.tasks import run_next_cutout
from processing.errors import UnknownEngine
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
            ("a %22red%22%0D%0A disc.png", 'a "red" disc.png'),
            ("100%25 %41.png", "100%25 %41.png"),
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
        thumbnail = THUMBNAIL.for_size((120, 90))
        assert Rendition.objects.get(cutout=cutout).spec == str(thumbnail)
        assert queued_image.preview

    def test_previews_wait_while_pictures_do(self, owner: User) -> None:
        """Made by whoever looks first; but for the last one there is time at once."""
        first, last = submit(owner), submit(owner, "other.png")
        for image, has_preview in ((first, False), (last, True)):
            run_next_cutout()
            image.refresh_from_db()
            assert image.current_cutout is not None
            assert bool(image.preview) is has_preview
        assert previews.ensure_preview(image=first).preview

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
        second.refresh_from_db()
        assert second.status == Status.FAILED
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
        away = Path(image.original.path).rename(image.original.path + ".away")
        run_next_cutout()
        assert image.cutouts.get().status == Status.FAILED
        away.rename(image.original.path)
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
        elsewhere = rendering("other", owner=uuid4())
        with elsewhere, pytest.raises(Busy):
            renditions.get_rendition(cutout=cutout, spec=ON_WHITE)
        assert renditions.get_rendition(cutout=cutout, spec=ON_WHITE)

    def test_one_owner_never_has_all_places(self, cutout: Cutout, settings: Settings) -> None:
        settings.RENDER_SLOTS = 2
        settings.RENDER_WAIT_SECONDS = 0.1
        with rendering("own", owner=cutout.owner_id):
            with pytest.raises(Busy):
                renditions.get_rendition(cutout=cutout, spec=ON_WHITE)
            with rendering("other", owner=uuid4()):
                pass

    @pytest.mark.parametrize(
        "query", ["width=120", "max_side=900", "max_pixels=99999999", "quality=3", ""]
    )
    def test_one_file_however_it_was_asked_for(self, cutout: Cutout, query: str) -> None:
        spec = RenderSpec.from_params(dict(pair.split("=") for pair in query.split("&") if pair))
        whole = renditions.get_rendition(cutout=cutout, spec=RenderSpec())
        assert renditions.get_rendition(cutout=cutout, spec=spec) == whole

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


class TestAgain:
    """Running again, and who may when."""

    def test_not_while_one_is_under_way(self, queued_image: Image) -> None:
        with pytest.raises(CutoutPending):
            cutouts.request_cutout(image=queued_image)

    def test_not_in_the_trash(self, image: Image) -> None:
        trash.move_to_trash(images=Image.objects.all())
        with pytest.raises(ImageInTrash):
            cutouts.request_cutout(image=image)

    def test_no_retry_in_the_trash(self, image: Image, cutout: Cutout) -> None:
        Cutout.objects.update(status=Status.FAILED)
        trash.move_to_trash(images=Image.objects.all())
        with pytest.raises(ImageInTrash):
            cutouts.retry_cutout(cutout=cutout)

    def test_not_after_a_purge(self, image: Image) -> None:
        trash.purge(images=Image.objects.all())
        with pytest.raises(ImageGone):
            cutouts.request_cutout(image=image)

    def test_only_by_engines_on_offer(self, image: Image, settings: Settings) -> None:
        settings.DEFAULT_ENGINE = "u2net"
        with pytest.raises(UnknownEngine):
            cutouts.request_cutout(image=image, extract_spec=ExtractSpec(engine="drawn"))


class TestTroubleWithFiles:
    def test_a_lost_original_fails_with_its_code(self, queued_image: Image) -> None:
        Path(queued_image.original.path).unlink()
        run_next_cutout()
        cutout = queued_image.cutouts.get()
        assert (cutout.status, cutout.error_code) == (Status.FAILED, "file_missing")

    def test_the_preview_is_there_when_a_cutout_fails(
        self, owner: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[bool] = []
        failing = claims.fail

        def look(*args: Any) -> bool:
            seen.append(bool(Image.objects.get().preview))
            return failing(*args)

        monkeypatch.setattr("images.services.extraction.fail", look)
        plain = BytesIO()
        Pixels.new("RGB", (60, 60), "white").save(plain, "PNG")
        uploads.submit_image(owner=owner, file=SimpleUploadedFile("w.png", plain.getvalue()))
        run_next_cutout()
        assert seen == [True]

    def test_purge_takes_what_a_killed_attempt_left(
        self,
        image: Image,
        settings: Settings,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        for path in media_files(settings):
            path.with_name("left-behind.png").write_bytes(b"pixels")
        with django_capture_on_commit_callbacks(execute=True):
            trash.purge(images=Image.objects.all())
        assert media_files(settings) == []

    def test_a_full_disk_is_said_and_leaves_nothing(
        self, owner: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(self: FileSystemStorage, name: str, content: Any) -> str:
            path = Path(self.path(name))
            path.parent.mkdir(parents=True)
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(FileSystemStorage, "_save", full)
        with pytest.raises(StorageFull):
            submit(owner)
        assert not Image.objects.exists()
        assert list((Path(settings.MEDIA_ROOT) / "originals").rglob("*/*")) == []

    def test_uploads_that_never_became_a_picture_are_removed(
        self, image: Image, settings: Settings
    ) -> None:
        lost = Image()
        folder = Path(settings.MEDIA_ROOT) / lost.folders[0]
        folder.mkdir(parents=True)
        (folder / "original.png").write_bytes(b"pixels")
        notes = settings.DATA_DIR / "uploads"
        for pk in (lost.pk, image.pk):
            (notes / str(pk)).touch()
        assert unfinished.remove_unfinished() == 0  # they may still be under way
        for note in notes.iterdir():
            os.utime(note, (0, 0))
        assert unfinished.remove_unfinished() == 1
        assert not folder.exists()
        assert Path(image.original.path).exists()
        assert list(notes.iterdir()) == []

    def test_restored_while_purging(self, owner: User) -> None:
        kept, gone = submit(owner), submit(owner)
        trash.move_to_trash(images=Image.objects.all())
        in_trash = Image.objects.in_trash()

        class Restoring(type(in_trash)):  # type: ignore[misc]
            """Somebody restores a picture after its identifier was read."""

            def delete(self) -> Any:
                trash.restore(images=Image.objects.filter(pk=kept.pk))
                return super().delete()

        in_trash.__class__ = Restoring
        assert trash.purge(images=in_trash) == 1
        assert list(Image.objects.all()) == [kept]
        assert not Image.objects.filter(pk=gone.pk).exists()


SITUATIONS = [
    # (current is done, latest) -> state
    (False, Status.QUEUED, Status.QUEUED),
    (False, Status.RUNNING, Status.RUNNING),
    (False, Status.FAILED, Status.FAILED),
    (True, Status.DONE, Status.DONE),
    (True, Status.FAILED, Status.DONE),
    (True, Status.QUEUED, Status.QUEUED),
]


@pytest.mark.parametrize(("has_cutout", "latest", "state"), SITUATIONS)
def test_each_picture_is_in_one_state(
    image: Image, has_cutout: bool, latest: Status, state: Status
) -> None:
    if latest != Status.DONE:
        second = cutouts.request_cutout(image=image)
        Cutout.objects.filter(pk=second.pk).update(status=latest)
    if not has_cutout:
        Image.objects.update(current_cutout=None)
    found = [value for value in Status if Image.objects.in_status(value).exists()]
    assert found == [state]

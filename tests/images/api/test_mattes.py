"""Edited mattes: sent by a person, taken up by a worker, counted by nobody."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from PIL import Image as Pixels
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings
from rest_framework.test import APIClient

from accounts.models import User
from images.api.throttles import UploadThrottle
from images.models import Batch, Cutout, Image, Lane, MonthlyUsage, Status
from images.queue.claims import cancel, claim_next
from images.services import unfinished
from images.services.cutouts import INTERACTIVE_AT_ONCE, request_cutout, retry_cutout
from images.services.edits import submit_matte
from images.services.errors import SentMatteGone
from images.services.extraction import extract_cutout
from images.services.operating import retry_many
from images.services.repeats import find_repeat
from images.services.retention import drop_original
from images.services.sent_mattes import drop_old_sent
from images.services.storage import is_stored
from images.services.takeout_records import describe_cutout
from images.services.trash import move_to_trash, purge
from images.services.uploads import submit_image
from images.tasks import run_next_cutout
from processing.spec import ExtractSpec
from tests.factories import picture_file, submit

pytestmark = pytest.mark.django_db

SIZE = (120, 90)


def encoded(picture: Pixels.Image, kind: str = "PNG") -> bytes:
    buffer = BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


def painted(size: tuple[int, int] = SIZE, value: int = 255) -> Pixels.Image:
    """A rectangle, which no engine would have found."""
    matte = Pixels.new("L", size)
    matte.paste(value, (10, 20, 60, 70))
    return matte


def url_of(cutout: Cutout) -> str:
    return f"/api/v1/cutouts/{cutout.pk}/matte/"


def put(api: APIClient, cutout: Cutout, content: bytes | None = None, **options: Any) -> Any:
    content = encoded(painted()) if content is None else content
    options = {"content_type": "image/png"} | options
    return api.put(url_of(cutout), content, **options)


def first_error(response: Any) -> tuple[str, str | None]:
    (error,) = response.json()["errors"]
    return error["code"], error["attr"]


def stored_matte(cutout: Cutout) -> Pixels.Image:
    with cutout.matte.open("rb") as file:
        return Pixels.open(BytesIO(file.read())).convert("L")


def edited_of(cutout: Cutout) -> Cutout:
    return Cutout.objects.get(parent=cutout)


def test_a_painted_matte_becomes_a_cutout(
    api: APIClient,
    image: Image,
    cutout: Cutout,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    response = put(api, cutout)
    assert response.status_code == 201, response.content
    told = response.json()
    edited = edited_of(cutout)
    assert response.headers["Location"].endswith(f"/api/v1/cutouts/{edited.pk}/")
    assert (told["kind"], told["parent"], told["status"]) == ("edited", str(cutout.pk), "queued")
    assert (told["engine"], edited.extract_spec) == (cutout.engine, cutout.extract_spec)
    sent = Path(edited.sent_matte.path)
    assert sent.exists()
    with django_capture_on_commit_callbacks(execute=True):
        run_next_cutout()
    edited.refresh_from_db()
    image.refresh_from_db()
    assert edited.status == Status.DONE, edited.error_message
    assert stored_matte(edited).tobytes() == painted().tobytes()
    assert edited.bbox == [10, 20, 60, 70]
    assert edited.coverage == pytest.approx(2500 / (120 * 90))
    assert edited.confidence is None
    assert edited.renditions.count() == 1
    assert not edited.sent_matte
    assert not sent.exists()
    assert image.current_cutout == image.latest_cutout == edited
    told = api.get(response.headers["Location"]).json()
    assert (told["status"], told["kind"]) == ("done", "edited")
    assert api.get(told["rendition_url"]).status_code == 200


@pytest.mark.parametrize("way", ["grey", "alpha", "form", "webp"])
def test_the_very_matte_comes_back(api: APIClient, cutout: Cutout, way: str) -> None:
    matte = stored_matte(cutout)
    canvas = Pixels.new("RGBA", matte.size, (9, 8, 7, 255))
    canvas.putalpha(matte)
    buffer = BytesIO()
    canvas.save(buffer, "WEBP", lossless=True, exact=True)
    if way == "form":
        file = SimpleUploadedFile("matte.png", encoded(matte))
        response = api.put(url_of(cutout), {"file": file}, format="multipart")
    elif way == "webp":
        response = put(api, cutout, buffer.getvalue(), content_type="image/webp")
    else:
        response = put(api, cutout, encoded(matte if way == "grey" else canvas))
    assert response.status_code == 201, response.content
    run_next_cutout()
    edited = edited_of(cutout)
    assert edited.status == Status.DONE
    assert stored_matte(edited).tobytes() == matte.tobytes()
    assert (edited.bbox, cutout.bbox) == (cutout.bbox, edited.bbox)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "required"),
        (b"no picture at all", "not_an_image"),
        (encoded(painted().convert("RGB"), "JPEG"), "unsupported_format"),
        (encoded(painted((90, 120))), "wrong_size"),
        (encoded(painted((1, 1))), "wrong_size"),
    ],
)
def test_what_is_no_matte(api: APIClient, cutout: Cutout, content: bytes, code: str) -> None:
    response = put(api, cutout, content)
    assert response.status_code == 400, response.content
    assert first_error(response) == (code, "file")
    assert Cutout.objects.count() == 1
    assert not list((Path(default_storage.path("cutouts"))).rglob("sent-*"))


def test_both_sizes_are_told(api: APIClient, cutout: Cutout) -> None:
    detail = put(api, cutout, encoded(painted((90, 120)))).json()["errors"][0]["detail"]
    assert "90 x 120" in detail
    assert "120 x 90" in detail


def test_what_is_too_large(api: APIClient, cutout: Cutout, settings: Settings) -> None:
    settings.MAX_UPLOAD_BYTES = 50
    assert first_error(put(api, cutout))[0] == "file_too_large"
    file = SimpleUploadedFile("matte.png", encoded(painted()))
    response = api.put(url_of(cutout), {"file": file}, format="multipart")
    assert first_error(response)[0] == "file_too_large"


def test_other_bodies(api: APIClient, cutout: Cutout) -> None:
    for kind in ("application/json", "text/plain", "application/octet-stream", "image/jpeg"):
        assert put(api, cutout, b"{}", content_type=kind).status_code == 415, kind
    curl = put(api, cutout, content_type="application/x-www-form-urlencoded")
    assert curl.status_code == 415
    assert "Send image/png" in curl.json()["errors"][0]["detail"]
    for form in ({}, {"file": "text"}):
        response = api.put(url_of(cutout), form, format="multipart")
        assert response.status_code == 400, form


def test_an_upright_matte_for_a_turned_picture(api: APIClient, owner: User) -> None:
    image = submit(owner, size=(60, 100))
    run_next_cutout()
    image.refresh_from_db()
    assert image.current_cutout is not None
    assert first_error(put(api, image.current_cutout, encoded(painted((100, 60)))))[0] == (
        "wrong_size"
    )
    assert put(api, image.current_cutout, encoded(painted((60, 100)))).status_code == 201


def test_waiting_for_it(api: APIClient, cutout: Cutout) -> None:
    response = put(api, cutout, headers={"Prefer": "wait=0"})
    assert response.status_code == 201
    assert "Preference-Applied" not in response.headers


def test_refusals_by_state(
    api: APIClient, image: Image, cutout: Cutout, settings: Settings
) -> None:
    assert put(api, cutout).status_code == 201
    response = put(api, cutout)
    assert (response.status_code, first_error(response)[0]) == (409, "pending")
    run_next_cutout()
    move_to_trash(images=Image.objects.all())
    response = put(api, cutout)
    assert (response.status_code, first_error(response)[0]) == (409, "in_trash")
    Image.objects.update(deleted_at=None, original_deleted_at=timezone.now())
    response = put(api, cutout)
    assert (response.status_code, first_error(response)[0]) == (409, "original_deleted")
    assert Cutout.objects.count() == 2
    # Of the first alone, whose file goes once its transaction is through.
    assert len(list((Path(default_storage.path("cutouts"))).rglob("sent-*"))) == 1


def test_the_pages_of_the_owner_may_send_one(owner: User, cutout: Cutout) -> None:
    page = Client(enforce_csrf_checks=True)
    page.force_login(owner)
    content = encoded(painted())
    without = page.put(url_of(cutout), content, content_type="image/png")
    assert without.status_code == 403
    page.get("/workspace/")
    token = page.cookies["csrftoken"].value
    sent = page.put(
        url_of(cutout), content, content_type="image/png", headers={"X-CSRFToken": token}
    )
    assert sent.status_code == 201


def test_sending_them_is_counted_as_uploads_are(
    api: APIClient, cutout: Cutout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UploadThrottle, "THROTTLE_RATES", {"upload": "1/min"})
    assert [put(api, cutout).status_code for _time in range(2)] == [201, 429]


def test_administrators_see_what_it_is(
    api: APIClient, cutout: Cutout, admin_client: Client
) -> None:
    put(api, cutout)
    assert "edited by hand" in admin_client.get("/admin/images/cutout/").content.decode()


def test_strangers_find_nothing(api: APIClient, stranger: User) -> None:
    theirs = submit(stranger)
    assert theirs.latest_cutout is not None
    assert put(api, theirs.latest_cutout).status_code == 404


def test_an_empty_one_fails_and_hides_nothing(api: APIClient, image: Image, cutout: Cutout) -> None:
    assert put(api, cutout, encoded(Pixels.new("L", SIZE))).status_code == 201
    run_next_cutout()
    edited = edited_of(cutout)
    image.refresh_from_db()
    assert (edited.status, edited.error_code) == (Status.FAILED, "nothing_found")
    assert "empty" in edited.error_message
    assert image.current_cutout == cutout


@pytest.mark.parametrize("kind", ["damaged", "empty"])
def test_of_what_cannot_be_used_nothing_stays(
    api: APIClient,
    cutout: Cutout,
    kind: str,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    content = encoded(Pixels.effect_noise(SIZE, 90))
    content = content[: len(content) // 2] if kind == "damaged" else encoded(Pixels.new("L", SIZE))
    assert put(api, cutout, content).status_code == 201
    sent = Path(edited_of(cutout).sent_matte.path)
    with django_capture_on_commit_callbacks(execute=True):
        run_next_cutout()
    edited = edited_of(cutout)
    code = "truncated_image" if kind == "damaged" else "nothing_found"
    assert (edited.status, edited.error_code) == (Status.FAILED, code)
    assert not edited.sent_matte
    assert not sent.exists()
    refused = api.post(f"/api/v1/cutouts/{edited.pk}/retry/")
    assert refused.status_code == 409
    assert first_error(refused) == ("matte_gone", None)
    edited.refresh_from_db()
    assert edited.status == Status.FAILED


def test_what_passes_can_be_tried_again(api: APIClient, cutout: Cutout) -> None:
    put(api, cutout)
    edited = edited_of(cutout)
    assert cancel(edited)
    edited.refresh_from_db()
    assert is_stored(edited.sent_matte)
    assert retry_cutout(cutout=edited).status == Status.QUEUED
    run_next_cutout()
    edited.refresh_from_db()
    assert edited.status == Status.DONE


def test_a_day_later_it_is_swept(
    api: APIClient,
    owner: User,
    cutout: Cutout,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    put(api, cutout)
    edited = edited_of(cutout)
    cancel(edited)
    assert drop_old_sent() == 0
    Cutout.objects.filter(pk=edited.pk).update(finished_at=timezone.now() - timedelta(days=1.1))
    with django_capture_on_commit_callbacks(execute=True):
        call_command("sweep", "--once")
    assert not Path(edited.sent_matte.path).exists()
    assert not edited_of(cutout).sent_matte
    with pytest.raises(SentMatteGone):
        retry_cutout(cutout=edited)


def test_it_goes_with_the_original(
    api: APIClient,
    image: Image,
    cutout: Cutout,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    put(api, cutout)
    edited = edited_of(cutout)
    cancel(edited)
    with django_capture_on_commit_callbacks(execute=True):
        assert drop_original(image=image)
    assert not Path(edited.sent_matte.path).exists()
    assert not edited_of(cutout).sent_matte


@pytest.mark.parametrize("again", ["edit", "rerun", "page"])
def test_a_picture_has_so_many_versions(
    api: APIClient, owner_client: Client, image: Image, cutout: Cutout, again: str
) -> None:
    other = {"owner_id": image.owner_id, "image": image, "engine": "drawn"}
    Cutout.objects.bulk_create(
        Cutout(**other, extract_spec="engine=drawn", status=Status.FAILED) for _ in range(98)
    )
    assert put(api, cutout).status_code == 201  # the hundredth
    run_next_cutout()
    if again == "page":
        page = owner_client.post(f"/images/{image.pk}/rerun/", follow=True)
        assert "100 cutouts, which is as many" in page.content.decode()
    else:
        rerun = f"/api/v1/images/{image.pk}/cutouts/"
        response = put(api, cutout) if again == "edit" else api.post(rerun, {}, format="json")
        assert response.status_code == 409
        assert first_error(response) == ("too_many_versions", None)
    assert image.cutouts.count() == 100
    assert not Cutout.objects.pending().exists()
    assert len(list(Path(default_storage.path("cutouts")).rglob("sent-*"))) <= 1


def test_a_stream_of_them_lets_other_people_go_first(
    api: APIClient, owner: User, stranger: User
) -> None:
    pictures = [submit(owner) for _ in range(INTERACTIVE_AT_ONCE + 2)]
    while Cutout.objects.pending().exists():
        run_next_cutout()
    for picture in pictures:
        assert put(api, picture.cutouts.get()).status_code == 201
    lanes = Cutout.objects.filter(kind="edited").values_list("lane", flat=True)
    assert sorted(lanes) == ["batch"] * 2 + ["interactive"] * INTERACTIVE_AT_ONCE


def test_pictures_of_a_batch_are_not_in_its_way(
    api: APIClient, owner: User, cutout: Cutout
) -> None:
    batch = Batch.objects.create(owner=owner)
    for _ in range(INTERACTIVE_AT_ONCE):
        submit_image(owner=owner, file=picture_file(), batch=batch)
    assert put(api, cutout).status_code == 201
    assert edited_of(cutout).lane == Lane.INTERACTIVE


class TestRetrying:
    """Only the newest cutout, and never beside another."""

    def test_not_an_older_one(self, api: APIClient, image: Image, cutout: Cutout) -> None:
        put(api, cutout)
        older = edited_of(cutout)
        cancel(older)
        request_cutout(image=image)
        url = f"/api/v1/cutouts/{older.pk}/retry/"
        assert first_error(api.post(url)) == ("pending", None)
        run_next_cutout()
        refused = api.post(url)
        assert refused.status_code == 409
        assert first_error(refused) == ("not_newest", None)
        assert not Cutout.objects.pending().exists()
        assert Image.objects.in_status("done").count() == 1

    def test_administrators_are_told(self, image: Image, cutout: Cutout, api: APIClient) -> None:
        put(api, cutout)
        cancel(edited_of(cutout))
        request_cutout(image=image)
        run_next_cutout()
        outcome = retry_many(cutouts=Cutout.objects.all())
        assert (outcome.changed, outcome.unfit, outcome.refused) == (0, 2, {"not_newest": 1})

    def test_the_newest_of_several(self, api: APIClient, image: Image, cutout: Cutout) -> None:
        put(api, cutout)
        cancel(edited_of(cutout))
        response = api.post(f"/api/v1/cutouts/{edited_of(cutout).pk}/retry/")
        assert response.status_code == 202
        assert Image.objects.in_status("queued").count() == 1


def test_a_lost_file_is_a_failure(api: APIClient, cutout: Cutout) -> None:
    put(api, cutout)
    edited = edited_of(cutout)
    Path(edited.sent_matte.path).unlink()
    run_next_cutout()
    edited.refresh_from_db()
    assert (edited.status, edited.error_code) == (Status.FAILED, "file_missing")


def used(owner: User) -> int:
    return MonthlyUsage.objects.get(owner=owner).cutouts


def test_it_is_counted_by_nobody(api: APIClient, owner: User, cutout: Cutout) -> None:
    before = used(owner)
    User.objects.update(max_cutouts_per_month=before)
    assert put(api, cutout).status_code == 201
    assert used(owner) == before
    assert cancel(edited_of(cutout))
    assert used(owner) == before
    retry_cutout(cutout=edited_of(cutout))
    assert used(owner) == before
    edited_of(cutout).delete()
    assert used(owner) == before


def test_it_waits_for_no_weights(
    owner: User, cutout: Cutout, api: APIClient, settings: Settings, tmp_path: Path
) -> None:
    settings.MODEL_DIR = tmp_path
    put(api, cutout)
    other = submit(owner)
    Cutout.objects.update(engine="u2netp")
    Cutout.objects.filter(image=other).update(
        engine="u2netp",
        extract_spec="engine=u2netp",
        queued_at=cutout.created_at,
    )
    run_next_cutout()
    run_next_cutout()
    assert edited_of(cutout).status == Status.DONE
    other.refresh_from_db()
    assert other.latest_cutout is not None
    assert other.latest_cutout.error_code == "engine_unavailable"


def test_it_goes_before_batches(cutout: Cutout, owner: User) -> None:
    Image.objects.update(batch=Batch.objects.create(owner=owner))
    cutout.refresh_from_db()
    file = SimpleUploadedFile("matte.png", encoded(painted()))
    assert submit_matte(cutout=cutout, file=file).lane == Lane.INTERACTIVE


def test_no_repeat_finds_it(api: APIClient, owner: User, image: Image, cutout: Cutout) -> None:
    put(api, cutout)
    run_next_cutout()
    spec = ExtractSpec.parse(cutout.extract_spec)
    assert find_repeat(owner=owner, sha256=image.sha256, extract_spec=spec) == cutout


def test_two_attempts_leave_one_result(
    cutout: Cutout, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    file = SimpleUploadedFile("matte.png", encoded(painted()))
    edited = submit_matte(cutout=cutout, file=file)
    claimed = claim_next(Cutout, worker="slow")
    assert claimed is not None
    slow, late = claimed
    Cutout.objects.filter(pk=edited.pk).update(lease_until=cutout.created_at)
    taken = claim_next(Cutout, worker="fast")
    assert taken is not None
    with django_capture_on_commit_callbacks(execute=True):
        # Both have read what was sent by the time one of them is done.
        assert extract_cutout(cutout=slow, claim=late) is False
        assert is_stored(slow.sent_matte)
        assert extract_cutout(cutout=taken[0], claim=taken[1]) is True
    edited.refresh_from_db()
    assert edited.status == Status.DONE
    assert len(list(Path(edited.matte.path).parent.glob("matte-*"))) == 1
    assert not list(Path(edited.matte.path).parent.glob("sent-*"))


def test_cutting_out_again_beside_it(api: APIClient, image: Image, cutout: Cutout) -> None:
    put(api, cutout)
    run_next_cutout()
    assert put(api, edited_of(cutout)).status_code == 201
    run_next_cutout()
    again = request_cutout(image=image)
    assert again.kind == Cutout.Kind.EXTRACTED
    assert image.cutouts.filter(kind="edited", status=Status.DONE).count() == 2


def test_records_tell_what_it_was_made_from(api: APIClient, cutout: Cutout) -> None:
    put(api, cutout)
    record = describe_cutout(cutout=edited_of(cutout))
    assert (record["kind"], record["parent_id"]) == ("edited", cutout.pk)


def test_purging_takes_everything_along(
    api: APIClient,
    cutout: Cutout,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    put(api, cutout)
    with django_capture_on_commit_callbacks(execute=True):
        purge(images=Image.objects.all())
    assert not list(Path(default_storage.path("cutouts")).rglob("*.png"))


def test_what_never_became_a_row_is_swept(cutout: Cutout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfinished, "MIN_AGE_SECONDS", 0)
    lost = Cutout(image=cutout.image)
    with unfinished.announced(lost):
        name = default_storage.save(f"{lost.folders[0]}/sent.png", BytesIO(b"x"))
        assert unfinished.remove_unfinished() == 1
    assert not default_storage.exists(name)


def test_very_long_and_thin(api: APIClient, owner: User) -> None:
    """Longer than the format of thumbnails can hold, which are small nevertheless."""
    size = (20_000, 2)
    name = "thin.png"
    content = encoded(Pixels.new("RGB", size, (200, 40, 30)))
    image = submit_image(owner=owner, file=SimpleUploadedFile(name, content))
    run_next_cutout()
    assert put(api, image.cutouts.get(), encoded(Pixels.new("L", size, 255))).status_code == 201
    run_next_cutout()
    edited = image.cutouts.get(kind="edited")
    assert edited.status == Status.DONE, edited.error_message
    thumbnail = edited.renditions.get()
    assert (thumbnail.width, thumbnail.height) == (480, 1)
    assert Image.objects.in_status("done").get() == image

"""POST /api/v1/cutouts/{id}/refine/: strokes of a person who shows what is missing or too much."""

import json
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from PIL import Image as Pixels
from PIL import ImageDraw
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from images.api import guided as api_of_strokes
from images.api.throttles import UploadThrottle
from images.models import Cutout, Image, Status
from images.services import guided
from images.services.retention import drop_original
from images.services.slots import rendering
from images.services.trash import move_to_trash
from images.services.uploads import submit_image
from images.tasks import run_next_cutout
from tests.factories import drawn_picture, picture_file, submit

pytestmark = pytest.mark.django_db

# The red disc of tests.factories.drawn_picture: centre (60, 45), radius 30.
DISC: dict[str, Any] = {"keep": False, "radius": 3, "points": [[50, 35], [60, 45], [70, 55]]}
GROUND = {"keep": True, "radius": 4, "points": [[8, 8]]}


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    guided._pictures.clear()
    guided._mattes.clear()


def url_of(cutout: Cutout) -> str:
    return f"/api/v1/cutouts/{cutout.pk}/refine/"


def refine(api: APIClient, cutout: Cutout, **body: Any) -> Any:
    return api.post(url_of(cutout), body, format="json")


def matte_in(response: Any) -> Pixels.Image:
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "image/png"
    picture = Pixels.open(BytesIO(response.content))
    assert picture.mode == "L"
    return picture


def stored(cutout: Cutout) -> Pixels.Image:
    with cutout.matte.open("rb") as file:
        return Pixels.open(BytesIO(file.read())).convert("L")


def first_error(response: Any) -> tuple[int, str, str | None]:
    (error,) = response.json()["errors"]
    return response.status_code, error["code"], error["attr"]


def eventually(check: Callable[[], bool]) -> bool:
    end = time.monotonic() + 10
    while not check():
        if time.monotonic() >= end:
            return False
        time.sleep(0.02)
    return True


def test_without_strokes_it_is_the_matte(api: APIClient, cutout: Cutout) -> None:
    bodies: list[dict[str, Any]] = [
        {},
        {"strokes": []},
        {"strokes": None, "roi": None, "save": None},
        {"roi": ""},
    ]
    for body in bodies:
        response = refine(api, cutout, **body)
        assert matte_in(response).tobytes() == stored(cutout).tobytes()
        assert response["Cache-Control"] == "private, no-store"
    assert api.post(url_of(cutout)).status_code == 200


def test_a_stroke_removes_what_it_shows(api: APIClient, cutout: Cutout) -> None:
    before, after = stored(cutout), matte_in(refine(api, cutout, strokes=[DISC]))
    for x, y in DISC["points"]:
        assert before.getpixel((x, y)) == 255
        assert after.getpixel((x, y)) == 0
    assert np.all(np.asarray(after) <= np.asarray(before))
    assert Cutout.objects.count() == 1


def test_both_kinds_at_once(api: APIClient, cutout: Cutout) -> None:
    after = matte_in(refine(api, cutout, strokes=[DISC, GROUND]))
    assert after.getpixel((8, 8)) == 255
    assert after.getpixel((60, 45)) == 0


def test_the_region(api: APIClient, cutout: Cutout) -> None:
    after = matte_in(refine(api, cutout, roi="50% 0% 100% 100%"))
    expected = stored(cutout)
    expected.paste(0, (0, 0, 60, 90))
    assert after.tobytes() == expected.tobytes()


def test_what_is_kept_in_memory_changes_nothing(api: APIClient, cutout: Cutout) -> None:
    first = refine(api, cutout, strokes=[DISC]).content
    assert refine(api, cutout, strokes=[GROUND]).content != first
    assert refine(api, cutout, strokes=[DISC]).content == first
    guided._pictures.clear()
    guided._mattes.clear()
    assert refine(api, cutout, strokes=[DISC]).content == first


def test_a_further_stroke_reads_no_file(api: APIClient, cutout: Cutout) -> None:
    first = refine(api, cutout, strokes=[DISC]).content
    for file in (cutout.matte, cutout.image.original):
        file.storage.delete(str(file.name))
    assert refine(api, cutout, strokes=[DISC]).content == first


def test_memory_is_bounded() -> None:
    kept, keys = guided._Kept(), [uuid4() for _ in range(guided.KEPT + 2)]
    for key in keys:
        kept.put(key, str(key))
    assert [kept.get(key) for key in keys] == [None, None, *map(str, keys[2:])]
    kept.put(keys[2], "again")
    kept.put(keys[0], "more")
    assert (kept.get(keys[2]), kept.get(keys[3])) == ("again", None)


def test_memory_is_emptied_in_time_though_nobody_asks(
    api: APIClient, cutout: Cutout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guided, "KEPT_SECONDS", 0.3)
    pictures, mattes = guided._Kept(), guided._Kept()
    monkeypatch.setattr(guided, "_pictures", pictures)
    monkeypatch.setattr(guided, "_mattes", mattes)
    assert refine(api, cutout, strokes=[DISC]).status_code == 200
    assert (len(pictures), len(mattes)) == (1, 1)
    assert eventually(lambda: len(pictures) == len(mattes) == 0)


def test_what_is_used_stays_and_then_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guided, "KEPT_SECONDS", 0.5)
    kept, old, used = guided._Kept(), uuid4(), uuid4()
    kept.put(old, "old")
    kept.put(used, "used")
    began = time.monotonic()
    while time.monotonic() - began < 0.8:
        assert kept.get(used) == "used"
        time.sleep(0.02)
    assert len(kept) == 1
    assert eventually(lambda: len(kept) == 0)


def test_saving_makes_an_edited_cutout(api: APIClient, image: Image, cutout: Cutout) -> None:
    response = refine(api, cutout, strokes=[GROUND], save=True)
    assert response.status_code == 201, response.content
    told = response.json()
    assert response["Location"].endswith(f"/api/v1/cutouts/{told['id']}/")
    assert (told["kind"], told["parent"], told["status"]) == ("edited", str(cutout.pk), "queued")
    run_next_cutout()
    edited = Cutout.objects.get(pk=told["id"])
    assert edited.status == Status.DONE, edited.error_message
    matte = stored(edited)
    assert matte.size == (120, 90)
    assert matte.getpixel((8, 8)) == 255
    # Far from the stroke nothing is touched.
    right = (60, 0, 120, 90)
    assert matte.crop(right).tobytes() == stored(cutout).crop(right).tobytes()
    assert first_error(refine(api, edited, strokes=[DISC] * 201))[0] == 400
    assert matte_in(refine(api, edited)).tobytes() == matte.tobytes()


def test_large_pictures_are_answered_small_and_saved_large(api: APIClient, owner: User) -> None:
    size = (1800, 1200)
    image = submit(owner, size=size)
    run_next_cutout()
    cutout = image.cutouts.get()
    stroke = {"keep": True, "radius": 40, "points": [[150, 150], [250, 150]]}
    small = matte_in(refine(api, cutout, strokes=[stroke], roi="0px 0px 1500px 1200px"))
    assert small.size == (1024, 683)
    assert small.getpixel((round(200 * 1024 / 1800), round(150 * 683 / 1200))) == 255
    saved = refine(api, cutout, strokes=[stroke], roi="0px 0px 1500px 1200px", save=True)
    assert saved.status_code == 201
    run_next_cutout()
    matte = stored(Cutout.objects.get(pk=saved.json()["id"]))
    assert matte.size == size
    assert matte.getpixel((200, 150)) == 255
    assert matte.crop((1500, 0, 1800, 1200)).getextrema() == (0, 0)
    inner = (700, 400, 1500, 1200)
    assert matte.crop(inner).tobytes() == stored(cutout).crop(inner).tobytes()


def test_where_nothing_was_found_strokes_find_it(api: APIClient, owner: User) -> None:
    picture = drawn_picture()
    # The border decides for the engine "drawn": a disc of the border's own colour is nothing.
    ImageDraw.Draw(picture).rectangle((0, 0, 120, 90), fill=(200, 40, 30))
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    file = picture_file()
    file.file = buffer
    file.size = buffer.tell()
    buffer.seek(0)
    image = submit_image(owner=owner, file=file)
    run_next_cutout()
    cutout = image.cutouts.get()
    assert cutout.error_code == "nothing_found"
    assert matte_in(refine(api, cutout)).getextrema() == (0, 0)
    assert matte_in(refine(api, cutout, strokes=[GROUND])).getpixel((8, 8)) == 255
    assert refine(api, cutout, strokes=[GROUND], save=True).status_code == 201


NAN = float("nan")
HUGE = 10**400


@pytest.mark.parametrize(
    ("strokes", "attr"),
    [
        ("text", "strokes"),
        ({"keep": True}, "strokes"),
        ([7], "strokes.0.non_field_errors"),
        ([{"radius": 3, "points": [[1, 1]]}], "strokes.0.keep"),
        ([{"keep": "perhaps", "radius": 3, "points": [[1, 1]]}], "strokes.0.keep"),
        ([{"keep": True, "points": [[1, 1]]}], "strokes.0.radius"),
        ([DISC, {"keep": True, "radius": 0, "points": [[1, 1]]}], "strokes.1.radius"),
        ([{"keep": True, "radius": 10**9, "points": [[1, 1]]}], "strokes.0.radius"),
        ([{"keep": True, "radius": "x", "points": [[1, 1]]}], "strokes.0.radius"),
        ([{"keep": True, "radius": [3], "points": [[1, 1]]}], "strokes.0.radius"),
        ([{"keep": True, "radius": 3}], "strokes.0.points"),
        *(
            ([{"keep": True, "radius": 3, "points": points}], "strokes.0.points")
            for points in (
                None,
                [],
                7,
                "1,1",
                [1, 1],
                [[1]],
                [[1, 1, 1]],
                [[True, False]],
                [["1", "1"]],
                [[None, 1]],
                [[1e300, 1]],
                [[HUGE, 1]],
                [[1, 1]] * 2001,
                [[-300, -300], [500, 20]],
            )
        ),
        ([DISC] * 201, "strokes"),
        ([{"keep": True, "radius": 3, "points": [[1, 1]] * 1900}] * 11, "strokes"),
    ],
)
def test_what_are_no_strokes(api: APIClient, cutout: Cutout, strokes: Any, attr: str) -> None:
    response = api.post(
        url_of(cutout), json.dumps({"strokes": strokes}), content_type="application/json"
    )
    status, _code, where = first_error(response)
    assert (status, where) == (400, attr), response.content


@pytest.mark.parametrize("body", ['{"strokes": [{"radius": NaN}]}', "[1]", "7", '"x"', "{", "null"])
def test_other_json(api: APIClient, cutout: Cutout, body: str) -> None:
    response = api.post(url_of(cutout), body, content_type="application/json")
    assert response.status_code in {200, 400} - ({200} if body != "null" else set())


def test_infinity_written_as_a_number(api: APIClient, cutout: Cutout) -> None:
    body = '{"strokes": [{"keep": true, "radius": 1e999, "points": [[1e999, 1]]}]}'
    response = api.post(url_of(cutout), body, content_type="application/json")
    assert response.status_code == 400


def test_coordinates_of_something_else(api: APIClient, cutout: Cutout) -> None:
    beyond = {"keep": True, "radius": 3, "points": [[1060, 45]]}
    for save in (False, True):
        response = refine(api, cutout, strokes=[DISC, beyond], save=save)
        assert first_error(response) == (400, "stroke_outside", "strokes.1.points")
        assert "120 x 90" in response.json()["errors"][0]["detail"]


def test_a_line_across_the_picture_touches_it(api: APIClient, cutout: Cutout) -> None:
    across = {"keep": False, "radius": 3, "points": [[-50, 45], [200, 45]]}
    assert matte_in(refine(api, cutout, strokes=[across])).getpixel((60, 45)) == 0


@pytest.mark.parametrize("roi", ["1 2", "0% 0% 200% 100%", "0px 0px 500px 90px", "a\0b", "x" * 200])
def test_regions_that_are_none(api: APIClient, cutout: Cutout, roi: str) -> None:
    status, _code, attr = first_error(refine(api, cutout, roi=roi))
    assert (status, attr) == (400, "roi")


def test_other_bodies(api: APIClient, cutout: Cutout) -> None:
    assert api.post(url_of(cutout), {"save": "1"}, format="multipart").status_code == 415
    assert api.get(url_of(cutout)).status_code == 405


def test_strangers_find_nothing(api: APIClient, stranger: User) -> None:
    theirs = submit(stranger).cutouts.get()
    assert refine(api, theirs, strokes=[DISC]).status_code == 404


def test_refusals_by_state(api: APIClient, image: Image, cutout: Cutout, owner: User) -> None:
    waiting = submit(owner).cutouts.get()
    assert first_error(refine(api, waiting)) == (409, "not_ready", None)
    Cutout.objects.filter(pk=waiting.pk).update(status=Status.FAILED, error_code="internal_error")
    assert first_error(refine(api, waiting)) == (409, "cutout_failed", None)
    move_to_trash(images=Image.objects.filter(pk=image.pk))
    assert first_error(refine(api, cutout, save=True)) == (409, "in_trash", None)
    Image.objects.update(deleted_at=None)
    image.refresh_from_db()
    assert drop_original(image=image)
    for save in (False, True):
        answer = first_error(refine(api, cutout, strokes=[DISC], save=save))
        assert answer == (409, "original_deleted", None)


def test_a_lost_file(api: APIClient, cutout: Cutout) -> None:
    cutout.matte.storage.delete(str(cutout.matte.name))
    assert first_error(refine(api, cutout, strokes=[DISC])) == (404, "file_missing", None)


def test_it_takes_a_place_for_rendering(api: APIClient, cutout: Cutout, settings: Settings) -> None:
    settings.RENDER_WAIT_SECONDS = 0
    with rendering(f"refine:{cutout.pk}", owner=cutout.owner_id):
        response = refine(api, cutout, strokes=[DISC])
    assert first_error(response) == (503, "busy", None)
    assert response["Retry-After"]


def test_it_is_counted_as_uploads_are(
    api: APIClient, cutout: Cutout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UploadThrottle, "THROTTLE_RATES", {"upload": "1/min"})
    assert [refine(api, cutout).status_code for _time in range(2)] == [200, 429]


def test_monstrous_strokes_are_refused_before_they_are_drawn(
    api: APIClient, owner: User, settings: Settings
) -> None:
    image = submit(owner, size=(1024, 1024))
    run_next_cutout()
    cutout = image.cutouts.get()
    settings.RENDER_WAIT_SECONDS = 0
    far = [[-9000 - number % 2, 512] for number in range(2000)]
    monsters = [{"keep": bool(n % 2), "radius": 9100, "points": far} for n in range(10)]
    with rendering(f"refine:{cutout.pk}", owner=cutout.owner_id):  # it takes no place
        for save in (False, True):
            response = refine(api, cutout, strokes=monsters, save=save)
            assert first_error(response) == (400, "too_much_to_draw", "strokes")
    covering = [{"keep": True, "radius": 10_000, "points": [[512, 512]] * 2000}] * 10
    assert matte_in(refine(api, cutout, strokes=covering)).getextrema() == (255, 255)


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({"stroke": [DISC]}, "stroke"),
        ({"strokes": [DISC], "Save": True}, "Save"),
        ({"strokes": [{**DISC, "kept": True}]}, "strokes.0.kept"),
        ({"x" * 500: 1}, "x" * 100),
        ({"": 1}, ""),
    ],
)
def test_mistyped_names(api: APIClient, cutout: Cutout, body: dict[str, Any], attr: str) -> None:
    response = refine(api, cutout, **body)
    assert first_error(response) == (400, "unknown_field", attr)


def test_a_hundred_thousand_names_are_one_error(api: APIClient, cutout: Cutout) -> None:
    response = refine(api, cutout, **{f"name{number}\0": None for number in range(100_000)})
    assert first_error(response)[:2] == (400, "unknown_field")


def test_saving_again_with_the_same_key(api: APIClient, cutout: Cutout) -> None:
    def send(stroke: Any, save: bool = True) -> Any:
        body = {"strokes": [stroke], "save": save}
        return api.post(url_of(cutout), body, format="json", headers={"Idempotency-Key": "once"})

    assert send(GROUND, save=False).status_code == 200, "nothing is made, so the key is free"
    first, again, other = send(GROUND), send(GROUND), send(DISC)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again["Idempotent-Replayed"] == "true"
    assert again["Location"] == first["Location"]
    assert again.json() == first.json()
    assert first_error(other)[:2] == (422, "idempotency_key_reused")
    assert Cutout.objects.filter(parent=cutout).count() == 1


def test_refusals_are_told_alike_with_a_key(api: APIClient, cutout: Cutout) -> None:
    beyond = {"keep": True, "radius": 3, "points": [[1060, 45]]}
    body = {"strokes": [beyond], "save": True}
    key = {"Idempotency-Key": "once"}
    first, again = (api.post(url_of(cutout), body, format="json", headers=key) for _ in range(2))
    for response in (first, again):
        assert first_error(response) == (400, "stroke_outside", "strokes.0.points")
    assert "Idempotent-Replayed" not in first.headers
    assert again["Idempotent-Replayed"] == "true"


def test_saving_may_wait(api: APIClient, cutout: Cutout) -> None:
    body = {"strokes": [GROUND], "save": True}
    response = api.post(url_of(cutout), body, format="json", headers={"Prefer": "wait=1"})
    assert (response.status_code, response["Preference-Applied"]) == (201, "wait=1")
    run_next_cutout()
    assert "Preference-Applied" not in refine(api, cutout, **body).headers


def test_limits_that_were_lowered_meanwhile(
    api: APIClient, cutout: Cutout, settings: Settings
) -> None:
    settings.MAX_PIXELS = 120 * 90 - 1
    assert refine(api, cutout, strokes=[GROUND]).status_code == 200
    response = refine(api, cutout, strokes=[GROUND], save=True)
    assert first_error(response) == (400, "too_many_pixels", None)
    settings.MAX_PIXELS = 120 * 90
    settings.MAX_UPLOAD_BYTES = 10
    saved = refine(api, cutout, strokes=[GROUND], save=True)
    assert saved.status_code == 201
    run_next_cutout()
    assert Cutout.objects.get(pk=saved.json()["id"]).status == Status.DONE


def test_limits_are_those_that_are_told() -> None:
    told = api_of_strokes.POINTS
    assert str(api_of_strokes.MAX_POINTS) in told
    assert str(api_of_strokes.FARTHEST) in told

"""/api/v1/images/ and /api/v1/cutouts/, as programs use them."""

import errno
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image as Pixels
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from accounts.models import ApiToken, User
from images.api.throttles import AnonymousThrottle, UserThrottle
from images.models import Cutout, Image, Status
from images.tasks import run_next_cutout
from tests.accounts.people import PASSWORD
from tests.factories import UserFactory, picture_bytes, picture_file, submit

pytestmark = pytest.mark.django_db

IMAGES = "/api/v1/images/"


def upload(api: APIClient, data: Any = None, **fields: Any) -> Any:
    file = picture_file() if data is None else SimpleUploadedFile("f.png", data)
    return api.post(IMAGES, {"file": file, **fields}, format="multipart")


def only_error(response: Any) -> dict[str, Any]:
    body = response.json()
    assert body.keys() == {"type", "errors"}
    (error,) = body["errors"]
    assert error.keys() == {"code", "detail", "attr"}
    assert error["detail"]
    return error


class TestUpload:
    def test_created(self, api: APIClient, owner: User) -> None:
        response = upload(api, title="A disc")
        assert response.status_code == 201
        body = response.json()
        assert urlsplit(response["Location"]).path == f"{IMAGES}{body['id']}/"
        assert body["title"] == "A disc"
        assert body["cutout"]["status"] == "queued"
        assert body["thumbnail_url"] is None
        image = Image.objects.get(pk=body["id"])
        assert image.owner == owner
        assert str(image.latest_cutout_id) == body["latest_cutout"]

    def test_equal_pictures_are_not_merged(self, api: APIClient) -> None:
        assert upload(api).json()["id"] != upload(api).json()["id"]

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"", "empty_file"),
            (b"just some text, long enough to be read", "not_an_image"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "unsupported_format"),
            (b"%PDF-1.7 something", "unsupported_format"),
        ],
    )
    def test_refused(self, api: APIClient, data: bytes, code: str) -> None:
        response = upload(api, data)
        assert response.status_code == 400
        assert only_error(response) | {"detail": ""} == {"code": code, "attr": "file", "detail": ""}
        assert not Image.objects.exists()

    def test_too_large_is_not_even_kept(self, api: APIClient, settings: Settings) -> None:
        settings.MAX_UPLOAD_BYTES = 2_000_000
        response = upload(api, picture_bytes() + b"\0" * 3_000_000)
        assert response.status_code == 400
        assert only_error(response)["code"] == "file_too_large"

    def test_no_file(self, api: APIClient) -> None:
        response = api.post(IMAGES, {}, format="multipart")
        assert response.status_code == 400
        assert only_error(response) | {"detail": ""} == {
            "code": "required",
            "attr": "file",
            "detail": "",
        }

    def test_unknown_engine(self, api: APIClient) -> None:
        response = upload(api, engine="../../etc")
        assert response.status_code == 400
        assert only_error(response)["attr"] == "engine"

    def test_the_declared_name_and_type_do_not_matter(self, api: APIClient) -> None:
        file = SimpleUploadedFile("evil.html", picture_bytes("JPEG"), "text/html")
        body = api.post(IMAGES, {"file": file}, format="multipart").json()
        assert body["content_type"] == "image/jpeg"

    def test_prefer_wait_gives_up_in_time(self, api: APIClient) -> None:
        response = api.post(
            IMAGES, {"file": picture_file()}, format="multipart", headers={"Prefer": "wait=0"}
        )
        assert response.status_code == 201
        assert "Preference-Applied" not in response

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({"file": [picture_file() for _ in range(60)]}, 400),
            ({f"field{number}": "x" for number in range(1100)}, 400),
            ({"title": "x" * 6_000_000}, 413),
        ],
        ids=["files", "fields", "bytes"],
    )
    def test_too_much_of_everything(self, api: APIClient, body: Any, status: int) -> None:
        response = api.post(IMAGES, body, format="multipart")
        assert response.status_code == status
        assert only_error(response)

    def test_a_full_disk(self, api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(self: FileSystemStorage, name: str, content: Any) -> str:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(FileSystemStorage, "_save", full)
        response = upload(api)
        assert response.status_code == 503
        assert only_error(response)["code"] == "storage_full"
        assert int(response["Retry-After"]) > 0

    @pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 100_000, "{", "nonsense"])
    def test_malformed_json(self, api: APIClient, image: Image, body: str) -> None:
        for address in (IMAGES, f"{IMAGES}{image.pk}/cutouts/", "/api/v1/tokens/"):
            response = api.generic("POST", address, body, "application/json")
            assert response.status_code == 400
            assert only_error(response)

    def test_all_files_together_are_bounded(self, api: APIClient, settings: Settings) -> None:
        settings.MAX_REQUEST_BYTES = 1000
        response = upload(api, picture_bytes() + b"\0" * 2000)
        assert response.status_code == 413
        assert only_error(response)["code"] == "request_too_large"

    def test_malformed_multipart(self, api: APIClient) -> None:
        response = api.generic("POST", IMAGES, "--x\r\nnonsense", "multipart/form-data; boundary=y")
        assert response.status_code == 400
        assert only_error(response)


class TestRead:
    def test_list_is_own_and_newest_first(
        self, api: APIClient, owner: User, stranger: User
    ) -> None:
        first, second = submit(owner), submit(owner)
        submit(stranger)
        body = api.get(IMAGES).json()
        assert body.keys() == {"next", "previous", "results"}
        assert [item["id"] for item in body["results"]] == [str(second.pk), str(first.pk)]

    def test_pages(self, api: APIClient, owner: User) -> None:
        ids = {str(submit(owner).pk) for _ in range(5)}
        address: str | None = f"{IMAGES}?page_size=2"
        seen: list[str] = []
        while address:
            body = api.get(address).json()
            seen += [item["id"] for item in body["results"]]
            address = body["next"]
        assert len(seen) == 5
        assert set(seen) == ids

    @pytest.mark.parametrize("count", [1, 3])
    def test_queries_do_not_grow(
        self,
        api: APIClient,
        owner: User,
        count: int,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        for _ in range(count):
            submit(owner)
            run_next_cutout()
        ApiToken.objects.get().touch()
        with django_assert_num_queries(
            3
        ):  # the token with its user, the pictures with cutouts, tags
            assert len(api.get(IMAGES).json()["results"]) == count

    def test_filters(self, api: APIClient, owner: User) -> None:
        done = submit(owner, "holiday.png")
        run_next_cutout()
        waiting = submit(owner, "work.png")

        def found(query: str) -> list[str]:
            return [item["id"] for item in api.get(f"{IMAGES}?{query}").json()["results"]]

        assert found("status=done") == [str(done.pk)]
        assert found("status=queued") == [str(waiting.pk)]
        assert found("search=HOLI") == [str(done.pk)]
        assert found("engine=drawn&favourite=true") == []
        assert found("created_after=2999-01-01T00:00:00Z") == []
        assert found("needs_look=true") == []
        Cutout.objects.filter(image=done).update(needs_look=True)
        assert found("needs_look=true") == [str(done.pk)]
        assert found("needs_look=false") == [str(waiting.pk)]
        assert found("trash=true") == []
        assert len(found("trash=")) == len(found("trash=0")) == 2
        Image.objects.filter(pk=done.pk).update(deleted_at=done.created_at)
        assert found("trash=1") == [str(done.pk)]
        assert found("") == [str(waiting.pk)]
        assert api.get(f"{IMAGES}?status=nonsense").status_code == 400

    @pytest.mark.parametrize("name", ["favourite", "needs_look"])
    def test_yes_and_no(self, api: APIClient, owner: User, name: str) -> None:
        plain, chosen = submit(owner), submit(owner)
        run_next_cutout()
        run_next_cutout()
        Image.objects.filter(pk=chosen.pk).update(favourite=True)
        Cutout.objects.filter(image=chosen).update(needs_look=True)

        def found(value: str) -> list[str]:
            body = api.get(f"{IMAGES}?{name}={value}").json()
            return [item["id"] for item in body["results"]]

        for yes in ("true", "1", "True"):
            assert found(yes) == [str(chosen.pk)], yes
        for no in ("false", "0", "False"):
            assert found(no) == [str(plain.pk)], no
        assert len(found("")) == 2

    @pytest.mark.parametrize("name", ["favourite", "needs_look", "trash"])
    @pytest.mark.parametrize("value", ["maybe", "2", "yes", "10", "%00", "true%20"])
    def test_other_words_are_refused(
        self, api: APIClient, image: Image, name: str, value: str
    ) -> None:
        refused = api.get(f"{IMAGES}?{name}={value}")
        assert refused.status_code == 400
        assert [error["attr"] for error in refused.json()["errors"]] == [name]

    @pytest.mark.parametrize(
        "query",
        [
            "created_after=0001-01-01T00:00:00%2B14:00",
            "created_before=9999-12-31T23:59:59-23:59",
            "cursor=cD05OTk5LTEyLTMxVDIzOjU5OjU5LTIzOjU5",
            "cursor=nonsense",
            "search=%00",
            "page_size=99999999999999999999",
        ],
    )
    def test_odd_queries(self, api: APIClient, image: Image, query: str) -> None:
        assert api.get(f"{IMAGES}?{query}").status_code in {200, 400, 404}

    def test_detail(self, api: APIClient, image: Image) -> None:
        body = api.get(f"{IMAGES}{image.pk}/").json()
        assert (body["width"], body["height"]) == (120, 90)
        cutout = body["cutout"]
        assert cutout["status"] == "done"
        assert cutout["bbox"] == image.current_cutout.bbox  # type: ignore[union-attr]
        for name in ("matte_url", "edges_url", "rendition_url", "preview_url"):
            if cutout[name]:
                assert api.get(cutout[name]).status_code == 200
        assert api.get(body["thumbnail_url"])["Content-Type"] == "image/webp"

    def test_engines_that_have_left_the_catalog(self, api: APIClient, image: Image) -> None:
        Cutout.objects.update(
            engine="old", extract_spec="engine=old&refine_edges=on", refinement="refined"
        )
        assert api.get(f"{IMAGES}{image.pk}/").json()["cutout"]["engine"] == "old"
        assert api.get(IMAGES).json()["results"][0]["cutout"]["refine_edges"] == "on"
        assert api.get(IMAGES).json()["results"][0]["cutout"]["refinement"] == "refined"

    def test_original_as_sent(self, api: APIClient, image: Image) -> None:
        response = api.get(f"{IMAGES}{image.pk}/original/")
        assert b"".join(response.streaming_content) == picture_bytes()  # type: ignore[attr-defined]
        assert response["Content-Disposition"] == 'attachment; filename="disc.png"'
        assert response["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in response["Content-Security-Policy"]
        assert "private" in response["Cache-Control"]


class TestWrite:
    def test_patch(self, api: APIClient, image: Image) -> None:
        body = api.patch(
            f"{IMAGES}{image.pk}/", {"title": "New", "favourite": True, "width": 1}
        ).json()
        assert (body["title"], body["favourite"], body["width"]) == ("New", True, 120)
        assert api.put(f"{IMAGES}{image.pk}/", {"title": "x"}).status_code == 405

    def test_delete_restore_purge(self, api: APIClient, image: Image) -> None:
        address = f"{IMAGES}{image.pk}/"
        assert api.delete(address).status_code == 204
        assert api.get(IMAGES).json()["results"] == []
        assert api.get(address).json()["deleted_at"]
        assert api.post(f"{address}restore/").json()["deleted_at"] is None
        assert api.delete(f"{address}?purge=1").status_code == 204
        assert api.get(address).status_code == 404

    def test_run_again(self, api: APIClient, image: Image) -> None:
        response = api.post(f"{IMAGES}{image.pk}/cutouts/", {"engine": "drawn"})
        assert response.status_code == 202
        assert response.json()["status"] == "queued"
        assert image.cutouts.count() == 2
        assert only_error(api.post(f"{IMAGES}{image.pk}/cutouts/"))["code"] == "pending"
        refused = api.post(f"{IMAGES}{image.pk}/cutouts/", {"refine_edges": "loud"})
        assert only_error(refused)["attr"] == "refine_edges"

    @pytest.mark.parametrize("how", ["on", "auto"])
    def test_run_again_with_refined_edges(self, api: APIClient, image: Image, how: str) -> None:
        wanted = {"engine": "drawn", "refine_edges": how}
        again = api.post(f"{IMAGES}{image.pk}/cutouts/", wanted).json()
        assert (again["refine_edges"], again["refinement"]) == (how, "")
        run_next_cutout()
        assert api.get(f"/api/v1/cutouts/{again['id']}/").json()["refinement"] == "refined"
        version, first = api.get(f"{IMAGES}{image.pk}/cutouts/").json()["results"]
        assert version["timings"]["refine"] > 0
        assert (first["refinement"], "refine" in first["timings"]) == ("", False)

    @pytest.mark.parametrize("count", [1, 3])
    def test_versions(
        self,
        api: APIClient,
        image: Image,
        stranger: User,
        count: int,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        for _ in range(count - 1):
            api.post(f"{IMAGES}{image.pk}/cutouts/", {"engine": "drawn"})
            run_next_cutout()
        submit(stranger)
        ApiToken.objects.get().touch()
        with django_assert_num_queries(4):  # the token, the picture, its tags, its cutouts
            results = api.get(f"{IMAGES}{image.pk}/cutouts/").json()["results"]
        newest_first = image.cutouts.order_by("-created_at").values_list("pk", flat=True)
        assert [version["id"] for version in results] == [str(pk) for pk in newest_first]
        assert len(results) == count
        page = api.get(f"{IMAGES}{image.pk}/cutouts/?page_size=1").json()
        assert [version["id"] for version in page["results"]] == [str(newest_first[0])]

    def test_retry(self, api: APIClient, image: Image, cutout: Cutout) -> None:
        address = f"/api/v1/cutouts/{cutout.pk}/retry/"
        assert only_error(api.post(address))["code"] == "not_failed"
        Cutout.objects.update(status=Status.FAILED)
        assert api.post(address).json()["status"] == "queued"


class TestRendition:
    def fetch(self, api: APIClient, cutout: Cutout, query: str = "") -> Any:
        return api.get(f"/api/v1/cutouts/{cutout.pk}/rendition/?{query}")

    @pytest.mark.parametrize("name", ["png", "webp", "jpeg", "avif"])
    def test_formats(self, api: APIClient, cutout: Cutout, name: str) -> None:
        response = self.fetch(api, cutout, f"format={name}&background=%23ff8800")
        assert response["Content-Type"] == f"image/{name}"
        picture = Pixels.open(BytesIO(b"".join(response.streaming_content)))
        assert picture.size == (120, 90)
        assert picture.convert("RGB").getpixel((2, 2)) == pytest.approx((255, 136, 0), abs=12)

    def test_download_name(self, api: APIClient, cutout: Cutout) -> None:
        Image.objects.update(original_name='né "x".jpeg')
        response = self.fetch(api, cutout, "format=webp&download=1")
        disposition = response["Content-Disposition"]
        assert disposition.startswith("attachment;")
        assert "\n" not in disposition
        assert ".webp" in disposition

    def test_unchanged(self, api: APIClient, cutout: Cutout) -> None:
        etag = self.fetch(api, cutout)["ETag"]
        again = api.get(f"/api/v1/cutouts/{cutout.pk}/rendition/", headers={"If-None-Match": etag})
        assert again.status_code == 304

    @pytest.mark.parametrize(
        ("query", "parameter"),
        [
            ("format=tiff", "format"),
            ("background=greenish", "background"),
            ("width=-1", "width"),
            ("quality=101", "quality"),
            ("shadow=long", "shadow"),
            ("colour=red", "colour"),
        ],
    )
    def test_wrong_parameters_are_named(
        self, api: APIClient, cutout: Cutout, query: str, parameter: str
    ) -> None:
        response = self.fetch(api, cutout, query)
        assert response.status_code == 400
        assert only_error(response)["attr"] == parameter

    def test_not_done(self, api: APIClient, queued_image: Image) -> None:
        response = self.fetch(api, queued_image.cutouts.get())
        assert response.status_code == 409
        assert only_error(response)["code"] == "not_ready"

    def test_busy(self, api: APIClient, cutout: Cutout, settings: Settings) -> None:
        settings.RENDER_SLOTS = 0
        settings.RENDER_WAIT_SECONDS = 0
        response = self.fetch(api, cutout)
        assert response.status_code == 503
        assert int(response["Retry-After"]) > 0
        assert only_error(response)["code"] == "busy"

    def test_lost_file(self, api: APIClient, cutout: Cutout) -> None:
        Path(cutout.image.original.path).unlink()
        assert self.fetch(api, cutout).status_code == 404
        assert api.get(f"{IMAGES}{cutout.image_id}/original/").status_code == 404


class TestAccess:
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Authorization": "Token nonsense"},
            {"Authorization": "Bearer"},
            {"X-Api-Key": "cc_unknown"},
        ],
    )
    def test_nobody(self, headers: dict[str, str]) -> None:
        response = APIClient().get(IMAGES, headers=headers)
        assert response.status_code == 401
        assert only_error(response)

    def test_schemes(self, owner: User) -> None:
        _token, key = ApiToken.objects.issue(user=owner, name="t")
        for headers in (
            {"Authorization": f"Token {key}"},
            {"Authorization": f"bearer {key}"},
            {"X-Api-Key": key},
        ):
            assert APIClient().get(IMAGES, headers=headers).status_code == 200

    def test_revoked_expired_switched_off(self, owner: User) -> None:
        token, key = ApiToken.objects.issue(user=owner, name="t")
        headers = {"X-Api-Key": key}
        assert APIClient().get(IMAGES, headers=headers).status_code == 200
        type(owner).objects.filter(pk=owner.pk).update(is_active=False)
        assert APIClient().get(IMAGES, headers=headers).status_code == 401
        type(owner).objects.filter(pk=owner.pk).update(is_active=True)
        token.revoke()
        assert APIClient().get(IMAGES, headers=headers).status_code == 401

    def test_the_browser_session_needs_the_csrf_token(self, owner: User) -> None:
        client = APIClient(enforce_csrf_checks=True)
        client.force_login(owner)
        assert client.get(IMAGES).status_code == 200
        response = client.post(IMAGES, {"file": picture_file()}, format="multipart")
        assert response.status_code == 403

    def test_throttled(self, owner: User, settings: Settings) -> None:
        key = ApiToken.objects.issue(user=owner, name="t")[1]
        rates = UserThrottle.THROTTLE_RATES
        before = rates["user"]
        rates["user"] = "2/min"
        try:
            codes = [APIClient().get(IMAGES, headers={"X-Api-Key": key}) for _ in range(3)]
        finally:
            rates["user"] = before
        assert [response.status_code for response in codes] == [200, 200, 429]
        assert int(codes[-1]["Retry-After"]) > 0

    def test_nobody_is_throttled_by_address(self, client: Any) -> None:
        rates = AnonymousThrottle.THROTTLE_RATES
        before = rates["anonymous"]
        rates["anonymous"] = "1/min"
        try:
            codes = [client.get("/api/schema/").status_code for _ in range(2)]
            forged = client.get("/api/schema/", headers={"X-Forwarded-For": "10.1.1.1"})
        finally:
            rates["anonymous"] = before
        assert codes == [200, 429]
        assert forged.status_code == 429

    def test_unknown_addresses_answer_in_the_same_shape(self, client: Any) -> None:
        response = client.get("/api/v1/nothing/")
        assert response.status_code == 404
        assert only_error(response)["code"] == "not_found"


class TestAbout:
    def test_engines(self, api: APIClient, settings: Settings) -> None:
        settings.DEFAULT_ENGINE = "u2net"
        engines = api.get("/api/v1/engines/").json()
        assert [engine["name"] for engine in engines if engine["default"]] == ["u2net"]
        assert "drawn" not in [engine["name"] for engine in engines]

    def test_account(self, api: APIClient, image: Image) -> None:
        body = api.get("/api/v1/account/").json()
        assert body["email"] == "owner@example.com"
        assert body["usage"]["images"] == 1
        assert body["limits"]["max_pixels"] == 50_000_000

    def test_keys_make_no_keys(self, api: APIClient) -> None:
        response = api.post("/api/v1/tokens/", {"name": "forever"})
        assert response.status_code == 403
        assert only_error(response)
        assert ApiToken.objects.count() == 1

    def test_tokens(self, owner: User) -> None:
        api = APIClient()
        api.post("/accounts/login/", {"login": owner.email, "password": PASSWORD}, "multipart")
        made = api.post("/api/v1/tokens/", {"name": "CI"}).json()
        assert made["key"].startswith(made["prefix"])
        assert APIClient().get(IMAGES, headers={"X-Api-Key": made["key"]}).status_code == 200
        listed = api.get("/api/v1/tokens/").json()["results"]
        assert {token["key"] for token in listed} == {None}
        assert made["key"] not in str(ApiToken.objects.values())
        other = UserFactory.create()
        foreign = ApiToken.objects.issue(user=other, name="x")[0]
        assert api.delete(f"/api/v1/tokens/{foreign.pk}/").status_code == 404
        assert api.delete(f"/api/v1/tokens/{made['id']}/").status_code == 204
        assert APIClient().get(IMAGES, headers={"X-Api-Key": made["key"]}).status_code == 401

    def test_schema_and_docs(self, client: Any) -> None:
        schema = client.get("/api/schema/?format=json").json()
        assert {"/api/v1/images/", "/api/v1/cutouts/{id}/rendition/"} <= schema["paths"].keys()
        page = client.get("/api/docs/")
        assert page.status_code == 200
        text = page.content.decode()
        assert "//cdn" not in text
        assert "<script>" not in text


class TestRegion:
    def test_only_what_lies_inside_is_found(self, api: APIClient) -> None:
        answer = api.post(
            "/api/v1/images/",
            {"file": picture_file(), "roi": "0% 0% 50% 100%"},
            format="multipart",
        )
        assert answer.status_code == 201
        run_next_cutout()
        cutout = Cutout.objects.get()
        assert cutout.status == "done"
        assert cutout.bbox is not None
        assert cutout.bbox[2] <= 60

    @pytest.mark.parametrize("roi", ["0 0 999px 10px", "5px 5px 5px 9px", "1 2 3", "x"])
    def test_that_does_not_fit_is_refused(self, api: APIClient, roi: str) -> None:
        answer = api.post(
            "/api/v1/images/", {"file": picture_file(), "roi": roi}, format="multipart"
        )
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["attr"] == "roi"
        assert not Image.objects.exists()

"""POST /v1.0/removebg as programs written for remove.bg use it."""

import base64
import io
import json
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Pixels
from pytest_django import Settings

from accounts.models import ApiToken, User
from images.compat import views
from images.compat.removebg.throttles import RemoveBgThrottle
from images.models import Cutout, Image
from images.services.retention import purge_passed
from images.services.uploads import submit_image
from images.services.usage import usage_of
from images.tasks import run_next_cutout
from tests.factories import picture_bytes, submit

pytestmark = pytest.mark.django_db
ADDRESS = "/v1.0/removebg"


def file(content: bytes, name: str = "dog.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, "application/octet-stream")


def opened(response: Any) -> Pixels.Image:
    assert response.status_code == 200, response.content[:300]
    return Pixels.open(io.BytesIO(response.content))


def error(response: Any) -> tuple[int, str]:
    (only,) = response.json()["errors"]
    assert only["title"]
    return response.status_code, only["code"]


def detail(response: Any) -> str:
    return str(response.json()["errors"][0]["detail"])


class TestAnswers:
    def test_a_file(self, program: Client, sent: bytes) -> None:
        response = program.post(ADDRESS, {"image_file": file(sent), "size": "auto"})
        picture = opened(response)
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGBA", (400, 300))
        assert response["Content-Type"] == "image/png"
        assert picture.getpixel((0, 0)) == (0, 0, 0, 0)

    def test_headers(self, program: Client, sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(RemoveBgThrottle, "THROTTLE_RATES", {"upload": "9/min"})
        response = program.post(ADDRESS, {"image_file": file(sent)})
        assert (response["X-Width"], response["X-Height"]) == ("400", "300")
        assert (response["X-Max-Width"], response["X-Max-Height"]) == ("400", "300")
        assert response["X-Type"] == "other"
        assert response["X-Credits-Charged"] == "0"
        box = [int(response[f"X-Foreground-{side}"]) for side in ("Left", "Top", "Width", "Height")]
        assert box == pytest.approx([100, 50, 200, 200], abs=4)
        assert (response["X-RateLimit-Limit"], response["X-RateLimit-Remaining"]) == ("9", "8")
        assert int(response["X-RateLimit-Reset"]) > 1_700_000_000
        assert response["Access-Control-Allow-Origin"] == "*"

    @pytest.mark.parametrize("data_prefix", ["", "data:image/png;base64,"])
    @pytest.mark.parametrize("kind", ["multipart", "urlencoded", "json"])
    def test_base64_in_every_kind_of_form(
        self, kind: str, data_prefix: str, program: Client, sent: bytes
    ) -> None:
        form = {"image_file_b64": data_prefix + base64.b64encode(sent).decode(), "size": "auto"}
        if kind == "multipart":
            response = program.post(ADDRESS, form)
        elif kind == "json":
            response = program.post(ADDRESS, json.dumps(form), content_type="application/json")
        else:
            response = program.post(
                ADDRESS, urlencode(form), content_type="application/x-www-form-urlencoded"
            )
        assert opened(response).size == (400, 300)

    def test_large_text(self, program: Client, owner: User) -> None:
        """More than Django keeps of all text of a form."""
        noise = np.random.default_rng(1).integers(0, 256, (1500, 1500, 3), np.uint8)
        noise[300:1200, 300:1200] = (255, 0, 0)
        buffer = io.BytesIO()
        Pixels.fromarray(noise).save(buffer, "PNG", compress_level=0)
        submit_image(owner=owner, file=file(buffer.getvalue()))
        run_next_cutout()
        form = {"image_file_b64": base64.b64encode(buffer.getvalue()).decode()}
        response = program.post(ADDRESS, json.dumps(form), content_type="application/json")
        assert response.status_code in (200, 400)
        if response.status_code == 400:
            assert error(response)[1] == "unknown_foreground"

    @pytest.mark.parametrize(
        ("accept", "is_json"),
        [
            ("application/json", True),
            ("application/json, text/plain, */*", False),
            ("*/*", False),
            ("image/png", False),
            ("", False),
        ],
    )
    def test_json_only_when_nothing_else_is_accepted(
        self, accept: str, is_json: bool, program: Client, sent: bytes
    ) -> None:
        response = program.post(ADDRESS, {"image_file": file(sent)}, headers={"Accept": accept})
        assert (response["Content-Type"] == "application/json") == is_json
        if is_json:
            data = response.json()["data"]
            assert set(data) == {
                *("result_b64", "foreground_top", "foreground_left"),
                *("foreground_width", "foreground_height"),
            }
            picture = Pixels.open(io.BytesIO(base64.b64decode(data["result_b64"])))
            assert picture.size == (400, 300)

    @pytest.mark.parametrize(
        ("form", "format_name", "mode", "size"),
        [
            ({}, "PNG", "RGBA", (400, 300)),
            ({"bg_color": "red"}, "JPEG", "RGB", (400, 300)),
            ({"bg_color": "81d4fa77"}, "PNG", "RGBA", (400, 300)),
            ({"bg_color": "fff", "format": "png"}, "PNG", "RGB", (400, 300)),
            ({"format": "jpg"}, "JPEG", "RGB", (400, 300)),
            ({"format": "webp"}, "WEBP", "RGBA", (400, 300)),
            ({"channels": "alpha"}, "PNG", "L", (400, 300)),
            ({"scale": "50%"}, "PNG", "RGBA", (400, 300)),
            ({"position": "0% 100%"}, "PNG", "RGBA", (400, 300)),
            (
                {"add_shadow": "true", "shadow_type": "3D", "type": "product"},
                "PNG",
                "RGBA",
                (400, 300),
            ),
            ({"type": "car", "add_shadow": "1", "shadow_opacity": "80"}, "PNG", "RGBA", (400, 300)),
            ({"semitransparency": "false", "type_level": "latest"}, "PNG", "RGBA", (400, 300)),
            ({"roi": "0 0 400px 300px"}, "PNG", "RGBA", (400, 300)),
        ],
    )
    def test_parameters(
        self,
        form: dict[str, str],
        format_name: str,
        mode: str,
        size: tuple[int, int],
        program: Client,
        sent: bytes,
    ) -> None:
        roi = form.get("roi")
        if roi:  # other parameters of extraction are other work
            Cutout.objects.update(extract_spec="engine=drawn&roi=0px%2C0px%2C400px%2C300px")
            Cutout.objects.update(extract_spec="engine=drawn&roi=0px,0px,400px,300px")
        picture = opened(program.post(ADDRESS, {"image_file": file(sent), "size": "full", **form}))
        assert (picture.format, picture.mode, picture.size) == (format_name, mode, size)

    def test_crop(self, program: Client, sent: bytes) -> None:
        form = {"crop": "true", "crop_margin": "10px 0", "bg_color": "ffffff"}
        response = program.post(ADDRESS, {"image_file": file(sent), **form})
        width, height = opened(response).size
        assert (width, height) == pytest.approx((200, 220), abs=4)
        assert response["X-Foreground-Top"] == "10"
        assert response["X-Foreground-Left"] == "0"

    def test_zip(self, program: Client, sent: bytes) -> None:
        response = program.post(ADDRESS, {"image_file": file(sent), "format": "zip"})
        assert response["Content-Type"] == "application/zip"
        archive = zipfile.ZipFile(io.BytesIO(response.content))
        assert sorted(archive.namelist()) == ["alpha.png", "color.jpg"]
        alpha = Pixels.open(archive.open("alpha.png"))
        colour = Pixels.open(archive.open("color.jpg"))
        assert (alpha.mode, alpha.size) == ("L", (400, 300))
        assert (colour.format, colour.mode, colour.size) == ("JPEG", "RGB", (400, 300))
        red, green, blue = np.asarray(colour)[0, 0]  # beyond the subject: its colours go on
        assert red > 150
        assert max(green, blue) < 100

    @pytest.mark.parametrize(
        ("size", "pixels"),
        [
            ("preview", 250_000),
            ("small", 250_000),
            ("medium", 1_500_000),
            ("hd", 4_000_000),
            ("", 250_000),
        ],
    )
    def test_sizes(self, size: str, pixels: int, program: Client, owner: User) -> None:
        content = picture_bytes(size=(3000, 2000))
        submit_image(owner=owner, file=file(content))
        run_next_cutout()
        width, height = opened(
            program.post(ADDRESS, {"image_file": file(content), "size": size})
        ).size
        assert pixels * 0.98 < width * height <= pixels

    def test_a_picture_behind(self, program: Client, sent: bytes) -> None:
        blue = io.BytesIO()
        Pixels.new("RGB", (50, 50), (0, 0, 255)).save(blue, "PNG")
        response = program.post(
            ADDRESS, {"image_file": file(sent), "bg_image_file": file(blue.getvalue())}
        )
        picture = opened(response)
        assert picture.format == "JPEG"
        assert np.asarray(picture)[0, 0] == pytest.approx((0, 0, 254), abs=4)

    def test_blank_fields_are_defaults(self, program: Client, sent: bytes) -> None:
        blank = dict.fromkeys(
            ("size", "type", "format", "roi", "crop", "crop_margin", "scale", "position"), ""
        )
        assert opened(program.post(ADDRESS, {"image_file": file(sent), **blank})).mode == "RGBA"

    def test_a_slash_at_the_end(self, program: Client, sent: bytes) -> None:
        assert program.post(f"{ADDRESS}/", {"image_file": file(sent)}).status_code == 200

    def test_other_origins_may_ask(self) -> None:
        response = Client().options(ADDRESS, headers={"Origin": "https://shop.example"})
        assert response.status_code == 204
        assert response["Access-Control-Allow-Origin"] == "*"
        assert "X-Api-Key" in response["Access-Control-Allow-Headers"]


class TestRefusals:
    def test_keys(self, sent: bytes) -> None:
        response = Client().post(ADDRESS, {"image_file": file(sent)})
        assert response.status_code == 403
        assert response.json()["errors"][0]["title"] == "Missing API Key"
        wrong = Client(headers={"X-Api-Key": "nonsense"})
        response = wrong.post(ADDRESS, {"image_file": file(sent)})
        assert error(response) == (403, "auth_failed")
        assert response.json()["errors"][0]["title"] == "API Key invalid"

    def test_no_source(self, program: Client) -> None:
        assert error(program.post(ADDRESS, {})) == (400, "missing_source")
        assert error(program.post(ADDRESS)) == (400, "missing_source")
        empty = program.post(ADDRESS, {"image_file": file(b"")})
        assert error(empty) == (400, "missing_source")
        assert detail(empty) == "The file in image_file is empty."

    def test_a_page_in_which_no_file_was_chosen(self, program: Client) -> None:
        part = b'Content-Disposition: form-data; name="image_file"; filename=""'
        body = b"--x\r\n" + part + b"\r\n\r\n\r\n--x--\r\n"
        response = program.post(ADDRESS, body, content_type="multipart/form-data; boundary=x")
        assert error(response) == (400, "missing_source")
        assert detail(response).startswith("Please provide the source image")

    def test_two_sources(self, program: Client, sent: bytes) -> None:
        form = {"image_file": file(sent), "image_url": "https://example.com/a.png"}
        assert error(program.post(ADDRESS, form)) == (400, "multiple_sources")

    def test_two_backgrounds(self, program: Client, sent: bytes) -> None:
        form = {"image_file": file(sent), "bg_color": "red", "bg_image_url": "https://a.example/"}
        assert error(program.post(ADDRESS, form)) == (400, "multiple_bg_sources")

    @pytest.mark.parametrize(
        ("name", "value", "code"),
        [
            ("bg_color", "nocolour", "invalid_bg_color"),
            ("bg_color", "blur", "invalid_bg_color"),
            ("channels", "rgb", "invalid_channels"),
            ("crop_margin", "60%", "invalid_crop_margin"),
            ("crop_margin", "1 2 3", "invalid_crop_margin"),
            ("format", "gif", "invalid_format"),
            ("position", "left", "invalid_position"),
            ("roi", "1 2 3", "invalid_roi"),
            ("roi", "0 0 9999px 1px", "roi_exceeds_bounds"),
            ("roi", "0% 0% 110% 1%", "roi_exceeds_bounds"),
            ("roi", "50% 0% 50% 10%", "roi_region_empty"),
            ("scale", "5%", "invalid_scale"),
            ("scale", "50", "invalid_scale"),
            ("semitransparency", "maybe", "invalid_semitransparency"),
            ("size", "huge", "invalid_size"),
            ("image_url", "ftp://x", "multiple_sources"),
        ],
    )
    def test_codes(self, name: str, value: str, code: str, program: Client, sent: bytes) -> None:
        form = {"image_file": file(sent), "crop": "1", name: value}
        assert error(program.post(ADDRESS, form)) == (400, code)

    @pytest.mark.parametrize(
        ("url", "code", "reason"),
        [
            ("http://127.0.0.1/a.png", "invalid_image_url", "the public internet"),
            ("http://169.254.169.254/latest/", "invalid_image_url", "the public internet"),
            ("https://8.8.8.8:9099/{0}", "invalid_image_url", "Port 9099 is not allowed."),
            ("file:///etc/passwd", "invalid_image_url", "must begin with https://"),
            ("nonsense", "invalid_image_url", "must begin with https://"),
            ("https://no-such-host.invalid/a.png", "failed_image_download", ""),
        ],
    )
    def test_addresses(self, url: str, code: str, reason: str, program: Client) -> None:
        response = program.post(ADDRESS, {"image_url": url})
        assert error(response) == (400, code)
        assert reason in detail(response)
        assert detail(response).endswith(".")

    def test_what_the_other_server_said(self, program: Client, settings: Settings) -> None:
        settings.IMPORT_NETWORKS = [ip_network("127.0.0.0/8")]
        with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
            Thread(target=server.serve_forever, daemon=True).start()
            settings.IMPORT_PORTS = [server.server_port]
            form = {"image_url": f"http://127.0.0.1:{server.server_port}/{{a}}.png"}
            response = program.post(ADDRESS, form)
            server.shutdown()
        assert error(response) == (400, "failed_image_download")
        assert detail(response) == "The other server answered with 501."

    def test_addresses_can_be_switched_off(self, program: Client, settings: Settings) -> None:
        settings.IMPORTS = False
        form = {"image_url": "https://example.com/a.png"}
        assert error(program.post(ADDRESS, form)) == (400, "invalid_image_url")

    def test_files_that_are_none(self, program: Client) -> None:
        response = program.post(ADDRESS, {"image_file": file(b"just text")})
        assert error(response) == (400, "invalid_file_type")
        response = program.post(ADDRESS, {"image_file_b64": "%%%"})
        assert error(response) == (400, "failed_to_read_image")

    def test_too_large(self, program: Client, settings: Settings) -> None:
        settings.MAX_UPLOAD_BYTES = 100
        response = program.post(ADDRESS, {"image_file": file(picture_bytes(size=(400, 300)))})
        assert error(response) == (400, "file_too_large")

    def test_too_many_pixels(self, program: Client, settings: Settings) -> None:
        settings.MAX_PIXELS = 1_000_000
        response = program.post(ADDRESS, {"image_file": file(picture_bytes(size=(2000, 1000)))})
        assert error(response) == (400, "resolution_too_high")
        assert response.json()["errors"][0]["detail"].startswith("Input image has 2 megapixels")

    def test_nothing_there(self, program: Client, owner: User) -> None:
        content = picture_bytes(size=(1, 1))
        submit_image(owner=owner, file=file(content))
        run_next_cutout()
        response = program.post(ADDRESS, {"image_file": file(content)})
        assert error(response) == (400, "unknown_foreground")

    def test_a_used_up_account(self, program: Client, owner: User, sent: bytes) -> None:
        User.objects.update(max_cutouts_per_month=1)
        assert program.post(ADDRESS, {"image_file": file(sent)}).status_code == 200
        other = picture_bytes(size=(90, 90))
        response = program.post(ADDRESS, {"image_file": file(other)})
        assert error(response) == (402, "insufficient_credits")
        assert program.get("/v1.0/account").json()["data"]["attributes"]["credits"]["total"] == 0

    def test_too_often(self, program: Client, sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(RemoveBgThrottle, "THROTTLE_RATES", {"upload": "1/min"})
        assert program.post(ADDRESS, {"image_file": file(sent)})["X-RateLimit-Remaining"] == "0"
        response = program.post(ADDRESS, {"image_file": file(sent)})
        assert error(response) == (429, "rate_limit_exceeded")
        assert 0 < int(response["Retry-After"]) <= 60

    @pytest.mark.parametrize(
        ("method", "address", "status", "code"),
        [
            ("get", ADDRESS, 405, "method_not_allowed"),
            ("put", ADDRESS, 405, "method_not_allowed"),
            ("post", "/v1.0/account", 405, "method_not_allowed"),
            ("get", "/v1.0/nothing", 404, "not_found"),
        ],
    )
    def test_the_frameworks_errors_have_the_shape_too(
        self, method: str, address: str, status: int, code: str, program: Client
    ) -> None:
        assert error(getattr(program, method)(address)) == (status, code)

    @pytest.mark.parametrize(
        ("body", "kind", "status", "code"),
        [
            (b"{", "application/json", 400, "bad_request"),
            (b"[]", "application/json", 400, "bad_request"),
            (b'{"image_url": ["a"]}', "application/json", 400, "bad_request"),
            (b"[" * 100_000, "application/json", 400, "bad_request"),
            (b"x", "text/plain", 415, "unsupported_media_type"),
            (b"x", "multipart/form-data", 400, "bad_request"),
            (b"nonsense", "multipart/form-data; boundary=x", 400, "bad_request"),
        ],
    )
    def test_malformed_bodies(
        self, body: bytes, kind: str, status: int, code: str, program: Client
    ) -> None:
        assert error(program.post(ADDRESS, body, content_type=kind)) == (status, code)

    @pytest.mark.parametrize(
        ("body", "sentence"),
        [(b"{", "The body is not JSON."), (b"[]", "The JSON is not an object.")],
    )
    def test_what_is_malformed(self, body: bytes, sentence: str, program: Client) -> None:
        response = program.post(ADDRESS, body, content_type="application/json")
        assert detail(response) == sentence


class TestRepeats:
    def test_the_same_picture_is_one_cutout(
        self, program: Client, sent: bytes, owner: User
    ) -> None:
        for color in ("red", "blue"):
            response = program.post(ADDRESS, {"image_file": file(sent), "bg_color": color})
            assert response["X-Credits-Charged"] == "0"
        assert Cutout.objects.count() == usage_of(owner).cutouts_this_month == 1

    def test_under_way_is_waited_for_and_then_told(
        self, program: Client, owner: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(views, "ANSWER_SECONDS", 0.2)
        content = picture_bytes(size=(70, 50))
        first = program.post(ADDRESS, {"image_file": file(content)})
        assert error(first) == (503, "still_processing")
        assert first["Retry-After"] == "2"
        run_next_cutout()
        assert opened(program.post(ADDRESS, {"image_file": file(content)})).size == (70, 50)
        assert Cutout.objects.count() == 1

    def test_other_people_share_nothing(
        self, sent: bytes, stranger: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(views, "ANSWER_SECONDS", 0.1)
        key = ApiToken.objects.issue(user=stranger, name="x")[1]
        Client(headers={"X-Api-Key": key}).post(ADDRESS, {"image_file": file(sent)})
        assert Cutout.objects.count() == 2

    def test_history(self, program: Client, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(views, "ANSWER_SECONDS", 0.1)
        program.post(ADDRESS, {"image_file": file(picture_bytes(size=(41, 40)), "my dog.png")})
        assert Image.objects.kept().count() == 1
        User.objects.update(keep_api_results=False)
        program.post(ADDRESS, {"image_file": file(picture_bytes(size=(42, 40)))})
        assert Image.objects.count() == 2
        assert Image.objects.kept().count() == 1
        Image.objects.exclude(expires_at=None).update(expires_at="2020-01-01T00:00Z")
        assert purge_passed() == 0  # somebody may be waiting for it
        run_next_cutout()
        run_next_cutout()
        assert purge_passed() == 1


class TestAccount:
    def test_shape(self, program: Client) -> None:
        """One more key breaks a client that is in use."""
        response = program.get("/v1.0/account")
        assert response.json() == {
            "data": {
                "attributes": {
                    "credits": {
                        "total": 1_000_000,
                        "subscription": 1_000_000,
                        "payg": 0,
                        "enterprise": 0,
                    },
                    "api": {"free_calls": 1_000_000, "sizes": "all"},
                }
            }
        }

    def test_what_is_left(self, program: Client, owner: User) -> None:
        User.objects.update(max_cutouts_per_month=5)
        submit(owner)
        attributes = program.get("/v1.0/account").json()["data"]["attributes"]
        assert attributes["credits"]["total"] == 4


NAMES = [
    *("size", "type", "type_level", "format", "roi", "crop", "crop_margin", "scale", "position"),
    *(
        "channels",
        "add_shadow",
        "shadow_type",
        "shadow_opacity",
        "shadow_type[car]",
        "semitransparency",
    ),
    *("bg_color", "bg_image_url", "bg_image_file"),
    *("image_url", "image_file_b64", "nonsense"),
]
VALUES = st.text(max_size=30) | st.sampled_from(
    [
        *(
            "auto",
            "true",
            "0",
            "10%",
            "10px 20%",
            "100%",
            "full",
            "50MP",
            "zip",
            "jpg",
            "car",
            "3D",
        ),
        *(
            "0 0 10px 10px",
            "90% 90% 10% 10%",
            "http://127.0.0.1/",
            "red",
            "#12345678",
            "\x00",
            "\u0131",
        ),
    ]
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(form=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6))
def test_whatever_is_sent(form: dict[str, str], program: Client, sent: bytes) -> None:
    """200, or an error in the shape with a status below 500."""
    if "roi" in form:
        form.pop("roi")  # is other work, which nobody does here
    response = program.post(ADDRESS, {"image_file": file(sent), **form})
    assert response.status_code in (200, 400, 429), response.content[:300]
    if response.status_code != 200:
        assert error(response)[1]


def test_an_installation_without_people(db: None) -> None:
    """Programs are told, not sent to the page of the first run."""
    for address in (ADDRESS, "/v1.0/account", "/remove-bg", "/api/remove"):
        assert Client().post(address).status_code in (401, 403, 405)


@pytest.mark.parametrize("unit", [b"{},", b"[],", b'{"":0},', b"0,"])
def test_large_json_is_refused_before_it_is_read(unit: bytes, program: Client) -> None:
    body = b'{"image_url": [' + unit * 500_000 + b"0]}"
    response = program.post(ADDRESS, body, content_type="application/json")
    assert error(response) == (400, "bad_request")


def test_an_opacity_of_many_digits(program: Client, sent: bytes) -> None:
    form = {"image_file": file(sent), "shadow_opacity": "9" * 5000}
    assert error(program.post(ADDRESS, form)) == (400, "invalid_shadow_opacity")


def test_sessions_are_no_keys(owner_client: Client, sent: bytes) -> None:
    """A link on any page could make a visitor's browser work here."""
    assert owner_client.get("/api/remove?url=https://example.com/a.png").status_code == 401
    assert error(owner_client.post(ADDRESS, {"image_file": file(sent)})) == (403, "missing_key")

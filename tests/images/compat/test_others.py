"""/api/remove as `rembg s` has it, /remove-bg, and the public addresses that it answers."""

import io
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image as Pixels
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from images.api.throttles import CompatThrottle
from images.compat import views
from images.models import Cutout, Image, ShareLink
from images.services.sharing import forget_old_links
from images.tasks import run_next_cutout
from tests.factories import picture_bytes

pytestmark = pytest.mark.django_db


def file(content: bytes, name: str = "dog.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def opened(response: Any) -> Pixels.Image:
    assert response.status_code == 200, response.content[:300]
    content = b"".join(response) if response.streaming else response.content
    return Pixels.open(io.BytesIO(content))


class TestRembg:
    def test_a_file(self, program: Client, sent: bytes) -> None:
        response = program.post("/api/remove", {"file": file(sent), "model": "drawn"})
        picture = opened(response)
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGBA", (400, 300))

    def test_the_matte_alone(self, program: Client, sent: bytes) -> None:
        assert opened(program.post("/api/remove", {"file": file(sent), "om": "true"})).mode == "L"

    def test_a_background_comes_with_the_address(self, program: Client, sent: bytes) -> None:
        response = program.post("/api/remove?bgc=10,20,30,255", {"file": file(sent)})
        assert opened(response).convert("RGB").getpixel((0, 0)) == (10, 20, 30)

    @pytest.mark.parametrize("bgc", ["1,2", "300,0,0,0", "a,b,c,d", "-1,0,0,0"])
    def test_backgrounds_that_are_none(self, bgc: str, program: Client, sent: bytes) -> None:
        response = program.post(f"/api/remove?bgc={bgc}", {"file": file(sent)})
        assert (response.status_code, "bgc" in response.json()["detail"]) == (400, True)

    def test_other_options_change_nothing(self, program: Client, sent: bytes) -> None:
        options = {"a": "true", "af": "240", "ab": "10", "ae": "10", "ppm": "1", "dc": "1"}
        query = '?extras={"sam_prompt": [1]}'
        assert (
            program.post(f"/api/remove{query}", {"file": file(sent), **options}).status_code == 200
        )

    @pytest.mark.parametrize("model", ["../../etc/passwd", "u2net_custom", "nowhere"])
    def test_engines_come_from_the_catalog(self, model: str, program: Client, sent: bytes) -> None:
        response = program.post("/api/remove", {"file": file(sent), "model": model})
        assert response.status_code == 400
        assert "no engine" in response.json()["detail"]

    def test_what_is_missing(self, program: Client) -> None:
        assert program.post("/api/remove", {}).status_code == 422
        empty = program.post("/api/remove", {"file": file(b"")})
        assert (empty.status_code, empty.json()) == (400, {"detail": "The file is empty."})
        assert program.get("/api/remove").status_code == 422
        assert Client().get("/api/remove?url=https://example.com/").status_code == 401

    def test_addresses_are_guarded(self, program: Client) -> None:
        response = program.get("/api/remove?url=http://169.254.169.254/latest/meta-data")
        assert response.status_code == 400
        assert "public internet" in response.json()["detail"]

    def test_every_request_counts(self, program: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(CompatThrottle, "THROTTLE_RATES", {"upload": "2/min"})
        address = "/api/remove?url=http://127.0.0.1/"
        assert [program.get(address).status_code for _ in range(3)] == [400, 400, 429]

    def test_bad_files(self, program: Client) -> None:
        response = program.post("/api/remove", {"file": file(b"no picture")})
        assert response.status_code == 400
        assert "not a picture" in response.json()["detail"]


class TestSimple:
    def test_on_white_as_jpeg(self, program: Client, sent: bytes) -> None:
        response = program.post("/remove-bg", {"image": file(sent)})
        assert list(response.json()) == ["url"]
        address = urlsplit(response.json()["url"])
        assert address.path.endswith(".jpg")
        picture = opened(Client().get(address.path))
        assert (picture.format, picture.getpixel((0, 0))) == ("JPEG", (255, 255, 255))

    def test_other_outputs(self, program: Client, sent: bytes) -> None:
        form = {"file": file(sent), "format": "png", "max_side": "100"}
        address = urlsplit(program.post("/remove-bg", form).json()["url"]).path
        picture = opened(Client().get(address))
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGBA", (100, 75))

    @pytest.mark.parametrize("part", ["", '; filename=""', '; filename="a.png"'])
    def test_no_file(self, part: str, program: Client) -> None:
        body = f'--x\r\nContent-Disposition: form-data; name="image"{part}\r\n\r\n\r\n--x--\r\n'
        response = program.post("/remove-bg", body, content_type="multipart/form-data; boundary=x")
        assert (response.status_code, response.json()) == (400, {"error": "No image uploaded"})

    def test_meaningful_errors(self, program: Client, sent: bytes) -> None:
        response = program.post("/remove-bg", {"image": file(b"text")})
        assert (response.status_code, "not a picture" in response.json()["error"]) == (400, True)
        response = program.post("/remove-bg", {"image": file(sent), "format": "gif"})
        assert (response.status_code, "format" in response.json()["error"]) == (400, True)

    def test_a_key_is_needed(self, sent: bytes) -> None:
        response = Client().post("/remove-bg", {"image": file(sent)})
        assert response.status_code == 401
        assert response.json()["error"]

    def test_open_networks(self, owner: User, sent: bytes, settings: Settings) -> None:
        from ipaddress import ip_network

        settings.OPEN_NETWORKS = [ip_network("127.0.0.0/8")]
        settings.OPEN_NETWORKS_USER = owner.email
        assert Client().post("/remove-bg", {"image": file(sent)}).status_code == 200
        for address in ("8.8.8.8", "", "garbage", "127.0.0.1:55"):
            outside = Client(REMOTE_ADDR=address)
            assert outside.post("/remove-bg", {"image": file(sent)}).status_code == 401

    def test_a_passing_picture_stays_for_its_address(self, program: Client, sent: bytes) -> None:
        Image.objects.update(expires_at=timezone.now())
        assert program.post("/remove-bg", {"image": file(sent)}).status_code == 200
        assert Image.objects.get().expires_at is None

    def test_work_goes_on(
        self, program: Client, owner: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(views, "ANSWER_SECONDS", 0.1)
        content = picture_bytes(size=(60, 40))
        response = program.post("/remove-bg", {"image": file(content)})
        assert (response.status_code, response["Retry-After"]) == (503, "2")
        run_next_cutout()
        assert program.post("/remove-bg", {"image": file(content)}).status_code == 200
        assert Cutout.objects.count() == 1


class TestLinks:
    @pytest.fixture
    def link(self, api: APIClient, cutout: Cutout) -> dict[str, Any]:
        address = f"/api/v1/cutouts/{cutout.pk}/links/"
        response = api.post(address, {"expires_in": 3600, "format": "jpeg", "background": "red"})
        assert response.status_code == 201, response.content
        found: dict[str, Any] = response.json()
        return found

    def test_anybody_sees_it(self, link: dict[str, Any]) -> None:
        response = Client().get(urlsplit(link["url"]).path)
        picture = opened(response)
        assert picture.getpixel((0, 0)) == pytest.approx((254, 0, 0), abs=3)
        assert response["X-Robots-Tag"] == "noindex"
        assert response["Access-Control-Allow-Origin"] == "*"

    def test_the_secret_is_told_once(
        self, link: dict[str, Any], api: APIClient, cutout: Cutout
    ) -> None:
        secret = urlsplit(link["url"]).path.split("/")[-1].partition(".")[0]
        assert len(secret) >= 32
        listed = api.get(f"/api/v1/cutouts/{cutout.pk}/links/").json()
        assert [one["id"] for one in listed["results"]] == [link["id"]]
        assert secret not in str(listed)
        assert not ShareLink.objects.filter(token_hash__contains=secret).exists()

    def test_revoked(self, link: dict[str, Any], api: APIClient) -> None:
        address = f"/api/v1/links/{link['id']}/"
        assert api.delete(address).status_code == 204
        assert Client().get(urlsplit(link["url"]).path).status_code == 404
        assert api.delete(address).status_code == 404

    def test_expired(self, link: dict[str, Any]) -> None:
        ShareLink.objects.update(expires_at=timezone.now())
        assert Client().get(urlsplit(link["url"]).path).status_code == 404
        ShareLink.objects.update(expires_at="2020-01-01T00:00Z")
        assert forget_old_links() == 1

    def test_in_the_trash(self, link: dict[str, Any], cutout: Cutout) -> None:
        Image.objects.update(deleted_at=timezone.now())
        assert Client().get(urlsplit(link["url"]).path).status_code == 404

    def test_of_somebody_who_left(self, link: dict[str, Any]) -> None:
        User.objects.update(is_active=False)
        assert Client().get(urlsplit(link["url"]).path).status_code == 404

    def test_strangers_make_and_end_none(
        self, link: dict[str, Any], cutout: Cutout, stranger: User
    ) -> None:
        client = APIClient()
        client.force_authenticate(stranger)
        address = f"/api/v1/cutouts/{cutout.pk}/links/"
        assert client.post(address).status_code == 404
        assert client.get(address).status_code == 404
        assert client.delete(f"/api/v1/links/{link['id']}/").status_code == 404
        assert Client().get(urlsplit(link["url"]).path).status_code == 200

    @pytest.mark.parametrize("secret", ["x", "a" * 32, "..", "%00", "é"])
    def test_guesses(self, secret: str) -> None:
        assert Client().get(f"/s/{secret}.png").status_code == 404

    def test_wrong_parameters(self, api: APIClient, cutout: Cutout) -> None:
        address = f"/api/v1/cutouts/{cutout.pk}/links/"
        response = api.post(address, {"format": "gif"})
        assert (response.status_code, response.json()["errors"][0]["attr"]) == (400, "format")
        assert api.post(address, {"expires_in": -1}).status_code == 400


@pytest.mark.parametrize("path", ["/remove-bg", "/api/remove", "/v1.0/removebg", "/v1.0/improve"])
def test_asking_what_may_be_asked(api: APIClient, path: str) -> None:
    answer = api.options(path)
    assert answer.status_code == 204
    assert "POST" in answer["Allow"]

"""Files: who gets them, and with which headers."""

import errno
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.http import FileResponse
from django.test import Client
from django.urls import reverse
from PIL import Image as Pixels

from accounts.models import User
from images.models import Cutout, Image
from images.services.names import download_name
from images.web.files import spec_from_form
from tests.factories import submit


def body(response: Any) -> bytes:
    assert isinstance(response, FileResponse)
    return b"".join(response.streaming_content)  # type: ignore[arg-type]


def rendition(client: Client, cutout: Cutout, **params: str) -> Any:
    return client.get(reverse("web:rendition", args=[cutout.pk]), params)


def test_original_is_an_attachment_with_the_bytes_as_sent(
    owner_client: Client, image: Image
) -> None:
    response = owner_client.get(reverse("web:original", args=[image.pk]))
    with image.original.open() as file:
        assert body(response) == file.read()
    assert response.headers["Content-Disposition"] == 'attachment; filename="disc.png"'
    assert response.headers["Content-Type"] == "image/png"


@pytest.mark.parametrize("name", ["матрёшка.png", 'a"b.png', "naïve\r\nX-Evil: 1.png"])
def test_names_cannot_break_out_of_the_header(owner_client: Client, owner: User, name: str) -> None:
    image = submit(owner)
    Image.objects.filter(pk=image.pk).update(original_name=name)
    response = owner_client.get(reverse("web:original", args=[image.pk]))
    disposition = response.headers["Content-Disposition"]
    assert disposition.startswith("attachment; filename")
    assert "\n" not in disposition
    assert "X-Evil" not in response.headers


def test_headers_of_every_file(owner_client: Client, image: Image, cutout: Cutout) -> None:
    urls = [
        reverse("web:original", args=[image.pk]),
        reverse("web:preview", args=[image.pk]),
        reverse("web:matte", args=[cutout.pk]),
        reverse("web:rendition", args=[cutout.pk]),
    ]
    for url in urls:
        response = owner_client.get(url)
        assert response.status_code == 200, url
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert "private" in response.headers["Cache-Control"]
        assert int(response.headers["Content-Length"]) == len(body(response))
        again = owner_client.get(url, headers={"If-None-Match": response.headers["ETag"]})
        assert again.status_code == 304, url
        other = owner_client.get(url, headers={"If-None-Match": '"another"'})
        assert other.status_code == 200, url


def test_strangers_and_the_signed_out_get_no_files(
    stranger_client: Client, image: Image, cutout: Cutout
) -> None:
    for name, pk in [
        ("original", image.pk),
        ("preview", image.pk),
        ("matte", cutout.pk),
        ("rendition", cutout.pk),
    ]:
        url = reverse(f"web:{name}", args=[pk])
        assert stranger_client.get(url).status_code == 404
        assert Client().get(url).status_code == 302


def test_strangers_cannot_look_or_act(stranger_client: Client, image: Image) -> None:
    assert stranger_client.get(reverse("web:image", args=[image.pk])).status_code == 404
    for name in ("rerun", "rename", "delete", "restore", "purge"):
        url = reverse(f"web:{name}", args=[image.pk])
        assert stranger_client.post(url).status_code == 404, name
    image.refresh_from_db()
    assert image.deleted_at is None


@pytest.mark.parametrize("name", ["rerun", "rename", "delete", "restore", "purge"])
def test_acts_are_posts_with_a_token(owner: User, image: Image, name: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)
    url = reverse(f"web:{name}", args=[image.pk])
    assert strict.get(url).status_code == 405
    assert strict.post(url).status_code == 403


def test_missing_file_is_a_404(owner_client: Client, image: Image, cutout: Cutout) -> None:
    Path(image.original.path).unlink()
    Path(cutout.matte.path).unlink()
    assert owner_client.get(reverse("web:original", args=[image.pk])).status_code == 404
    assert owner_client.get(reverse("web:matte", args=[cutout.pk])).status_code == 404
    assert rendition(owner_client, cutout, background="red").status_code == 404


def test_white_jpeg(owner_client: Client, cutout: Cutout) -> None:
    response = rendition(owner_client, cutout, format="jpeg", background="white", download="1")
    assert response.status_code == 200, response.content
    assert response.headers["Content-Disposition"] == 'attachment; filename="disc.jpg"'
    picture = Pixels.open(BytesIO(body(response)))
    assert picture.format == "JPEG"
    assert min(picture.getpixel((1, 1))) > 250  # type: ignore[arg-type]


def test_transparent_png(owner_client: Client, cutout: Cutout) -> None:
    response = rendition(owner_client, cutout)
    assert response.headers["Content-Disposition"] == 'inline; filename="disc.png"'
    picture = Pixels.open(BytesIO(body(response)))
    assert (picture.mode, picture.size) == ("RGBA", (120, 90))
    assert picture.getpixel((1, 1)) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.JPEG", "a.png"),
        ("a.jpg", "a.png"),
        ("a.tiff", "a.png"),
        ("a.heif", "a.png"),
        ("a.heic", "a.png"),
        ("a.b.webp", "a.b.png"),
        ("png", "png.png"),
        ("a.pdf", "a.pdf.png"),
        ("a.xpng", "a.xpng.png"),
        (".jpg", "picture.png"),
    ],
)
def test_the_ending_of_a_picture_gives_way(name: str, expected: str) -> None:
    assert download_name(Image(original_name=name), "png") == expected


def test_title_names_the_download(owner_client: Client, cutout: Cutout) -> None:
    Image.objects.update(title="../Red disc v1.2")
    disposition = rendition(owner_client, cutout, download="1").headers["Content-Disposition"]
    assert disposition == 'attachment; filename="Red disc v1.2.png"'


def test_what_the_form_without_scripts_sends(owner: User) -> None:
    form = {"background": "custom", "colour": "#ff8800", "size": "512", "format": "webp"}
    spec = spec_from_form(form | {"quality": "90", "download": "1"}, owner=owner)
    assert str(spec) == "format=webp&background=ff8800&max_side=512&quality=90"
    plain = spec_from_form(
        {"background": "transparent", "colour": "#ff8800", "size": ""}, owner=owner
    )
    assert str(plain) == "format=png"


@pytest.mark.parametrize(
    "params",
    [
        {"format": "exe"},
        {"background": "nocolour"},
        {"width": "-1"},
        {"zoom": "2"},
        {"preset": "x"},
    ],
)
def test_wrong_parameters_are_explained(
    owner_client: Client, cutout: Cutout, params: dict[str, str]
) -> None:
    response = rendition(owner_client, cutout, **params)
    assert response.status_code == 400
    assert next(iter(params)) in response.content.decode()


def test_not_finished_is_a_conflict(owner_client: Client, queued_image: Image) -> None:
    cutout = queued_image.cutouts.get()
    assert rendition(owner_client, cutout).status_code == 409
    assert owner_client.get(reverse("web:matte", args=[cutout.pk])).status_code == 409


def test_no_room_is_told_with_a_time_to_come_back(
    owner_client: Client, cutout: Cutout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **kwargs: Any) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(FileSystemStorage, "save", full)
    response = rendition(owner_client, cutout, background="red")
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert "no room left" in response.content.decode()

"""The landing page and the workspace, as they work without scripts."""

import errno
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from images.models import Image, Status
from processing.sniff import FORMATS
from tests.factories import picture_bytes, picture_file, submit

WORKSPACE = reverse("web:workspace")


def test_landing_says_what_this_is(client: Client, db: None) -> None:
    page = client.get("/").content.decode()
    assert "Backgrounds gone" in page
    assert reverse("account_signup") in page
    assert "/api/v1/images/" in page


def test_landing_offers_no_account_where_sign_up_is_closed(
    client: Client, db: None, settings: Settings
) -> None:
    settings.SIGNUP = "closed"
    assert reverse("account_signup") not in client.get("/").content.decode()


def test_landing_leads_on_who_is_signed_in(owner_client: Client) -> None:
    assert owner_client.get("/").headers["Location"] == WORKSPACE


def test_signed_out_is_sent_to_sign_in(client: Client, db: None) -> None:
    assert client.get(WORKSPACE).headers["Location"].startswith(reverse("account_login"))


def test_several_files_become_pictures(owner_client: Client, owner: User) -> None:
    files = [picture_file("a.png"), picture_file("b.png")]
    response = owner_client.post(WORKSPACE, {"files": files}, follow=True)
    assert "2 pictures added." in response.content.decode()
    names = set(Image.objects.filter(owner=owner).values_list("original_name", flat=True))
    assert names == {"a.png", "b.png"}


def test_a_bad_file_is_told_and_the_others_go_on(owner_client: Client, owner: User) -> None:
    bad = SimpleUploadedFile("notes.txt", b"certainly not a picture" * 20, "image/png")
    page = owner_client.post(
        WORKSPACE, {"files": [picture_file("a.png"), bad]}, follow=True
    ).content.decode()
    assert "notes.txt: The file is not a picture" in page
    assert "1 picture added." in page
    assert Image.objects.get(owner=owner).original_name == "a.png"


def test_limits_and_formats_are_those_of_the_server(
    owner_client: Client, owner: User, settings: Settings
) -> None:
    settings.MAX_UPLOAD_BYTES = int(1.5 * 1024 * 1024)
    page = owner_client.get(WORKSPACE).content.decode()
    assert "JPEG, PNG, WebP, AVIF, HEIC, TIFF, GIF, BMP · up to 1.5 MB and" in page
    assert "at most 1.5 MB are allowed." in page
    too_large = SimpleUploadedFile("a.png", picture_bytes() + b"x" * settings.MAX_UPLOAD_BYTES)
    told = owner_client.post(WORKSPACE, {"files": [too_large]}, follow=True).content.decode()
    assert "a.png: The file has 1.5 MB; at most 1.5 MB are allowed." in told
    accept = page.partition('accept="')[2].partition('"')[0].split(",")
    assert page.partition('data-endings="')[2].partition('"')[0].split() == accept[1:]
    assert {f".{row.extension}" for row in FORMATS.values()} < set(accept)


def test_a_full_disk_is_told(owner_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(FileSystemStorage, "save", full)
    response = owner_client.post(WORKSPACE, {"files": [picture_file("a.png")]}, follow=True)
    assert "a.png: The server has no room left" in response.content.decode()


def test_no_file_at_all(owner_client: Client) -> None:
    page = owner_client.post(WORKSPACE, follow=True).content.decode()
    assert "Choose at least one picture first." in page


def test_page_without_scripts_reloads_while_work_is_under_way(
    owner_client: Client, queued_image: Image
) -> None:
    assert 'http-equiv="refresh"' in owner_client.get(WORKSPACE).content.decode()


def test_page_rests_when_all_is_done(owner_client: Client, image: Image) -> None:
    assert 'http-equiv="refresh"' not in owner_client.get(WORKSPACE).content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow_with_pictures(
    owner_client: Client,
    owner: User,
    count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(count):
        submit(owner, f"{number}.png")
    with django_assert_num_queries(4):  # session, person, pictures, places in the queue
        page = owner_client.get(WORKSPACE).content.decode()
    assert page.count(f'data-status="{Status.QUEUED}"') == count


def test_missing_weights_are_said_calmly(
    owner_client: Client, admin_client: Client, settings: Settings
) -> None:
    settings.DEFAULT_ENGINE = "u2net"
    settings.MODEL_DIR = settings.MEDIA_ROOT / "no-models"
    page = owner_client.get(WORKSPACE).content.decode()
    assert "Cutting out is paused" in page
    detail = "there is no file u2net.onnx"
    assert detail not in page
    assert detail in admin_client.get(WORKSPACE).content.decode()

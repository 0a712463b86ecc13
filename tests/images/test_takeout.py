"""Download my data."""

import json
import os
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from threading import Timer
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image as Pixels
from pytest_django import Settings

from accounts.models import ApiToken, User
from images.models import Batch, Cutout, Image, WebhookEndpoint
from images.services.backdrops import add_backdrop
from images.services.edits import submit_matte
from images.services.presets import create_preset
from images.services.renditions import get_rendition
from images.services.retention import drop_original
from images.services.sharing import share
from images.services.slots import hold
from images.services.tags import set_tags
from images.services.takeout import Takeout
from images.services.zips import AT_ONCE, DownloadRunning, Names
from images.tasks import run_next_cutout
from processing.spec import RenderSpec
from tests.factories import UserFactory, picture_bytes, submit

pytestmark = pytest.mark.django_db

PAGE = "/account/export/"


def take(owner: User) -> ZipFile:
    takeout = Takeout(owner=owner)
    try:
        archive = ZipFile(BytesIO(b"".join(takeout)))
    finally:
        takeout.close()
    assert archive.testzip() is None
    return archive


def read_json(archive: ZipFile, name: str) -> Any:
    return json.loads(archive.read(name))


class TestContents:
    def test_everything_of_a_picture(self, image: Image, owner: User) -> None:
        archive = take(owner)
        (record,) = read_json(archive, "images.json")
        assert record["file"] == "originals/disc.png"
        assert archive.read(record["file"]) == Path(image.original.path).read_bytes()
        cutout = Pixels.open(BytesIO(archive.read(record["cutout"])))
        assert (cutout.format, cutout.mode) == ("PNG", "RGBA")
        assert cutout.getchannel("A").getextrema() == (0, 255)
        (version,) = record["cutouts"]
        assert Pixels.open(BytesIO(archive.read(version["mattes"]))).mode == "L"
        assert "missing.txt" not in archive.namelist()

    def test_what_became_of_a_cutout(self, cutout: Cutout, owner: User) -> None:
        told = {"needs_look": True, "refinement": "thin", "answered_by": "u2net"}
        Cutout.objects.update(**told)
        (record,) = read_json(take(owner), "images.json")
        (version,) = record["cutouts"]
        assert {name: version[name] for name in told} == told

    def test_a_stored_output_is_not_made_again(self, cutout: Cutout, owner: User) -> None:
        stored = get_rendition(cutout=cutout, spec=RenderSpec())
        Path(stored.file.path).write_bytes(b"as it was stored")
        assert take(owner).read("cutouts/disc.png") == b"as it was stored"

    def test_an_original_that_had_to_go(self, image: Image, owner: User) -> None:
        assert drop_original(image=image)
        archive = take(owner)
        (record,) = read_json(archive, "images.json")
        assert "file" not in record
        assert Pixels.open(BytesIO(archive.read(record["cutout"]))).mode == "RGBA"
        assert not [name for name in archive.namelist() if name.startswith("results/")]
        assert "missing.txt" not in archive.namelist()

    def test_the_account(self, owner: User) -> None:
        _token, key = ApiToken.objects.issue(user=owner, name="Shop")
        archive = take(owner)
        account = read_json(archive, "account.json")
        assert account["email"] == owner.email
        assert account["tokens"][0]["name"] == "Shop"
        everything = b"".join(map(archive.read, archive.namelist())).decode()
        assert key not in everything
        assert owner.password not in everything
        assert read_json(archive, "images.json") == []

    def test_public_links_without_their_addresses(self, cutout: Cutout, owner: User) -> None:
        spec = RenderSpec.parse("format=jpeg&max_side=60")
        link, secret = share(cutout=cutout, spec=spec, lifetime=None)
        User.objects.update(keep_api_results=False)
        owner.refresh_from_db()
        archive = take(owner)
        account = read_json(archive, "account.json")
        assert account["keep_api_results"] is False
        (told,) = account["public_links"]
        assert told["cutout"] == str(cutout.pk)
        assert told["spec"] == link.spec
        assert told["created_at"]
        assert told["expires_at"] is told["revoked_at"] is None
        assert secret not in archive.read("account.json").decode()

    def test_what_people_made_beside_pictures(
        self, image: Image, owner: User, stranger: User
    ) -> None:
        content = picture_bytes(size=(30, 20))
        for person in (owner, stranger):
            file = SimpleUploadedFile("beach.png", content)
            add_backdrop(owner=person, file=file, name="The beach")
            create_preset(owner=person, name="Shop", params={"format": "webp"})
            Batch.objects.create(owner=person, name="Spring")
            WebhookEndpoint.objects.create(
                owner=person, url="https://example.com/hook", secret="sealed-secret"
            )
        batch = owner.batches.get()
        Image.objects.filter(pk=image.pk).update(batch=batch)
        set_tags(image=image, names=["Red", "disc"])
        archive = take(owner)
        account = read_json(archive, "account.json")
        assert [one["name"] for one in account["batches"]] == ["Spring"]
        assert [(one["name"], one["spec"]) for one in account["presets"]] == [
            ("Shop", "format=webp")
        ]
        assert [one["url"] for one in account["webhooks"]] == ["https://example.com/hook"]
        (record,) = read_json(archive, "images.json")
        assert record["batch_id"] == str(batch.pk)
        assert set(record["tags"]) == {"Red", "disc"}
        (backdrop,) = read_json(archive, "backdrops.json")
        assert backdrop["name"] == "The beach"
        assert archive.read(backdrop["file"]) == content
        everything = b"".join(map(archive.read, archive.namelist()))
        assert b"sealed-secret" not in everything
        assert "missing.txt" not in archive.namelist()

    def test_edited_mattes(self, cutout: Cutout, owner: User) -> None:
        content = cutout.matte.open("rb").read()
        edited = submit_matte(cutout=cutout, file=SimpleUploadedFile("matte.png", content))
        versions = read_json(take(owner), "images.json")[0]["cutouts"]
        sent = {version["id"]: version.get("sent-mattes") for version in versions}
        assert sent[str(cutout.pk)] is None
        assert take(owner).read(sent[str(edited.pk)]) == content
        run_next_cutout()
        archive = take(owner)
        versions = read_json(archive, "images.json")[0]["cutouts"]
        (version,) = [one for one in versions if one["kind"] == "edited"]
        assert version["parent_id"] == str(cutout.pk)
        assert Pixels.open(BytesIO(archive.read(version["mattes"]))).mode == "L"
        assert "sent-mattes" not in version

    def test_a_lost_backdrop_is_told(self, owner: User) -> None:
        file = SimpleUploadedFile("beach.png", picture_bytes())
        Path(add_backdrop(owner=owner, file=file)[0].file.path).unlink()
        archive = take(owner)
        assert "backdrops/beach.png" in archive.read("missing.txt").decode()
        assert read_json(archive, "backdrops.json")[0]["file"] is None

    def test_the_trash_but_nobody_else(self, owner: User, stranger: User) -> None:
        for person in (owner, stranger):
            submit(person, f"{person.email}.png")
        owner.images.update(deleted_at=owner.date_joined)
        assert [record["original_name"] for record in read_json(take(owner), "images.json")] == [
            "owner@example.com.png"
        ]

    def test_more_than_a_page(self, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("images.services.zips.PAGE", 2)
        for number in range(5):
            submit(owner, f"{number}.png")
        names = [record["file"] for record in read_json(take(owner), "images.json")]
        assert names == [f"originals/{number}.png" for number in range(5)]

    def test_what_is_missing_is_listed(self, image: Image, owner: User) -> None:
        Path(image.original.path).unlink()
        archive = take(owner)
        missing = archive.read("missing.txt").decode()
        assert "originals/disc.png: The stored file is missing." in missing
        assert "cutouts/disc.png" in missing
        assert "mattes/disc.png" in archive.namelist()
        (record,) = read_json(archive, "images.json")
        assert record["file"] is None

    def test_a_file_that_cannot_be_decoded(self, cutout: Cutout, owner: User) -> None:
        Path(cutout.matte.path).write_bytes(b"x")
        archive = take(owner)
        assert "cutouts/disc.png" in archive.read("missing.txt").decode()
        assert archive.read("mattes/disc.png") == b"x"


class TestNames:
    @pytest.mark.parametrize(
        "name", ["../../etc/passwd", "/etc/passwd", "..", "a/b.png", "a\\b.png", "C:\\x", "\x00\n"]
    )
    def test_none_leads_out(self, name: str) -> None:
        taken = Names().take("originals", name)
        assert taken.startswith("originals/")
        assert taken.count("/") == 1
        assert Path(taken).name not in {"", ".", ".."}
        assert all(character.isprintable() for character in taken)
        assert "\\" not in taken

    def test_collisions(self) -> None:
        names = Names()
        taken = [names.take("x", name) for name in ("a.png", "A.png", "a.png", "a (2).png", "con")]
        assert taken[:2] == ["x/a.png", "x/A (2).png"]
        assert len({name.casefold() for name in taken}) == 5
        assert taken[4] == "x/_con"

    def test_many_of_one_name_take_no_longer(self) -> None:
        names = Names()
        taken = {names.take("x", "image.jpg") for _ in range(20_000)}
        assert len(taken) == 20_000


class TestHowMuchAtOnce:
    def test_one_a_person(self, owner: User) -> None:
        takeout = Takeout(owner=owner)
        with pytest.raises(DownloadRunning):
            Takeout(owner=owner)
        takeout.close()
        Takeout(owner=owner).close()

    def test_some_people(self) -> None:
        running = [Takeout(owner=UserFactory.create()) for _ in range(AT_ONCE)]
        with pytest.raises(DownloadRunning):
            Takeout(owner=UserFactory.create())
        for takeout in running:
            takeout.close()

    def test_memory_does_not_grow_with_pictures(self, owner: User) -> None:
        image = submit(owner, "large.png", size=(1500, 1000))
        os.truncate(image.original.path, 4_000_000)
        copies = [
            Image(
                owner=owner,
                original=image.original.name,
                original_name="large.png",
                width=1500,
                height=1000,
                byte_size=4_000_000,
            )
            for _ in range(100)
        ]
        Image.objects.bulk_create(copies)
        assert peak_of(owner) < 12_000_000  # of some 400 MB that went through

    def test_nothing_is_left_when_the_client_goes(self, image: Image, owner: User) -> None:
        takeout = Takeout(owner=owner)
        next(iter(takeout))
        takeout.close()
        Takeout(owner=owner).close()


class TestABusyServer:
    @pytest.fixture
    def only_place(self, settings: Settings) -> Iterator[ExitStack]:
        """Somebody else renders for as long as this is not closed."""
        settings.RENDER_SLOTS = 1
        settings.RENDER_WAIT_SECONDS = 0.01
        with hold(["render-0"]) as held:
            yield held

    def test_is_tried_again(
        self, image: Image, owner: User, only_place: ExitStack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("images.services.zips.PAUSE", 0.5)
        freed = Timer(0.2, only_place.close)
        freed.start()
        names = take(owner).namelist()
        freed.join()
        assert "cutouts/disc.png" in names
        assert "missing.txt" not in names

    def test_is_not_waited_for_without_end(
        self, image: Image, owner: User, only_place: ExitStack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("images.services.zips.PAUSE", 0.0)
        archive = take(owner)
        told = "cutouts/disc.png: The server was too busy to make it."
        assert told in archive.read("missing.txt").decode()
        assert "cutouts/disc.png" not in archive.namelist()
        assert read_json(archive, "images.json")[0]["cutout"] is None


def peak_of(owner: User) -> int:
    """Bytes of Python's memory at most, while the zip goes by."""
    takeout = Takeout(owner=owner)
    tracemalloc.start()
    sent = sum(len(chunk) for chunk in takeout)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    takeout.close()
    assert sent > 300_000_000
    return peak


class TestThePage:
    @pytest.fixture
    def signed_in(self, client: Client, owner: User) -> Client:
        """By the form: who has just given the password is not asked again."""
        form = {"login": owner.email, "password": "correct horse battery"}
        assert client.post("/accounts/login/", form).status_code == 302
        return client

    def test_streams_a_zip(self, signed_in: Client, image: Image) -> None:
        assert signed_in.get(PAGE).status_code == 200
        response = signed_in.post(PAGE)
        assert response.streaming
        assert response["Content-Type"] == "application/zip"
        assert "no-store" in response["Cache-Control"]
        assert response["X-Accel-Buffering"] == "no"
        archive = ZipFile(BytesIO(response.getvalue()))
        assert "originals/disc.png" in archive.namelist()

    def test_needs_the_password_again(self, owner_client: Client) -> None:
        for method in ("get", "post"):
            response = getattr(owner_client, method)(PAGE)
            assert response.status_code == 302
            assert response["Location"].startswith("/accounts/reauthenticate/")

    def test_not_for_the_signed_out(self, client: Client) -> None:
        assert "/accounts/login/" in client.post(PAGE)["Location"]

    def test_one_at_a_time(self, signed_in: Client, owner: User) -> None:
        takeout = Takeout(owner=owner)
        page = signed_in.post(PAGE, follow=True)
        assert "running already" in page.content.decode()
        takeout.close()

    def test_how_often(self, signed_in: Client, settings: Settings) -> None:
        settings.ACCOUNT_RATE_LIMITS = {"takeout": "1/h/user"}
        assert signed_in.post(PAGE).getvalue()
        assert signed_in.post(PAGE).status_code == 429


def test_pictures_without_a_finished_cutout(queued_image: Image, owner: User) -> None:
    (record,) = read_json(take(owner), "images.json")
    assert [version["status"] for version in record["cutouts"]] == ["queued"]
    run_next_cutout()
    (record,) = read_json(take(owner), "images.json")
    assert record["cutout"] == "cutouts/disc.png"

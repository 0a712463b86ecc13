"""/api/v1/batches/, as programs use them."""

import http.client
import uuid
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zipfile import ZipFile

import pytest
from pytest_django import DjangoAssertNumQueries
from pytest_django.live_server_helper import LiveServer
from rest_framework.test import APIClient

from accounts.models import ApiToken, User
from images.models import Batch, Cutout, Image, Preset, Status
from images.services.archives import Archive, NamePattern
from images.services.renditions import get_rendition
from images.services.uploads import submit_image
from images.services.zips import DownloadRunning
from images.tasks import run_next_cutout
from processing.spec import RenderSpec
from tests.factories import picture_file
from tests.images.api.test_images import IMAGES, only_error, upload
from tests.images.queue.conftest import eventually

pytestmark = pytest.mark.django_db

BATCHES = "/api/v1/batches/"


@pytest.fixture
def batch(owner: User) -> Batch:
    return Batch.objects.create(owner=owner, name="Spring")


@pytest.fixture
def address(batch: Batch) -> str:
    return f"{BATCHES}{batch.pk}/"


def put_into(batch: Batch, *names: str) -> list[Image]:
    images = [
        submit_image(owner=batch.owner, file=picture_file(name), batch=batch)
        for name in names or ["disc.png"]
    ]
    for _ in images:
        run_next_cutout()
    return images


class TestBatches:
    def test_made(self, api: APIClient, owner: User) -> None:
        response = api.post(BATCHES, {"name": " Spring ", "expected": 40})
        assert response.status_code == 201
        body = response.json()
        assert urlsplit(response["Location"]).path == f"{BATCHES}{body['id']}/"
        assert (body["name"], body["expected"], body["finished"]) == ("Spring", 40, False)
        states = ("total", "queued", "running", "done", "failed", "needs_look")
        assert body["counts"] == dict.fromkeys(states, 0)
        assert Batch.objects.get().owner == owner

    def test_nothing_is_needed(self, api: APIClient) -> None:
        body = api.post(BATCHES, {}).json()
        assert (body["name"], body["expected"]) == ("", None)

    @pytest.mark.parametrize(
        ("body", "attr"),
        [
            ({"name": "x" * 201}, "name"),
            ({"name": "a\0"}, "name"),
            ({"name": ["a"]}, "name"),
            ({"expected": 0}, "expected"),
            ({"expected": 10**30}, "expected"),
            ({"expected": "many"}, "expected"),
            ([], None),
        ],
    )
    def test_wrong(self, api: APIClient, address: str, body: Any, attr: str | None) -> None:
        for response in (api.post(BATCHES, body), api.patch(address, body)):
            assert response.status_code == 400
            if attr:
                assert only_error(response)["attr"] == attr

    def test_null_is_nothing_to_begin_with(self, api: APIClient, address: str) -> None:
        """Where something is changed, it either means something or is refused."""
        body = api.post(BATCHES, {"name": None, "expected": None}).json()
        assert (body["name"], body["expected"]) == ("", None)
        response = api.patch(address, {"name": None})
        assert (response.status_code, only_error(response)["code"]) == (400, "null")

    def test_changed(self, api: APIClient, address: str) -> None:
        assert api.patch(address, {"expected": 2}).json()["expected"] == 2
        body = api.patch(address, {"name": "Summer"}).json()
        assert (body["name"], body["expected"]) == ("Summer", 2)
        assert api.patch(address, {"expected": None}).json()["expected"] is None
        assert api.patch(address, {}).status_code == 200
        assert api.put(address, {"name": "x"}).status_code == 405

    def test_deleted_without_its_pictures(self, api: APIClient, batch: Batch, address: str) -> None:
        (image,) = put_into(batch)
        assert api.delete(address).status_code == 204
        assert api.get(f"{IMAGES}{image.pk}/").json()["batch"] is None

    @pytest.mark.parametrize("count", [1, 3])
    def test_queries_do_not_grow(
        self,
        api: APIClient,
        owner: User,
        count: int,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        for _ in range(count):
            put_into(Batch.objects.create(owner=owner))
        ApiToken.objects.get().touch()
        with django_assert_num_queries(3):  # the token with its user, the batches, their counts
            results = api.get(BATCHES).json()["results"]
        assert [batch["counts"]["done"] for batch in results] == [1] * count
        assert [batch["finished"] for batch in results] == [True] * count

    def test_others_are_not_there(self, api: APIClient, stranger: User) -> None:
        Batch.objects.create(owner=stranger)
        assert api.get(BATCHES).json()["results"] == []


class TestPictures:
    def test_uploaded_into_it(self, api: APIClient, batch: Batch, address: str) -> None:
        body = upload(api, batch=str(batch.pk)).json()
        assert body["batch"] == str(batch.pk)
        upload(api)
        assert [item["id"] for item in api.get(f"{IMAGES}?batch={batch.pk}").json()["results"]] == [
            body["id"]
        ]
        assert api.get(address).json()["counts"]["queued"] == 1
        assert api.get(f"{IMAGES}?batch=x").status_code == 400

    def test_not_into_others(self, api: APIClient, stranger: User) -> None:
        foreign = Batch.objects.create(owner=stranger)
        for wrong in (foreign.pk, uuid.uuid4()):
            response = upload(api, batch=str(wrong))
            assert response.status_code == 400
            error = only_error(response)
            assert (error["code"], error["attr"]) == ("unknown_batch", "batch")
        assert only_error(upload(api, batch="nonsense"))["attr"] == "batch"
        assert not Image.objects.exists()

    def test_retry(self, api: APIClient, batch: Batch, address: str) -> None:
        failed, gone, bare, good = put_into(batch, "failed.png", "gone.png", "no.png", "good.png")
        Image.objects.exclude(pk=good.pk).update(current_cutout=None)
        Cutout.objects.exclude(image=good).update(status=Status.FAILED, error_code="internal_error")
        bare.cutouts.update(error_code="nothing_found")
        Image.objects.filter(pk=gone.pk).update(original_deleted_at=gone.created_at)
        response = api.post(f"{address}retry/")
        assert response.status_code == 200
        assert response.json() == {
            "matched": 3,
            "changed": 1,
            "refused": {"original_deleted": 1, "nothing_found": 1},
            "remaining": 0,
            "next": None,
        }
        assert failed.cutouts.get().status == Status.QUEUED
        assert bare.cutouts.get().status == Status.FAILED
        assert api.get(address).json()["counts"]["queued"] == 1


class TestArchive:
    def fetch(self, api: APIClient, address: str, query: str = "") -> Any:
        return api.get(f"{address}archive/?{query}")

    def test_streamed(self, api: APIClient, batch: Batch, address: str) -> None:
        put_into(batch, "a.png", "b.png")
        response = self.fetch(api, address, "format=jpeg&width=30")
        assert response.streaming
        assert response["Content-Type"] == "application/zip"
        assert response["Content-Disposition"] == 'attachment; filename="Spring.zip"'
        assert "no-store" in response["Cache-Control"]
        assert response["X-Accel-Buffering"] == "no"
        archive = ZipFile(BytesIO(response.getvalue()))
        assert archive.namelist() == ["a.jpg", "b.jpg"]

    def test_preset_and_names(self, api: APIClient, batch: Batch, address: str) -> None:
        put_into(batch)
        Preset.objects.create(owner=batch.owner, name="Mein Büro", spec="format=webp")
        query = "preset=mein b%C3%BCro&names={name}_{preset}"
        archive = ZipFile(BytesIO(self.fetch(api, address, query).getvalue()))
        assert archive.namelist() == ["disc_mein büro.webp"]

    @pytest.mark.parametrize(
        ("query", "attr"),
        [
            ("names={nme}", "names"),
            ("names={name}_{preset}", "names"),
            ("preset=unknown", "preset"),
            ("format=tiff", "format"),
            ("colour=red", "colour"),
        ],
    )
    def test_wrong(self, api: APIClient, batch: Batch, address: str, query: str, attr: str) -> None:
        put_into(batch)
        response = self.fetch(api, address, query)
        assert response.status_code == 400
        assert only_error(response)["attr"] == attr
        assert self.fetch(api, address).status_code == 200, "the place is free"

    @pytest.mark.parametrize("name", ['a\r\nX-Evil: 1";', "../Größe", ""])
    def test_the_name_does_no_harm(
        self, api: APIClient, batch: Batch, address: str, name: str
    ) -> None:
        put_into(batch)
        Batch.objects.update(name=name)
        disposition = self.fetch(api, address)["Content-Disposition"]
        assert disposition.startswith("attachment; filename")
        assert not {"\r", "\n", "/"} & set(disposition)

    def test_nothing_in_it(self, api: APIClient, batch: Batch, address: str) -> None:
        for method in (api.get, api.head):
            assert method(f"{address}archive/").status_code == 400
        assert only_error(self.fetch(api, address))["code"] == "nothing_to_archive"
        submit_image(owner=batch.owner, file=picture_file(), batch=batch)
        archive = ZipFile(BytesIO(self.fetch(api, address).getvalue()))
        assert archive.namelist() == ["missing.txt"]

    def test_one_at_a_time(self, api: APIClient, owner: User, batch: Batch, address: str) -> None:
        put_into(batch)
        images = Image.objects.none()
        running = Archive(owner=owner, images=images, spec=RenderSpec(), names=NamePattern())
        response = self.fetch(api, address)
        assert response.status_code == 503
        assert only_error(response)["code"] == "download_running"
        assert int(response["Retry-After"]) > 0
        head = api.head(f"{address}archive/")
        assert (head.status_code, "Content-Length" in head) == (200, False)
        running.close()
        assert self.fetch(api, address).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_client_that_goes_makes_room(
    live_server: LiveServer, owner: User, batch: Batch, address: str
) -> None:
    """In the middle of a file that no buffer holds."""
    key = ApiToken.objects.issue(user=owner, name="Tests")[1]
    (image,) = put_into(batch)
    cutout = Cutout.objects.get(image=image)
    stored = get_rendition(cutout=cutout, spec=RenderSpec())
    with Path(stored.file.path).open("ab") as file:
        file.truncate(200_000_000)

    def ask() -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(live_server.thread.host, live_server.thread.port)
        connection.request("GET", f"{address}archive/", headers={"X-Api-Key": key})
        return connection.getresponse()

    with ask() as response:
        assert response.status == 200
        assert len(response.read(100_000)) == 100_000
        with ask() as second:
            assert second.status == 503
    assert eventually(lambda: is_free(owner))


def is_free(owner: User) -> bool:
    try:
        images = Image.objects.none()
        Archive(owner=owner, images=images, spec=RenderSpec(), names=NamePattern()).close()
    except DownloadRunning:
        return False
    return True

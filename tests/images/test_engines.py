"""Which engines may be asked for here: what answers, pages and administrators are told."""

from dataclasses import replace
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from images.models import Cutout, Image, Status
from images.services.cutouts import request_cutout, retry_cutout
from images.services.engines import problem_of
from images.services.operating import retry_many
from processing.engines.catalog import ENGINES
from processing.errors import EngineUnavailable, UnknownEngine
from processing.spec import ExtractSpec
from tests.factories import picture_file, submit

pytestmark = pytest.mark.django_db

IMAGES, ENGINE_LIST = "/api/v1/images/", "/api/v1/engines/"
SLOW = [name for name, info in ENGINES.items() if info.is_slow and not info.sends_away]


@pytest.fixture(autouse=True)
def no_weights(settings: Settings, tmp_path: Path) -> None:
    settings.MODEL_DIR = tmp_path / "models"


@pytest.fixture
def fetched(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> str:
    """A slow engine whose weights are there, and are what the catalog says."""
    name = "birefnet-general-lite"
    monkeypatch.setitem(
        ENGINES, name, replace(ENGINES[name], md5="5d41402abc4b2a76b9719d911017c592")
    )
    settings.MODEL_DIR.mkdir()
    (settings.MODEL_DIR / f"{name}.onnx").write_bytes(b"hello")
    return name


def ask(api: APIClient, engine: str) -> tuple[int, str]:
    answer = api.post(IMAGES, {"file": picture_file(), "engine": engine}, format="multipart")
    body = answer.json()
    return answer.status_code, body["errors"][0]["code"] if "errors" in body else ""


class TestTheList:
    def test_each_says_what_it_is(self, api: APIClient) -> None:
        rows = {row["name"]: row for row in api.get(ENGINE_LIST).json()}
        assert rows["u2net"]["commercial_use"] is True
        assert rows["u2net"]["on_demand"] is False
        isnet, birefnet = rows["isnet-general-use"], rows["birefnet-general"]
        assert (isnet["speed"], birefnet["speed"]) == ("medium", "slow")
        assert isnet["commercial_use"] is False
        assert "DIS5K" in isnet["licence"]
        assert isnet["on_demand"] is True
        assert (isnet["available"], isnet["size_mb"]) == (False, 179)
        assert "missing" in isnet["problem"]
        assert not any(row["sends_away"] for row in rows.values())

    def test_nobody_hears_of_a_service_before_it_has_an_address(
        self, api: APIClient, settings: Settings
    ) -> None:
        assert "service" not in api.get(ENGINE_LIST).content.decode()
        settings.SERVICE_ENGINE_URL = "https://service.example"
        settings.SERVICE_ENGINE_KEY = "never-shown"
        answer = api.get(ENGINE_LIST)
        (row,) = [row for row in answer.json() if row["name"] == "service"]
        assert (row["sends_away"], row["available"], row["speed"]) == (True, True, "slow")
        assert "never-shown" not in answer.content.decode()

    def test_without_a_slot_slow_ones_are_unavailable(
        self, api: APIClient, settings: Settings, fetched: str
    ) -> None:
        def available() -> bool:
            return {r["name"]: r["available"] for r in api.get(ENGINE_LIST).json()}[fetched]

        assert available()
        settings.SLOW_WORKERS = 0
        assert not available()


class TestAskingForOne:
    @pytest.mark.parametrize("name", ["silueta", "isnet-anime", *SLOW])
    def test_what_nobody_fetched_is_refused_at_once(self, name: str, api: APIClient) -> None:
        assert ask(api, name) == (503, "engine_unavailable")
        assert not Image.objects.exists()

    def test_the_service_is_unknown_while_it_is_off(
        self, api: APIClient, settings: Settings
    ) -> None:
        assert ask(api, "service") == (400, "unknown_engine")
        settings.SERVICE_ENGINE_URL = "https://service.example"
        assert ask(api, "service") == (201, "")

    def test_what_is_there_is_taken(self, api: APIClient, settings: Settings, fetched: str) -> None:
        assert ask(api, fetched) == (201, "")
        settings.SLOW_WORKERS = 0
        assert ask(api, fetched) == (503, "engine_unavailable")

    @pytest.mark.parametrize("default", ["u2net", "silueta"])
    def test_work_for_the_default_waits_for_its_weights(
        self, default: str, api: APIClient, settings: Settings
    ) -> None:
        settings.DEFAULT_ENGINE = default
        assert ask(api, default) == (201, "")

    def test_a_slow_default_without_a_slot_is_refused(
        self, api: APIClient, settings: Settings
    ) -> None:
        settings.DEFAULT_ENGINE, settings.SLOW_WORKERS = "birefnet-general", 0
        assert ask(api, "birefnet-general") == (503, "engine_unavailable")

    def test_a_default_that_is_switched_off_is_refused(
        self, api: APIClient, settings: Settings
    ) -> None:
        settings.DEFAULT_ENGINE = "service"
        assert ask(api, "service") == (503, "engine_unavailable")
        settings.SERVICE_ENGINE_URL = "https://service.example"
        assert ask(api, "service") == (201, "")

    def test_running_again(self, image: Image) -> None:
        with pytest.raises(EngineUnavailable):
            request_cutout(image=image, extract_spec=ExtractSpec("silueta"))
        with pytest.raises(UnknownEngine):
            request_cutout(image=image, extract_spec=ExtractSpec("service"))
        assert image.cutouts.count() == 1

    def test_trying_again(self, owner: User, api: APIClient) -> None:
        cutout = submit(owner).cutouts.get()
        Cutout.objects.update(status=Status.FAILED, engine="silueta")
        cutout.refresh_from_db()
        with pytest.raises(EngineUnavailable):
            retry_cutout(cutout=cutout)
        answer = api.post(f"/api/v1/cutouts/{cutout.pk}/retry/")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]

    def test_trying_many_again(self, owner: User) -> None:
        submit(owner), submit(owner)
        Cutout.objects.update(status=Status.FAILED)
        Cutout.objects.filter(pk=Cutout.objects.values("pk")[:1]).update(engine="silueta")
        outcome = retry_many(cutouts=Cutout.objects.all())
        assert (outcome.changed, outcome.refused) == (1, {"engine_unavailable": 1})

    def test_in_bulk(self, api: APIClient, image: Image) -> None:
        body = {"action": "rerun", "ids": [str(image.pk)], "engine": "silueta"}
        answer = api.post("/api/v1/images/bulk/", body)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (
            503,
            "engine_unavailable",
        )

    def test_by_programs_for_rembg(self, api: APIClient) -> None:
        body = {"file": picture_file(), "model": "silueta"}
        answer = api.post("/api/remove", body, format="multipart")
        assert answer.status_code == 503
        assert "missing" in answer.json()["detail"]


class TestPages:
    def page(self, client: Client, image: Image) -> str:
        return client.get(reverse("web:image", args=[image.pk])).content.decode()

    def test_only_what_is_ready_can_be_chosen(
        self, owner_client: Client, image: Image, fetched: str
    ) -> None:
        page = self.page(owner_client, image)
        assert f'value="{fetched}"' in page
        assert "takes long" in page
        assert 'value="silueta"' not in page
        assert 'value="service"' not in page

    def test_the_choice_says_what_sends_the_picture_away(
        self, owner_client: Client, image: Image, settings: Settings
    ) -> None:
        assert "sends the picture away" not in self.page(owner_client, image)
        settings.SERVICE_ENGINE_URL = "https://service.example"
        page = self.page(owner_client, image)
        assert "Service by API – sends the picture away" in page

    def test_one_that_has_gone_meanwhile(self, owner_client: Client, image: Image) -> None:
        address = reverse("web:rerun", args=[image.pk])
        page = owner_client.post(address, {"engine": "silueta"}, follow=True)
        assert page.status_code == 200
        assert "weights of Silueta are missing" in page.content.decode()
        assert image.cutouts.count() == 1


def test_the_first_page_says_where_pictures_go(client: Client, settings: Settings) -> None:
    def promise() -> str:
        return client.get("/").content.decode()

    assert "No picture is sent to anybody, none is used" in promise()
    settings.SERVICE_ENGINE_URL = "https://service.example"
    assert "No picture is sent to anybody unless you choose" in promise()
    settings.DEFAULT_ENGINE = "service"
    assert "No picture is sent" not in promise()
    assert "sent to a service that the administrator has chosen" in promise()


def test_administrators_see_what_is_what(
    admin_client: Client, settings: Settings, fetched: str
) -> None:
    settings.SERVICE_ENGINE_URL = "https://service.example"
    page = " ".join(admin_client.get(reverse("admin:index")).content.decode().split())
    assert "sends pictures away" in page
    assert "not fetched" in page
    assert "manage.py fetch_models silueta" in page
    assert f"manage.py fetch_models {fetched}" not in page
    settings.SLOW_WORKERS = 0
    page = admin_client.get(reverse("admin:index")).content.decode()
    assert "this server does not do such work" in page
    assert problem_of(ENGINES[fetched])

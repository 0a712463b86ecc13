"""/api/v1/cutouts/: what cannot be had of a cutout, and its public addresses."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import ApiToken, User
from images.models import Cutout, Image, ShareLink
from images.services.sharing import share
from images.services.uploads import submit_image
from images.tasks import run_next_cutout
from processing.spec import RenderSpec
from tests.factories import picture_file
from tests.images.api.test_images import only_error

pytestmark = pytest.mark.django_db


def address(cutout: Cutout, part: str) -> str:
    return f"/api/v1/cutouts/{cutout.pk}/{part}/"


@pytest.fixture
def failed(owner: User) -> Cutout:
    """Its original is lost before the worker comes to it."""
    image = submit_image(owner=owner, file=picture_file())
    Image.objects.filter(pk=image.pk).update(original="lost.png")
    run_next_cutout()
    return image.cutouts.get()


class TestFailed:
    @pytest.mark.parametrize("part", ["rendition", "matte", "edges"])
    def test_reading_says_that_it_has_failed(
        self, api: APIClient, failed: Cutout, part: str
    ) -> None:
        """Programs that wait for the end of "not ready" come to an end."""
        response = api.get(address(failed, part))
        assert response.status_code == 409
        error = only_error(response)
        assert error["code"] == "cutout_failed"
        assert failed.error_code in error["detail"]
        assert failed.error_message in error["detail"]

    def test_so_does_writing(self, api: APIClient, failed: Cutout) -> None:
        answers = [
            api.put(address(failed, "feedback"), {"rating": "up"}),
            api.post(address(failed, "links"), {}),
        ]
        assert [(one.status_code, only_error(one)["code"]) for one in answers] == [
            (409, "cutout_failed")
        ] * 2
        assert not ShareLink.objects.exists()

    def test_pages_say_it_too(self, owner_client: Client, failed: Cutout) -> None:
        for name in ("web:rendition", "web:matte"):
            page = owner_client.get(reverse(name, args=[failed.pk]))
            assert page.status_code == 409
            assert "Not finished yet" not in page.content.decode()
            assert failed.error_message in page.content.decode()

    @pytest.mark.parametrize("part", ["rendition", "matte", "edges"])
    def test_what_waits_is_not_ready(self, api: APIClient, queued_image: Image, part: str) -> None:
        response = api.get(address(queued_image.cutouts.get(), part))
        assert (response.status_code, only_error(response)["code"]) == (409, "not_ready")


def test_done_without_soft_edges(api: APIClient, cutout: Cutout) -> None:
    Cutout.objects.update(edges="")
    response = api.get(address(cutout, "edges"))
    assert (response.status_code, only_error(response)["code"]) == (404, "no_edges")
    assert api.get(f"/api/v1/cutouts/{cutout.pk}/").json()["edges_url"] is None


def test_no_public_address_for_what_is_in_the_trash(api: APIClient, cutout: Cutout) -> None:
    Image.objects.update(deleted_at=timezone.now())
    response = api.post(address(cutout, "links"), {})
    assert (response.status_code, only_error(response)["code"]) == (409, "in_trash")
    assert not ShareLink.objects.exists()


class TestLinks:
    @pytest.mark.parametrize("count", [1, 3])
    def test_queries_do_not_grow(
        self,
        api: APIClient,
        cutout: Cutout,
        count: int,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        made = [share(cutout=cutout, spec=RenderSpec(), lifetime=None)[0] for _ in range(count)]
        ApiToken.objects.get().touch()
        with django_assert_num_queries(3):  # the token with its user, the cutout, the links
            body = api.get(address(cutout, "links")).json()
        newest_first = [str(link.pk) for link in reversed(made)]
        assert body == {"next": None, "previous": None, "results": body["results"]}
        assert [one["id"] for one in body["results"]] == newest_first

    def test_pages(self, api: APIClient, cutout: Cutout) -> None:
        ids = {str(share(cutout=cutout, spec=RenderSpec(), lifetime=None)[0].pk) for _ in range(3)}
        first = api.get(address(cutout, "links"), {"page_size": 2}).json()
        second = api.get(first["next"]).json()
        assert second["next"] is None
        assert {one["id"] for one in first["results"] + second["results"]} == ids

    def test_null_counts_as_left_out(self, api: APIClient, cutout: Cutout) -> None:
        body = {"expires_in": None, "format": None, "preset": None}
        response = api.post(address(cutout, "links"), body)
        assert response.status_code == 201
        assert response.json()["expires_at"]

    def test_values_that_json_has(self, api: APIClient, cutout: Cutout) -> None:
        body = {"decontaminate": False, "width": 20}
        assert api.post(address(cutout, "links"), body).status_code == 201
        assert ShareLink.objects.get().spec == "format=png&width=20&decontaminate=0"

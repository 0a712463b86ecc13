"""Requests sent again with the same key: done once, by however many at once."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ApiToken, User
from images.models import Backdrop, Batch, Cutout, IdempotentRequest, Image
from images.services.idempotency import (
    Answer,
    InProgress,
    Turn,
    begin_request,
    end_unanswered,
    forget_old_requests,
    keep_answer,
)
from images.tasks import run_next_cutout
from tests.databases import SharedDatabase
from tests.factories import UserFactory, picture_bytes, picture_file

IMAGES = "/api/v1/images/"
KEY = "order-4711"


def upload(api: APIClient, key: str | None = KEY, **fields: Any) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    fields = {"file": picture_file()} | fields
    return api.post(IMAGES, fields, format="multipart", headers=headers)


def error_of(response: Any) -> tuple[int, str]:
    (error,) = response.json()["errors"]
    return response.status_code, error["code"]


@pytest.mark.django_db
class TestOneAfterTheOther:
    def test_the_second_is_a_replay(self, api: APIClient) -> None:
        first = upload(api)
        run_next_cutout()
        again = upload(api)
        assert first.status_code == again.status_code == 201
        assert again.json() == first.json()
        assert again.headers["Location"] == first.headers["Location"]
        assert again.headers["Idempotent-Replayed"] == "true"
        assert "Idempotent-Replayed" not in first.headers
        assert Image.objects.count() == 1

    def test_a_nul_that_is_only_written_out(self, api: APIClient) -> None:
        """An answer that repeats the six characters holds no NUL, and is kept."""
        first = upload(api, title=r"C:\u0000")
        again = upload(api, title=r"C:\u0000")
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.json() == first.json()
        assert first.json()["title"] == r"C:\u0000"
        assert Image.objects.count() == 1

    def test_without_a_key_everything_is_new(self, api: APIClient) -> None:
        upload(api, None)
        upload(api, None)
        assert Image.objects.count() == 2
        assert not IdempotentRequest.objects.exists()

    def test_names_of_files_do_not_matter(self, api: APIClient) -> None:
        upload(api)
        again = upload(api, file=SimpleUploadedFile("x.bin", picture_file().read(), "text/plain"))
        assert again.headers["Idempotent-Replayed"] == "true"

    @pytest.mark.parametrize(
        "fields",
        [
            {"title": "Another"},
            {"file": SimpleUploadedFile("disc.png", picture_bytes(size=(50, 50)))},
        ],
    )
    def test_another_request_is_refused(self, api: APIClient, fields: dict[str, Any]) -> None:
        upload(api)
        assert error_of(upload(api, **fields)) == (422, "idempotency_key_reused")
        assert Image.objects.count() == 1

    def test_another_address_is_refused(self, api: APIClient) -> None:
        headers = {"Idempotency-Key": KEY}
        assert api.post("/api/v1/batches/", {}, headers=headers).status_code == 201
        response = api.post("/api/v1/images/bulk/", {}, headers=headers)
        assert error_of(response) == (422, "idempotency_key_reused")

    def test_people_have_keys_of_their_own(self, api: APIClient, stranger: User) -> None:
        upload(api)
        theirs = APIClient()
        theirs.force_authenticate(stranger)
        answer = upload(theirs)
        assert answer.status_code == 201
        assert "Idempotent-Replayed" not in answer.headers
        assert Image.objects.filter(owner=stranger).count() == 1

    @pytest.mark.parametrize("key", ["", "a b", "\xe9", "x" * 256, "\x7f"])
    def test_keys_that_are_none(self, api: APIClient, key: str) -> None:
        assert error_of(upload(api, key)) == (400, "invalid")
        assert not Image.objects.exists()

    def test_the_longest_key(self, api: APIClient) -> None:
        assert upload(api, "~" * 255).status_code == 201

    def test_refusals_are_kept(self, api: APIClient) -> None:
        first = upload(api, file=SimpleUploadedFile("a.png", b"nothing"))
        again = upload(api, file=SimpleUploadedFile("a.png", b"nothing"))
        assert (first.status_code, first.json()) == (again.status_code, again.json())
        assert first.status_code == 400
        assert again.headers["Idempotent-Replayed"] == "true"

    def test_conflicts_are_not(self, api: APIClient, queued_image: Image) -> None:
        headers = {"Idempotency-Key": KEY}
        url = f"{IMAGES}{queued_image.pk}/cutouts/"
        assert error_of(api.post(url, {}, headers=headers)) == (409, "pending")
        run_next_cutout()
        made = api.post(url, {}, headers=headers)
        again = api.post(url, {}, headers=headers)
        assert (made.status_code, again.status_code) == (202, 202)
        assert again.json()["id"] == made.json()["id"]
        assert Cutout.objects.count() == 2

    def test_what_is_malformed_takes_no_key(self, api: APIClient) -> None:
        headers = {"Idempotency-Key": KEY}
        url = "/api/v1/batches/"
        bad = api.post(url, "{", content_type="application/json", headers=headers)
        assert bad.status_code == 400
        assert api.post(url, {}, headers=headers).status_code == 201

    @pytest.mark.parametrize(
        "body",
        [r'{"name": "\u0000"}', r'{"\u0000": [1, {"a": null}]}', "[]", "1", '{"name": 1e999}'],
    )
    def test_bodies_of_any_kind(self, api: APIClient, body: str) -> None:
        for _time in range(2):
            for url in ("/api/v1/batches/", "/api/v1/backdrops/", "/api/v1/images/bulk/"):
                options: Any = {
                    "content_type": "application/json",
                    "headers": {"Idempotency-Key": url},
                }
                assert api.post(url, body, **options).status_code in {201, 400}

    def test_answers_without_end_are_not_kept(self, api: APIClient) -> None:
        body = {"action": "x" * 100_000, "ids": []}
        for _time in range(2):
            response = api.post("/api/v1/images/bulk/", body, headers={"Idempotency-Key": KEY})
            assert response.status_code == 400
            assert "Idempotent-Replayed" not in response.headers
        assert not IdempotentRequest.objects.exists()

    def test_the_other_routes(self, api: APIClient, cutout: Cutout) -> None:
        matte = cutout.matte.open("rb").read()
        for _time in range(2):
            headers = {"Idempotency-Key": "backdrop"}
            file = picture_file()
            api.post("/api/v1/backdrops/", {"file": file}, format="multipart", headers=headers)
            api.post("/api/v1/batches/", {}, headers={"Idempotency-Key": "batch"})
            response = api.put(
                f"/api/v1/cutouts/{cutout.pk}/matte/",
                matte,
                content_type="image/png",
                headers={"Idempotency-Key": "matte"},
            )
            assert response.status_code == 201
        assert (Backdrop.objects.count(), Batch.objects.count()) == (1, 1)
        assert Cutout.objects.filter(parent=cutout).count() == 1
        assert IdempotentRequest.objects.count() == 3

    def test_secrets_are_not_kept(self, api: APIClient, cutout: Cutout) -> None:
        url = f"/api/v1/cutouts/{cutout.pk}/links/"
        assert api.post(url, {}, headers={"Idempotency-Key": KEY}).status_code == 201
        assert not IdempotentRequest.objects.exists()


@pytest.mark.django_db
class TestTurns:
    def test_the_first_is_being_answered(self, api: APIClient, owner: User) -> None:
        upload(api)
        IdempotentRequest.objects.update(status_code=None)
        response = upload(api)
        assert error_of(response) == (409, "idempotency_in_progress")
        assert int(response.headers["Retry-After"]) > 0
        assert error_of(upload(api, title="b")) == (422, "idempotency_key_reused")

    def test_one_whose_process_died_is_taken_over(self, api: APIClient, owner: User) -> None:
        old = timezone.now() - timedelta(minutes=4)
        upload(api)
        IdempotentRequest.objects.update(status_code=None, created_at=old)
        answer = upload(api)
        assert answer.status_code == 201
        assert "Idempotent-Replayed" not in answer.headers
        row = IdempotentRequest.objects.get()
        assert row.status_code == 201
        assert row.created_at > old

    def test_only_one_takes_over(self, owner: User) -> None:
        turn = begin_request(owner=owner, key=KEY, fingerprint="a")
        assert isinstance(turn, Turn)
        with pytest.raises(InProgress):
            begin_request(owner=owner, key=KEY, fingerprint="a")
        old = turn.begun - timedelta(minutes=4)
        IdempotentRequest.objects.update(created_at=old)
        second = begin_request(owner=owner, key=KEY, fingerprint="a")
        assert isinstance(second, Turn)
        with pytest.raises(InProgress):
            begin_request(owner=owner, key=KEY, fingerprint="a")
        late = Turn(turn.row_id, old)
        assert keep_answer(late, Answer(201, {})) is False
        end_unanswered(late)
        assert keep_answer(second, Answer(202, {"a": 1}, "/b/")) is True
        found = begin_request(owner=owner, key=KEY, fingerprint="a")
        assert found == Answer(202, {"a": 1}, "/b/")

    def test_a_day_later_it_is_forgotten(self, api: APIClient) -> None:
        upload(api)
        IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=25))
        assert "Idempotent-Replayed" not in upload(api).headers
        assert Image.objects.count() == 2
        assert forget_old_requests() == 0
        IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=25))
        assert forget_old_requests() == 1


@pytest.fixture(params=["shared_file", "shared_server"])
def database(request: pytest.FixtureRequest) -> SharedDatabase:
    database: SharedDatabase = request.getfixturevalue(request.param)
    return database


@pytest.mark.usefixtures("database")
def test_eight_at_once_make_one_picture() -> None:
    person = UserFactory.create()
    _token, key = ApiToken.objects.issue(user=person, name="t")
    start = threading.Barrier(8)
    answers: list[Any] = []

    def send() -> None:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Token {key}")
        start.wait()
        try:
            answers.append(upload(client))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Image.objects.count() == 1
    codes = sorted(answer.status_code for answer in answers)
    assert len(codes) == 8
    assert set(codes) <= {201, 409}
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert made == {str(Image.objects.get().pk)}
    assert sum("Idempotent-Replayed" not in a.headers for a in answers if a.status_code == 201) == 1

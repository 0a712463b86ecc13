"""`Prefer: wait`, with a worker that finishes meanwhile."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from pytest_django import Settings
from rest_framework.test import APIClient

from images.api import waiting
from images.models import Cutout
from images.tasks import run_next_cutout
from tests.factories import picture_file

pytestmark = pytest.mark.django_db(transaction=True)

IMAGES = "/api/v1/images/"


@contextmanager
def worker() -> Iterator[None]:
    """Runs the first cutout that turns up, in a thread of its own."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.02):
            if Cutout.objects.exists():
                run_next_cutout()
                break
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def post(api: APIClient, address: str = IMAGES, **data: Any) -> Any:
    return api.post(address, data, format="multipart", headers={"Prefer": "wait=20"})


def test_answers_when_it_is_done(api: APIClient) -> None:
    with worker():
        response = post(api, file=picture_file())
    assert response.json()["cutout"]["status"] == "done"
    assert response["Preference-Applied"] == "wait=20"


def test_running_again_waits_too(api: APIClient) -> None:
    with worker():
        image = post(api, file=picture_file()).json()
    first = Cutout.objects.get()
    thread = threading.Thread(target=_run_second)
    thread.start()
    response = post(api, f"{IMAGES}{image['id']}/cutouts/")
    thread.join()
    assert response.json()["status"] == "done"
    assert response["Preference-Applied"] == "wait=20"
    assert response.json()["id"] != str(first.pk)


def _run_second() -> None:
    pause = threading.Event()
    while Cutout.objects.count() < 2:
        pause.wait(0.02)
    run_next_cutout()
    connections.close_all()


def test_without_a_free_place_nobody_waits(api: APIClient, settings: Settings) -> None:
    with ExitStack() as held:
        for _ in range(max(1, settings.WEB_THREADS // 2)):
            held.enter_context(waiting.waiting_place(uuid4()))
        response = post(api, file=picture_file())
    assert response.status_code == 201
    assert response.json()["cutout"]["status"] == "queued"
    assert "Preference-Applied" not in response

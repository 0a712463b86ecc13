"""The queue at a glance."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from images.models import Cutout, Lane, Status, WorkerProcess
from images.queue.report import report_queue
from tests.images.queue.conftest import make_cutout, make_image

pytestmark = pytest.mark.django_db


def test_an_empty_queue(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(4):
        report = report_queue(Cutout)
    assert report.depth == {Lane.INTERACTIVE: 0, Lane.BATCH: 0}
    assert (report.oldest_wait, report.running, report.expired) == (None, [], 0)


@pytest.mark.parametrize("times", [1, 3])
def test_who_waits_and_who_works(
    owner: User, times: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    now = timezone.now()
    image = make_image(owner)
    worker = WorkerProcess.objects.create(pk="w", host="here", pid=1)
    for _ in range(times):
        make_cutout(owner, image, queued_at=now - timedelta(seconds=50))
        make_cutout(owner, image, lane=Lane.BATCH)
        make_cutout(owner, image, status=Status.RUNNING, worker="w", lease_until=now)
        make_cutout(
            owner,
            image,
            queued_at=now - timedelta(hours=1),
            not_before=now + timedelta(hours=1),
        )
    with django_assert_num_queries(4):
        report = report_queue(Cutout)
        held = report.held_by(worker)
    assert report.depth == {Lane.INTERACTIVE: 2 * times, Lane.BATCH: times}
    assert report.oldest_wait is not None
    assert timedelta(seconds=50) <= report.oldest_wait < timedelta(seconds=60)
    assert len(held) == len(report.running) == report.expired == times
    assert list(report.workers) == [worker]

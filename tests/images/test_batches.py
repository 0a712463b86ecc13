"""Batches: what is counted, and when they are finished."""

import pytest
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from images.models import Batch, Cutout, Image, Lane, Status
from images.services.batches import (
    BatchGone,
    BatchState,
    batch_state,
    batch_states,
    change_batch,
    create_batch,
    images_of,
)
from images.services.cutouts import request_cutout
from images.services.trash import move_to_trash
from images.services.uploads import submit_image
from images.tasks import run_next_cutout
from tests.factories import picture_file

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch(owner: User) -> Batch:
    return create_batch(owner=owner, name="Spring")


def put_into(batch: Batch, name: str = "disc.png") -> Image:
    return submit_image(owner=batch.owner, file=picture_file(name), batch=batch)


def test_nobody_waits_for_it(batch: Batch) -> None:
    assert put_into(batch).cutouts.get().lane == Lane.BATCH


def test_counts(batch: Batch) -> None:
    done, failed, running, waiting, again = (put_into(batch) for _ in range(5))
    for _ in range(5):
        run_next_cutout()
    Cutout.objects.exclude(image=failed).update(needs_look=True)
    Image.objects.exclude(pk__in=[done.pk, again.pk]).update(current_cutout=None)
    for image, status in [
        (failed, Status.FAILED),
        (running, Status.RUNNING),
        (waiting, Status.QUEUED),
    ]:
        Cutout.objects.filter(image=image).update(status=status)
    request_cutout(image=again)
    assert batch_state(batch) == BatchState(
        total=5, queued=2, running=1, done=1, failed=1, needs_look=1
    )
    assert batch_state(batch).ended == 2


def test_a_good_cutout_outweighs_a_later_failure(batch: Batch) -> None:
    image = put_into(batch)
    run_next_cutout()
    cutout = request_cutout(image=Image.objects.get(pk=image.pk))
    Cutout.objects.filter(pk=cutout.pk).update(status=Status.FAILED)
    assert batch_state(batch) == BatchState(total=1, done=1)


def test_the_trash_is_not_counted(batch: Batch) -> None:
    put_into(batch)
    move_to_trash(images=Image.objects.all())
    assert batch_state(batch) == BatchState()
    assert not images_of(batch).exists()


@pytest.mark.parametrize("count", [1, 3])
def test_one_query(
    owner: User, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    batches = [create_batch(owner=owner) for _ in range(count)]
    put_into(batches[0])
    with django_assert_num_queries(1):
        states = batch_states(batches)
    assert [states[batch.pk].total for batch in batches] == [1, 0, 0][:count]


@pytest.mark.parametrize(
    ("state", "finished"),
    [
        (BatchState(), False),
        (BatchState(total=1, done=1), True),
        (BatchState(total=2, done=1, failed=1), True),
        (BatchState(total=2, done=1, running=1), False),
        (BatchState(total=1, done=1, expected=2), False),
        (BatchState(total=2, done=1, failed=1, expected=2), True),
        (BatchState(total=3, done=2, queued=1, expected=2), False),
        (BatchState(expected=1), False),
    ],
)
def test_finished(state: BatchState, finished: bool) -> None:
    assert state.finished is finished


def test_deleting_leaves_the_pictures(batch: Batch) -> None:
    image = put_into(batch)
    batch.delete()
    image.refresh_from_db()
    assert image.batch is None


def test_one_that_goes_meanwhile(batch: Batch) -> None:
    Batch.objects.all().delete()
    with pytest.raises(BatchGone), transaction.atomic():
        put_into(batch)
    with pytest.raises(BatchGone):
        change_batch(batch=batch, name="x")
    assert not Image.objects.exists()

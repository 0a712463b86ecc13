"""Wake-ups come and go with the transaction, and lost ones are replaced."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ

from accounts.models import User
from images.models import Cutout, Status
from images.queue import wakeups
from images.queue.wakeups import ensure_wakeups, wake
from tests.images.queue.conftest import make_cutout, make_image

pytestmark = pytest.mark.django_db


def test_a_wake_up_calls_the_task_and_keeps_no_result() -> None:
    wake()
    task = OrmQ.objects.get().task
    assert (task["func"], task["args"], task["save"]) == (wakeups.TASK, (), False)


def test_a_wake_up_goes_with_its_transaction() -> None:
    with transaction.atomic():
        wake()
        assert OrmQ.objects.exists()
        transaction.set_rollback(True)
    assert not OrmQ.objects.exists()


def test_a_wake_up_for_later_is_hidden_until_then() -> None:
    wake(delay=30)
    broker = get_broker()
    assert (broker.queue_size(), broker.lock_size()) == (0, 1)
    assert not broker.dequeue()
    later = OrmQ.objects.get().lock - timezone.now()
    assert timedelta(seconds=28) < later <= timedelta(seconds=30)
    OrmQ.objects.update(lock=timezone.now() - timedelta(seconds=1))
    assert len(broker.dequeue()) == 1


def test_only_what_is_eligible_and_unannounced_is_announced(owner: User) -> None:
    image = make_image(owner)
    past = timezone.now() - timedelta(seconds=1)
    for _ in range(3):
        make_cutout(owner, image)
    make_cutout(owner, image, not_before=timezone.now() + timedelta(seconds=60))
    make_cutout(owner, image, status=Status.RUNNING, lease_until=past)
    make_cutout(owner, image, status=Status.FAILED)
    wake()
    assert ensure_wakeups(Cutout) == 3
    assert OrmQ.objects.count() == 4
    assert ensure_wakeups(Cutout) == 0


def test_a_long_queue_is_announced_in_parts(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wakeups, "MAX_AT_ONCE", 5)
    image = make_image(owner)
    for _ in range(8):
        make_cutout(owner, image)
    assert ensure_wakeups(Cutout) == 5

"""Waking workers. The rows are the truth; a wake-up only says that it is worth looking."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from django_q.brokers import Broker, get_broker
from django_q.brokers.orm import ORM
from django_q.models import OrmQ
from django_q.tasks import async_task

from images.models import LeasedRow
from images.models.leased import eligible_at
from images.queue.turns import ANY_ROW

TASK = "images.tasks.run_next_cutout"
MAX_AT_ONCE = 500


class DelayedORM(ORM):
    """The database broker, whose rows can be hidden for a while."""

    delay = 0.0

    def enqueue(self, task: str) -> int:
        unlock = timezone.now() + timedelta(seconds=self.delay)
        return OrmQ.objects.create(key=self.list_key, payload=task, lock=unlock).pk


def wake(*, delay: float = 0) -> None:
    """Have a worker look for a row, `delay` seconds from now at the earliest.

    With the database broker this is part of the caller's transaction. Other brokers cannot
    wait: there the sweep wakes for rows whose time comes later.
    """
    broker = get_broker()
    if delay > 0:
        if not isinstance(broker, ORM):
            return
        broker = DelayedORM(broker.list_key)
        broker.delay = delay
    _enqueue(broker)


def ensure_wakeups(model: type[LeasedRow], among: Q = ANY_ROW) -> int:
    """Wake once for every eligible row like `among` that has no wake-up waiting. Returns how often
    it did.

    A wake-up too many finds nothing to do and costs a query, so rough counts are good enough.
    """
    rows = model._default_manager.filter(eligible_at(timezone.now()), among)
    eligible = rows.values("pk")[:MAX_AT_ONCE].count()
    if not eligible:
        return 0
    broker = get_broker()
    missing = max(0, eligible - broker.queue_size())
    for _ in range(missing):
        _enqueue(broker)
    return missing


def _enqueue(broker: Broker) -> None:
    # Nobody reads the results, and saving them would cost a query per kept result.
    async_task(TASK, broker=broker, save=False)

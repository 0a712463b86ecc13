"""Work waits, a worker has nothing to do, and nothing begins: then the queue itself is broken."""

import logging
from time import monotonic

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from images.models import LeasedRow
from images.models.leased import eligible_at
from images.queue.turns import ANY_ROW
from images.queue.wakeups import ensure_wakeups

logger = logging.getLogger(__name__)

CYCLE_SECONDS = 1.0
HEAL_SECONDS = 3.0
STALL_SECONDS = 12.0


class StallDetector:
    """Asked at every turn of the guard's loop; looks at the database about once a second.

    A run that takes long is no stall, since its worker is busy; neither is a long queue, as long
    as runs begin. A wake-up that was lost is no stall either: after a few seconds it is replaced.
    """

    def __init__(self, model: type[LeasedRow], among: Q = ANY_ROW) -> None:
        """`among`: which rows are the workers' own."""
        self._model = model
        self._among = among
        self._since: float | None = None
        self._progress = 0.0
        self._healed = False
        self._next_look = 0.0

    def is_stalled(self, *, idle: bool, progress: float) -> bool:
        """`idle`: whether any worker is. `progress`: a number that changes when a run begins."""
        if monotonic() < self._next_look:
            return False
        self._next_look = monotonic() + CYCLE_SECONDS
        if progress != self._progress or not idle or not self._is_work_waiting():
            self._progress, self._since, self._healed = progress, None, False
            return False
        self._since = self._since or monotonic()
        waited = monotonic() - self._since
        if waited >= HEAL_SECONDS and not self._healed:
            self._heal()
        return waited >= STALL_SECONDS

    def _is_work_waiting(self) -> bool:
        try:
            rows = self._model._default_manager.filter(eligible_at(timezone.now()), self._among)
            return rows.exists()
        except Exception:
            logger.exception("Could not look for waiting work")
            connection.close()
            return False

    def _heal(self) -> None:
        self._healed = True
        try:
            ensure_wakeups(self._model, self._among)
        except Exception:
            logger.exception("Could not replace lost wake-ups")
            connection.close()

"""The slow slot: cutouts by engines that take long, done beside the workers and never by them.

A process for it is forked when such a row waits, and ends some minutes after the last one. So it
costs nothing while nobody asks for such an engine, and the gigabytes that a large network takes are
given back for good, as only the end of a process does. It looks for rows itself instead of being
woken: one queue less, and no lock that it could take along when it is killed, as the system
does to whoever takes too much memory. Therefore its death ends nothing else. It is of low
priority: on a machine that is busy it computes with what the workers leave over.
"""

import logging
import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.context import ForkProcess
from multiprocessing.sharedctypes import RawValue
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

from django import db
from django.db.models import Q
from django.utils import timezone
from django.utils.module_loading import import_string

from images.models import Cutout
from images.models.leased import eligible_at
from images.queue.workers import give_back_dead
from processing.engines.catalog import ENGINES

logger = logging.getLogger(__name__)

TASK = "images.tasks.run_next_slow_cutout"
LOOK_SECONDS = 1.0
IDLE_SECONDS = 120.0
# Of a run that is still going on when all is told to stop. The watchdog waits for 20.
STOP_SECONDS = 10.0
# Beyond the longest deadline, which the process itself keeps if it can.
EXTRA_SECONDS = 30.0
NICENESS = 10


def slow_cutouts() -> Q:
    """Rows of the slow slot. Edited cutouts need no engine, whatever they were painted on."""
    names = [info.name for info in ENGINES.values() if info.is_slow]
    return Q(engine__in=names, kind=Cutout.Kind.EXTRACTED)


def ordinary_cutouts() -> Q:
    """All others, which are the workers' own."""
    return ~slow_cutouts()


class SlowSlot:
    """At most `size` processes at once. Asked to `tend` at every turn of the guard's loop."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._busy_since: dict[ForkProcess, Any] = {}
        self._next_look = 0.0

    def tend(self) -> None:
        self._bury_the_dead()
        self._end_the_hung()
        if monotonic() < self._next_look or len(self._busy_since) >= self._size:
            return
        self._next_look = monotonic() + LOOK_SECONDS
        if all(since.value for since in self._busy_since.values()) and _is_work_waiting():
            self._spawn()

    def ask_to_stop(self) -> None:
        """Begin nothing more, and end after what is being done."""
        self._size = 0
        for process in self._busy_since:
            process.terminate()

    def stop(self, end: float) -> None:
        """Wait for those that were asked to stop, until `end`; what is not done begins anew."""
        for process in self._busy_since:
            process.join(max(0.0, end - monotonic()))
        if unfinished := [process for process in self._busy_since if process.is_alive()]:
            for process in unfinished:
                process.kill()
                process.join()
            give_back_dead(Cutout)

    def _spawn(self) -> None:
        db.connections.close_all()
        busy_since = RawValue("d", monotonic())
        process = multiprocessing.get_context("fork").Process(
            target=work, args=(busy_since,), name=f"Slow-{uuid4().hex[:8]}", daemon=True
        )
        self._busy_since[process] = busy_since
        process.start()

    def _bury_the_dead(self) -> None:
        for process in [p for p in self._busy_since if not p.is_alive()]:
            if process.exitcode:
                logger.warning("%s ended with code %s", process.name, process.exitcode)
            del self._busy_since[process]

    def _end_the_hung(self) -> None:
        longest = max(info.deadline_seconds for info in ENGINES.values()) + EXTRA_SECONDS
        for process, since in self._busy_since.items():
            if since.value and monotonic() - since.value > longest:
                logger.error("Ending %s, which hangs", process.name)
                process.kill()


def _is_work_waiting() -> bool:
    try:
        return Cutout.objects.filter(eligible_at(timezone.now()), slow_cutouts()).exists()
    except Exception:
        logger.exception("Could not look for slow work")
        db.connection.close()
        return False


def work(busy_since: Any) -> None:
    """The life of one process of the slot."""
    stopping = _stop_requests()
    os.nice(NICENESS)
    run_next: Callable[[], bool] = import_string(TASK)
    last = monotonic()
    while not stopping() and monotonic() - last < IDLE_SECONDS:
        busy_since.value = monotonic()
        worked = _attempt(run_next)
        busy_since.value = 0
        if worked:
            last = monotonic()
        else:
            sleep(LOOK_SECONDS)
    db.connections.close_all()


def _attempt(run_next: Callable[[], bool]) -> bool:
    try:
        db.close_old_connections()
        return run_next()
    except Exception:
        logger.exception("A slow run failed")
        db.connections.close_all()
        return False


def _stop_requests() -> Callable[[], bool]:
    """Whether it was asked to stop. From the keyboard only those above are asked."""
    requests: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: requests.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return lambda: bool(requests)

"""Holding a row: a heartbeat keeps its lease, and a deadline keeps it from being held for ever."""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from django.db import connections
from django_q.exceptions import TimeoutException

from images.models import LeasedRow
from images.queue.claims import Claim, put_back, renew

logger = logging.getLogger(__name__)

BEAT_SECONDS = 10.0
GRACE_SECONDS = 5.0
DEADLINE_EXCEEDED = "deadline_exceeded"
DEADLINE_MESSAGE = "This picture took longer than it may, and was given up."
INTERRUPTED = "interrupted"
INTERRUPTED_MESSAGE = "The run was interrupted."
# How a worker process says that it ended itself, and why; it held no lock of the queue then.
EXIT_DEADLINE = 75


@contextmanager
def hold(model: type[LeasedRow], claim: Claim, *, deadline: float) -> Iterator[None]:
    """Keep the lease of `claim` while the block runs, for at most `deadline` seconds.

    Past the deadline the row is put back, or fails the third time, and this *process* ends:
    code that hangs inside a library cannot be stopped in any other way. A block that is ended
    by SystemExit (as django-q2's time-out is) or from the keyboard puts the row back too.
    """
    heartbeat = Heartbeat(model, claim, deadline)
    heartbeat.start()
    try:
        yield
    except (SystemExit, KeyboardInterrupt) as error:
        _put_back_interrupted(model, claim, error)
        raise
    finally:
        heartbeat.stop()


class Heartbeat(threading.Thread):
    def __init__(self, model: type[LeasedRow], claim: Claim, deadline: float) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._model = model
        self._claim = claim
        self._end = monotonic() + deadline
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()
        self.join()

    def run(self) -> None:
        while not self._stopped.wait(min(BEAT_SECONDS, max(0.0, self._end - monotonic()))):
            if monotonic() >= self._end:
                self._give_up()
                return
            self._beat()

    def _beat(self) -> None:
        """A beat that fails is made up for by the next: the lease lasts three of them."""
        try:
            if not renew(self._model, self._claim):
                logger.warning("Somebody else holds row %s by now", self._claim.row_id)
        except Exception:
            logger.exception("Could not renew the lease of row %s", self._claim.row_id)
        finally:
            connections.close_all()

    def _give_up(self) -> None:
        try:
            given_up = give_up(self._model, self._claim)
        except Exception:
            logger.exception(
                "Could not put back row %s; its lease will run out", self._claim.row_id
            )
            given_up = True
        finally:
            connections.close_all()
        # Not ours any more: either the run has just finished, or it hangs on a lost row.
        if given_up or not self._stopped.wait(GRACE_SECONDS):
            logger.error("Row %s passed its deadline: ending this process", self._claim.row_id)
            os._exit(EXIT_DEADLINE)


def give_up(model: type[LeasedRow], claim: Claim) -> bool:
    """Count a failure for a run that takes too long. False if the row is not held any more."""
    return put_back(
        model,
        claim,
        delay=0,
        code=DEADLINE_EXCEEDED,
        message=DEADLINE_MESSAGE,
        final_code=DEADLINE_EXCEEDED,
    )


def _put_back_interrupted(
    model: type[LeasedRow], claim: Claim, error: SystemExit | KeyboardInterrupt
) -> None:
    if isinstance(error, TimeoutException):
        give_up(model, claim)
        return
    put_back(
        model,
        claim,
        delay=0,
        code=INTERRUPTED,
        message=INTERRUPTED_MESSAGE,
        count_failure=not isinstance(error, KeyboardInterrupt),
    )

"""Work other than pictures: rows that wait for somebody else, such as messages to other servers.

It is done by a few threads inside the process of the sweep: it costs no processor to speak of, so
that a process of its own would be memory for nothing. Workers of pictures never do it, since a
server that does not answer would keep people waiting for their cutouts.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from django.db import close_old_connections, connection
from django.db.models import Q

from images.models import LeasedRow
from images.queue.claims import Claim, claim_next, put_back
from images.queue.lease import hold
from images.queue.turns import ANY_ROW
from images.queue.workers import worker_id

logger = logging.getLogger(__name__)

THREADS = 4
IDLE_SECONDS = 1.0
STOP_SECONDS = 2.0
RETRY_SECONDS = 60.0
INTERNAL_ERROR = "internal_error"
INTERNAL_MESSAGE = "Something went wrong on this server."


@dataclass(frozen=True, slots=True)
class Errand:
    """One kind of rows, and how one of them is done.

    run: called with a row and its claim; it ends the row, or puts it back. It must end by itself
    long before the row's deadline, since `hold` would end the whole process.
    among: asked before each claim: which rows may be begun now.
    """

    model: type[LeasedRow]
    run: Callable[[Any, Claim], None]
    among: Callable[[], Q] = lambda: ANY_ROW


class Errands:
    """Threads that do errands. One of them at a time looks out for the next row."""

    def __init__(self, errands: Sequence[Errand], *, threads: int = THREADS) -> None:
        self._errands = errands
        self._stopping = threading.Event()
        self._lookout = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, name=f"errands-{number}", daemon=True)
            for number in range(threads if errands else 0)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """Begin nothing more, and wait for what is being done. Whether all of it has ended.

        What has not is left to the end of the process: its rows are given back when the next
        sweep begins, as those of any dead process.
        """
        self._stopping.set()
        end = monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                if found := self._wait_for_row():
                    _do(*found)
            except Exception:
                logger.exception("An errand failed")
                connection.close()
                self._stopping.wait(IDLE_SECONDS)
        connection.close()

    def _wait_for_row(self) -> tuple[Errand, LeasedRow, Claim] | None:
        """The next row, claimed; None when it is time to stop.

        The lock makes one thread ask the database while nothing is to be done, and makes sure
        that what `among` saw still holds when the row is claimed.
        """
        with self._lookout:
            while not self._stopping.is_set():
                close_old_connections()
                for errand in self._errands:
                    claimed = claim_next(errand.model, worker=worker_id(), among=errand.among())
                    if claimed:
                        return errand, *claimed
                self._stopping.wait(IDLE_SECONDS)
        return None


def _do(errand: Errand, row: LeasedRow, claim: Claim) -> None:
    with hold(errand.model, claim, deadline=row.deadline()):
        try:
            errand.run(row, claim)
        except Exception:
            logger.exception("The errand %s failed", row.pk)
            connection.close()
            put_back(
                errand.model,
                claim,
                delay=RETRY_SECONDS,
                code=INTERNAL_ERROR,
                message=INTERNAL_MESSAGE,
            )

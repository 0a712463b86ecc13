"""Places of one process for requests that hold a thread while they wait."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from images.services.errors import Busy


class Places:
    """So many at once, of which one person never has all, where there is more than one.

    standing: how many more may wait for a place; they hold a thread, too.
    """

    def __init__(self, count: int, *, standing: int = 0) -> None:
        self._count = count
        self._share = max(1, count - 1)
        self._room = standing
        self._standing = 0
        self._changed = threading.Condition()
        self._held: Counter[UUID] = Counter()

    @contextmanager
    def taken(self, owner: UUID, *, patience: float = 0) -> Iterator[None]:
        """Raises Busy if no place for `owner` comes free in `patience` seconds, or if as many as
        may wait for one do so already.
        """
        with self._changed:
            if not self._is_free(owner):
                self._stand(owner, patience)
            self._held[owner] += 1
        try:
            yield
        finally:
            with self._changed:
                self._held[owner] -= 1
                self._held += Counter()  # forgets those who hold none
                self._changed.notify_all()

    def _is_free(self, owner: UUID) -> bool:
        return self._held.total() < self._count and self._held[owner] < self._share

    def _stand(self, owner: UUID, patience: float) -> None:
        if patience <= 0 or self._standing >= self._room:
            raise Busy
        self._standing += 1
        try:
            if not self._changed.wait_for(lambda: self._is_free(owner), timeout=patience):
                raise Busy
        finally:
            self._standing -= 1

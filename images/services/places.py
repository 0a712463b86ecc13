"""Places of one process for requests that hold a thread while they wait."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from images.services.errors import Busy


class Places:
    """So many at once, of which one person never has all, where there is more than one."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._share = max(1, count - 1)
        self._lock = threading.Lock()
        self._held: Counter[UUID] = Counter()

    @contextmanager
    def taken(self, owner: UUID) -> Iterator[None]:
        """Raises Busy at once if there is no place for `owner`."""
        with self._lock:
            if self._held.total() >= self._count or self._held[owner] >= self._share:
                raise Busy
            self._held[owner] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[owner] -= 1
                self._held += Counter()  # forgets those who hold none

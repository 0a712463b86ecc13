"""A cache in files that several processes share, and that locks can be built on."""

from pathlib import Path
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.filebased import FileBasedCache
from django.core.files import locks


class FileCache(FileBasedCache):
    """Of several that add the same key at once, one succeeds.

    Django looks first and writes then, so that two can both succeed. Limits on attempts, and codes
    that work once, rely on it that they cannot.
    """

    def __init__(self, dir: str, params: dict[str, Any]) -> None:  # noqa: A002 - as Django calls it
        super().__init__(dir, params)
        self._turns = Path(dir) / "add.lock"

    def add(
        self,
        key: Any,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> bool:
        self._turns.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._turns.open("a") as file:
            locks.lock(file, locks.LOCK_EX)  # given up when the file is closed
            return super().add(key, value, timeout, version)

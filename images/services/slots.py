"""Places and locks that all processes of this machine share, kept as locked files.

The operating system lets go of such a lock when its holder dies, so nothing needs to be swept.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from images.services.errors import Busy

POLL_SECONDS = 0.03
LOCK_FILES = 256


@contextmanager
def render_slot() -> Iterator[None]:
    """One of the RENDER_SLOTS places; raises Busy if none comes free in time."""
    names = [f"render-{number}" for number in range(settings.RENDER_SLOTS)]
    with _first_free(names):
        yield


@contextmanager
def only_one(key: str) -> Iterator[None]:
    """Whoever renders `key` does so alone; raises Busy if the other one takes too long.

    Different keys now and then share a lock file, which costs a wait and nothing else.
    """
    digest = hashlib.sha256(key.encode()).digest()
    with _first_free([f"key-{digest[0] % LOCK_FILES}"]):
        yield


@contextmanager
def _first_free(names: list[str]) -> Iterator[None]:
    give_up = time.monotonic() + settings.RENDER_WAIT_SECONDS
    while True:
        for name in names:
            descriptor = _try_lock(_folder() / name)
            if descriptor is not None:
                try:
                    yield
                finally:
                    os.close(descriptor)
                return
        if time.monotonic() > give_up:
            raise Busy
        time.sleep(POLL_SECONDS)


def _folder() -> Path:
    folder: Path = settings.DATA_DIR / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _try_lock(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor

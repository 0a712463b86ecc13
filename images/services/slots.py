"""Places and locks that all processes of this machine share, kept as locked files.

The operating system lets go of such a lock when its holder dies, so nothing needs to be swept.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import UUID

from django.conf import settings

from images.services.errors import Busy
from images.services.places import Places

POLL_SECONDS = 0.03
LOCK_FILES = 256

# Requests that wait for a place hold a thread; the other half stays free for everybody else.
_waiting = Places(max(1, settings.WEB_THREADS // 2))


@contextmanager
def rendering(key: str, *, owner: UUID) -> Iterator[None]:
    """Render `key`: alone, in one of the RENDER_SLOTS places, of which an owner never has all.

    Raises Busy if no place comes free in RENDER_WAIT_SECONDS, or too many are waiting already.
    Different keys and owners now and then share a lock file, which costs a wait, nothing else.
    """
    places = range(settings.RENDER_SLOTS)
    share = range(max(1, settings.RENDER_SLOTS - 1))
    give_up = time.monotonic() + settings.RENDER_WAIT_SECONDS
    with ExitStack() as held:
        with _waiting.taken(owner):
            _take([f"key-{_bucket(key)}"], give_up, held)
            _take([f"owner-{_bucket(str(owner))}-{number}" for number in share], give_up, held)
            _take([f"render-{number}" for number in places], give_up, held)
        yield


def hold(*alternatives: list[str]) -> ExitStack:
    """Lock one file of each list, now or never, until the answer is closed. Raises Busy."""
    with ExitStack() as held:
        for names in alternatives:
            _take(names, 0.0, held)
        return held.pop_all()


def _take(names: list[str], give_up: float, held: ExitStack) -> None:
    """Lock the first of the files that is free, until `held` is left."""
    while True:
        for name in names:
            descriptor = _try_lock(_folder() / name)
            if descriptor is not None:
                held.callback(os.close, descriptor)
                return
        if time.monotonic() > give_up:
            raise Busy
        time.sleep(POLL_SECONDS)


def _bucket(text: str) -> int:
    return hashlib.sha256(text.encode()).digest()[0] % LOCK_FILES


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

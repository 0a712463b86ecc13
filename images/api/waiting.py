"""`Prefer: wait=N` (RFC 7240): answer when the work is done, or after N seconds as it stands."""

import re
import threading
import time
from uuid import UUID

from django.conf import settings
from rest_framework.request import Request

from images.models import Cutout

MAX_WAIT_SECONDS = 60
POLL_SECONDS = 0.04

# Waiting requests may hold half of the threads; the rest stays free for everybody else.
_places = threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 2))


def preferred_wait(request: Request) -> float:
    """Seconds the client is willing to wait; 0 when it did not say, or said nonsense."""
    found = re.search(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,4})", request.headers.get("Prefer", ""))
    return min(int(found.group(1)), MAX_WAIT_SECONDS) if found else 0


def wait_for(cutout_id: UUID, *, seconds: float) -> bool:
    """Poll until the cutout is no longer pending; False if nothing was waited for.

    Without a free place the preference is ignored, as RFC 7240 allows.
    """
    if seconds <= 0 or not _places.acquire(blocking=False):
        return False
    try:
        give_up = time.monotonic() + seconds
        while Cutout.objects.filter(pk=cutout_id).pending().exists():
            if time.monotonic() > give_up:
                break
            time.sleep(POLL_SECONDS)
    finally:
        _places.release()
    return True

"""`Prefer: wait=N` (RFC 7240): answer when the work is done, or after N seconds as it stands."""

import re
import time
from contextlib import AbstractContextManager
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from images.models import Cutout
from images.services.errors import Busy
from images.services.places import Places

MAX_WAIT_SECONDS = 60
POLL_SECONDS = 0.025

PREFER = OpenApiParameter(
    "Prefer",
    location=OpenApiParameter.HEADER,
    description="`wait=20`: answer when the cutout is done, or after 20 seconds as it stands.",
)

# Waiting requests may hold half of the threads; the rest stays free for everybody else.
_places = Places(max(1, settings.WEB_THREADS // 2), standing=settings.WEB_THREADS // 4)


def preferred_wait(request: Request) -> float:
    """Seconds the client is willing to wait; 0 when it did not say, or said nonsense."""
    found = re.search(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,4})", request.headers.get("Prefer", ""))
    return min(int(found.group(1)), MAX_WAIT_SECONDS) if found else 0


def wait_for(cutout_id: UUID, *, seconds: float, owner: UUID) -> bool:
    """Poll until the cutout is no longer pending; False if nothing was waited for.

    Without a free place the preference is ignored, as RFC 7240 allows.
    """
    if seconds <= 0:
        return False
    try:
        with waiting_place(owner):
            poll(cutout_id, until=time.monotonic() + seconds)
    except Busy:
        return False
    return True


def waiting_place(owner: UUID, *, patience: float = 0) -> AbstractContextManager[None]:
    """One of the places of requests that wait.

    Raises Busy if none comes free for `owner` in `patience` seconds; without patience, at once.
    """
    return _places.taken(owner, patience=patience)


def poll(cutout_id: UUID, *, until: float) -> bool:
    """Wait for the cutout, outside of any transaction; False if it is still pending `until` then.

    until: a moment of `time.monotonic()`.
    """
    while Cutout.objects.filter(pk=cutout_id).pending().exists():
        if time.monotonic() > until:
            return False
        time.sleep(POLL_SECONDS)
    return True

"""Where and when each session was last seen, for the page that lists them."""

import threading
import time
from collections.abc import Callable
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase

from accounts.models import User

EVERY_SECONDS = 300
REMEMBERED = 10_000

_noted: dict[str, float] = {}
_lock = threading.Lock()


class SessionActivity:
    """Writes it down every five minutes, and not with every request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        key = request.session.session_key
        if key and request.user.is_authenticated and _is_due(key):
            UserSession.objects.create_from_request(request)
        return self.get_response(request)


@receiver(user_logged_in)
def note_login(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Every session is listed from its beginning, whichever page has signed in."""
    request.user = user
    UserSession.objects.create_from_request(request)
    _is_due(request.session.session_key or "")


def _is_due(key: str) -> bool:
    """True the first time in five minutes that this process sees the session."""
    now = time.monotonic()
    with _lock:
        if now - _noted.get(key, -EVERY_SECONDS) < EVERY_SECONDS:
            return False
        if len(_noted) >= REMEMBERED:
            _noted.clear()
        _noted[key] = now
    return True

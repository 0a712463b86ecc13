"""Throwing away what libraries leave behind in the database."""

from datetime import timedelta
from importlib import import_module

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone
from django_q.models import Failure

FAILURES_KEPT = timedelta(days=30)


def clear_expired_sessions() -> int:
    """As `manage.py clearsessions` does. How many is not told, so always 0."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    return 0


def clear_old_failures() -> int:
    """django-q2 keeps failed tasks for ever; the rows they were about tell more."""
    count, _by_model = Failure.objects.filter(stopped__lt=timezone.now() - FAILURES_KEPT).delete()
    return count


def forget_ended_sessions() -> int:
    """Rows about sessions that have ended; nobody may have looked at the list since."""
    alive = Session.objects.values("session_key")
    count, _by_model = UserSession.objects.exclude(session_key__in=alive).delete()
    return count

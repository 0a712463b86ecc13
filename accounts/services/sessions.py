"""Sessions of a person that are still good for something."""

from allauth.usersessions.models import UserSession
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User


def living_sessions(*, user: User) -> list[UserSession]:
    """Newest first, in a fixed number of queries. Rows about sessions that are over are removed.

    A session is over once it is deleted or too old, or the password is another one since.
    """
    rows = UserSession.objects.filter(user=user).order_by("-last_seen_at")
    good = _good_keys(user, rows)
    over = [row.pk for row in rows if row.session_key not in good]
    if over:
        UserSession.objects.filter(pk__in=over).delete()
    return [row for row in rows if row.session_key in good]


def _good_keys(user: User, rows: QuerySet[UserSession]) -> set[str]:
    """As django.contrib.auth decides, also with a SECRET_KEY of earlier days."""
    hashes = {user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()}
    stored = Session.objects.filter(
        session_key__in=[row.session_key for row in rows], expire_date__gt=timezone.now()
    )
    return {one.session_key for one in stored if one.get_decoded().get(HASH_SESSION_KEY) in hashes}

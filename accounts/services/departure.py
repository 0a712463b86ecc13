"""Leaving for good. What hangs on an account goes at once, its pictures with the next sweeps."""

import logging

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Invitation, User
from accounts.services.errors import LastAdministrator

logger = logging.getLogger(__name__)

# No mail can be sent to it, and nobody can have it (RFC 2606).
NOWHERE = "deleted.invalid"


def leave(*, user: User) -> None:
    """Forget `user`: signed out everywhere, keys gone, the address free, all in one transaction.

    The row stays, without anything that says who it was, until the sweep has deleted its pictures
    and files (images.services.departures). Raises LastAdministrator for the only active superuser;
    does nothing the second time.
    """
    with transaction.atomic():
        _lock(user)
        row = User.objects.get(pk=user.pk)
        if row.deletion_requested_at is None:
            _refuse_the_last(row)
            email = row.email
            _end_sessions(row)
            _forget_belongings(row, email)
            _forget_person(row)
            logger.info("Account %s is being deleted", row.pk)


def is_last_administrator(user: User) -> bool:
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    return user.is_superuser and user.is_active and not others.exists()


def _lock(user: User) -> None:
    """With all superusers if it is one of them, so that the last two cannot leave at the same
    moment. One query in one order: else each could wait for a row that the other holds."""
    wanted = Q(pk=user.pk) | Q(is_superuser=True) if user.is_superuser else Q(pk=user.pk)
    list(User.objects.select_for_update().filter(wanted).order_by("pk"))


def _refuse_the_last(user: User) -> None:
    if is_last_administrator(user):
        raise LastAdministrator


def _end_sessions(user: User) -> None:
    """Those that are not listed end as well: no inactive account is signed in."""
    for session in UserSession.objects.filter(user_id=user.pk):
        session.end()


def _forget_belongings(user: User, email: str) -> None:
    user.api_tokens.all().delete()
    for model in (EmailAddress, Authenticator, SocialAccount):
        model.objects.filter(user_id=user.pk).delete()
    invitations = Invitation.objects.filter(Q(used_by=user) | Q(email__iexact=email))
    for row in (user, *invitations):
        _forget_name(row)
    invitations.delete()


def _forget_name(row: User | Invitation) -> None:
    """In the log of the admin site, which stays."""
    kind = ContentType.objects.get_for_model(row)
    LogEntry.objects.filter(content_type=kind, object_id=str(row.pk)).update(
        object_repr=str(row.pk), change_message=""
    )


def _forget_person(user: User) -> None:
    user.email = f"{user.pk}@{NOWHERE}"
    user.name = ""
    user.is_active = user.is_staff = user.is_superuser = False
    user.deletion_requested_at = timezone.now()
    user.set_unusable_password()
    user.groups.clear()
    user.user_permissions.clear()
    user.save()

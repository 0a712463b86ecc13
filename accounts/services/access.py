"""What administrators do about people's access: ending sessions, switching accounts off and on."""

import logging
from collections.abc import Sequence

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services.addresses import count_as_verified

logger = logging.getLogger(__name__)


def end_sessions(*, users: Sequence[User]) -> int:
    """Sign these people out everywhere at once. Returns how many sessions ended.

    All sessions are looked at: one that has not been used since an upgrade is in no list yet.
    That takes a while where there are many, so it is done before anything is locked: do not call
    this in a transaction.
    """
    keys = _live_sessions_of({str(user.pk) for user in users})
    with transaction.atomic():
        UserSession.objects.filter(user__in=users).delete()
        count, _by_model = Session.objects.filter(pk__in=keys).delete()
    return count


def _live_sessions_of(wanted: set[str]) -> list[str]:
    live = Session.objects.filter(expire_date__gt=timezone.now())
    return [row.pk for row in live.iterator() if row.get_decoded().get(SESSION_KEY) in wanted]


def deactivate(*, users: Sequence[User]) -> int:
    """Switch accounts off and end their sessions; their keys stop working. Returns how many.

    They are off before their sessions end, so that no new ones begin meanwhile.
    """
    active = User.objects.filter(pk__in=[user.pk for user in users], is_active=True)
    changed = active.update(is_active=False)
    end_sessions(users=users)
    return changed


def activate(*, users: Sequence[User]) -> int:
    """Switch accounts on again. Returns how many were off."""
    inactive = User.objects.filter(pk__in=[user.pk for user in users], is_active=False)
    return inactive.update(is_active=True)


def remove_second_factors(*, user: User) -> int:
    """Forget the person's authenticator app, passkeys and recovery codes. Returns how many.

    They are told by mail where there is a mail server. A mail that cannot be sent undoes nothing:
    whoever asked for help is on the telephone.
    """
    count, _by_model = Authenticator.objects.filter(user=user).delete()
    if count and settings.HAS_MAIL_SERVER:
        try:
            send_mail(
                _("Your second factor was removed"),
                render_to_string("accounts/email/second_factor_removed.txt", {"user": user}),
                None,
                [user.email],
            )
        except OSError:  # of which those of smtplib are
            logger.exception("Could not tell %s that the second factor was removed", user.pk)
    return count


@transaction.atomic
def vouch_for_address(*, user: User) -> None:
    """Have `user.email` be the one address of the account, verified: an administrator wrote it."""
    EmailAddress.objects.filter(user=user).exclude(email=user.email).delete()
    count_as_verified(user=user)

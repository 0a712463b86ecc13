"""Accounts that nobody has used for UNUSED_ACCOUNT_DAYS: warned first, deleted two weeks later.

Administrators are left alone, and so are accounts that are switched off: somebody decided that.
"""

import logging
from datetime import datetime, timedelta
from itertools import takewhile

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services.departure import leave

logger = logging.getLogger(__name__)

NOTICE = timedelta(days=14)
AT_ONCE = 50


def warn_unused() -> int:
    """Warn by mail those whose account goes in 14 days. Returns how many.

    Where there is no mail server nobody can be warned, and the 14 days pass all the same. A mail
    that the server does not take ends it for now; the next sweep tries again.
    """
    if not settings.UNUSED_ACCOUNT_DAYS:
        return 0
    due = _unused(timezone.now() + NOTICE).filter(deletion_warned_at=None)[:AT_ONCE]
    return len(list(takewhile(_warn, due)))


def delete_unused() -> int:
    """Delete accounts that were warned 14 days ago and not used since. Returns how many."""
    if not settings.UNUSED_ACCOUNT_DAYS:
        return 0
    now = timezone.now()
    due = _unused(now).filter(deletion_warned_at__lte=now - NOTICE)[:AT_ONCE]
    return sum(_delete(user) for user in due)


def _unused(at: datetime) -> QuerySet[User]:
    """Whose time is over at `at`."""
    limit = at - timedelta(days=settings.UNUSED_ACCOUNT_DAYS)
    return User.objects.filter(
        is_active=True, is_staff=False, is_superuser=False, last_seen_at__lt=limit
    ).order_by("last_seen_at")


def _warn(user: User) -> bool:
    """The note comes before the mail: two sweeps at the same time send one."""
    now = timezone.now()
    if not User.objects.filter(pk=user.pk, deletion_warned_at=None).update(deletion_warned_at=now):
        return False
    try:
        _send(user, now + NOTICE)
    except OSError as error:
        User.objects.filter(pk=user.pk).update(deletion_warned_at=None)
        logger.warning("The mail server does not take warnings of deletion: %s", error)
        return False
    logger.info("Account %s is unused and will be deleted in %s days", user.pk, NOTICE.days)
    return True


def _send(user: User, day: datetime) -> None:
    if settings.HAS_MAIL_SERVER:
        context = {"user": user, "day": day}
        text = render_to_string("accounts/email/unused.txt", context)
        send_mail(_("Your account at Clearcut will be deleted"), text, None, [user.email])


def _delete(user: User) -> bool:
    """Somebody who came back a moment ago stays."""
    if not _unused(timezone.now()).filter(pk=user.pk).exists():
        return False
    leave(user=user)
    return True

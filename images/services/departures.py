"""The last of accounts whose owners have left: pictures and files, then the row."""

import logging
from time import monotonic
from typing import TYPE_CHECKING, Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.db.models import CASCADE

from images.models import Image, Usage
from images.services.trash import purge

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)

BUDGET_SECONDS = 20.0


def delete_departed() -> int:
    """Delete what is left of accounts that are to go, for some seconds. Returns how many pictures.

    An account's row goes when nothing is left of its pictures, and takes along what else refers to
    it. That of somebody who has acted as an administrator stays as long as the log of that does;
    it says nothing about the person. Whatever is not done now is done by the next sweep.
    """
    deleted, end = 0, monotonic() + BUDGET_SECONDS
    for user in get_user_model().objects.exclude(deletion_requested_at=None):
        if monotonic() > end:
            break
        try:
            deleted += _delete(user, end)
        except Exception:
            logger.exception("What is left of account %s cannot be deleted", user.pk)
    return deleted


def _delete(user: "User", end: float) -> int:
    Usage.objects.filter(owner=user).delete()  # else every picture would be counted back
    deleted = purge(images=Image.objects.filter(owner=user), until=end)
    if monotonic() <= end:
        _forget(user)
    return deleted


def _forget(user: "User") -> None:
    if not LogEntry.objects.filter(user=user).exists():
        user.delete()
        return
    for relation in user._meta.related_objects:
        if relation.related_model is not LogEntry and relation.on_delete is CASCADE:
            rows: Any = relation.related_model
            rows._base_manager.filter(**{relation.field.name: user}).delete()

"""Mattes as people sent them. They belong to no limit, so none stays longer than it is of use."""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone

from images.models import Cutout, Status
from images.services.storage import delete_file, delete_on_commit

KEPT_FOR_RETRIES = timedelta(days=1)
AT_ONCE = 500


def drop_sent(cutouts: Iterable[Cutout]) -> int:
    """Forget what was sent for these, with the file, on commit. Returns how many there were."""
    return sum(_drop(cutout) for cutout in cutouts)


def drop_old_sent() -> int:
    """Of edits that failed more than a day ago and that nobody tried again. Returns how many."""
    limit = timezone.now() - KEPT_FOR_RETRIES
    # Any code: an index leads to those, past everything that is done.
    failed = Cutout.objects.filter(error_code__gt="", status=Status.FAILED, finished_at__lt=limit)
    sent = failed.filter(kind=Cutout.Kind.EDITED).exclude(sent_matte="")
    return sum(_drop_failed(cutout) for cutout in list(sent.order_by()[:AT_ONCE]))


def _drop_failed(cutout: Cutout) -> int:
    """Unless somebody has just tried it again."""
    with transaction.atomic():
        rows = Cutout.objects.select_for_update().filter(pk=cutout.pk, status=Status.FAILED)
        return drop_sent([cutout]) if rows.values_list("pk") else 0


def _drop(cutout: Cutout) -> int:
    name = str(cutout.sent_matte.name or "")
    if not name:
        return 0
    gone = Cutout.objects.filter(pk=cutout.pk, sent_matte=name).update(sent_matte="")
    delete_on_commit(partial(delete_file, cutout.sent_matte.storage, name), name)
    return gone

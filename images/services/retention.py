"""How long pictures are kept. Originals can go before results: then each finished cutout keeps the
subject on transparent ground, and renders every background from that.
"""

import logging
import secrets
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone

from images.models import Cutout, Image, Status
from images.models.image import ImageQuerySet
from images.services.errors import ServiceError
from images.services.locking import hold_images
from images.services.quotas import give_back_bytes
from images.services.rendering import render_cutout
from images.services.sent_mattes import drop_sent
from images.services.storage import StoredFiles, delete_folder, delete_on_commit
from images.services.trash import purge
from processing.errors import ProcessingError
from processing.spec import RenderSpec

logger = logging.getLogger(__name__)

BUDGET_SECONDS = 10.0
AT_ONCE = 200
PENDING = (Status.QUEUED, Status.RUNNING)
RESULT = RenderSpec()  # PNG, whole size, transparent


def drop_old_originals() -> int:
    """Delete originals older than ORIGINAL_DAYS, for some seconds. Returns how many."""
    if not settings.ORIGINAL_DAYS:
        return 0
    limit = timezone.now() - timedelta(days=settings.ORIGINAL_DAYS)
    due = _finished(limit).filter(original_deleted_at=None)
    dropped, end = 0, monotonic() + BUDGET_SECONDS
    # A list: a cursor that is read while rows are written fails on SQLite once others write, too.
    for image in list(due.order_by("created_at")[:AT_ONCE]):
        dropped += drop_original(image=image)
        if monotonic() > end:
            break
    return dropped


def purge_old_results() -> int:
    """Delete pictures with all they have once their newest cutout is older than RESULT_DAYS."""
    if not settings.RESULT_DAYS:
        return 0
    return purge(images=_finished(timezone.now() - timedelta(days=settings.RESULT_DAYS)))


def purge_passed() -> int:
    """Delete pictures of programs that keep nothing here, once nobody asks again.

    Not before they are done: whoever waits in a long queue still gets them.
    """
    passed = Image.objects.filter(expires_at__lt=timezone.now())
    return purge(images=passed.exclude(latest_cutout__status__in=PENDING))


def _finished(limit: datetime) -> ImageQuerySet:
    """Uploaded before `limit`, with nothing under way and nothing finished since."""
    return Image.objects.filter(created_at__lt=limit).filter(
        Q(latest_cutout=None)
        | Q(latest_cutout__status__in=(Status.DONE, Status.FAILED))
        & (Q(latest_cutout__finished_at=None) | Q(latest_cutout__finished_at__lt=limit))
    )


def drop_original(*, image: Image) -> bool:
    """Delete the original of `image` and its preview; finished cutouts stay as they look.

    A picture without any finished cutout is deleted as a whole. False if a result could not be
    kept: then the original stays, and the log says why.
    """
    cutouts = list(image.cutouts.filter(status=Status.DONE))
    if not cutouts:
        return bool(purge(images=Image.objects.filter(pk=image.pk)))
    try:
        for cutout in cutouts:
            keep_result(cutout=cutout)
    except (OSError, DatabaseError, ProcessingError, ServiceError):
        logger.exception("The original of picture %s cannot be dropped yet", image.pk)
        return False
    return _forget_original(image)


def keep_result(*, cutout: Cutout) -> None:
    """Store the subject of `cutout` at full size on transparent ground, unless that is done.

    Raises what `render_cutout` raises, and StorageFull.
    """
    if cutout.result:
        return
    data, _size = render_cutout(cutout=cutout, spec=RESULT)
    files = StoredFiles()
    try:
        name = files.save(cutout.result, f"result-{secrets.token_hex(4)}.png", data)
        stored = Cutout.objects.filter(pk=cutout.pk, result="").update(result=name)
    except BaseException:
        files.drop()
        raise
    if stored:
        cutout.result = name
    else:  # purged meanwhile, or kept by another sweep
        files.drop()


def _forget_original(image: Image) -> bool:
    """One conditional UPDATE: not if somebody has it cut out again just now."""
    idle = Image.objects.filter(pk=image.pk, original_deleted_at=None).exclude(
        latest_cutout__status__in=PENDING
    )
    with transaction.atomic():
        hold_images([image.pk])  # and whoever did that a moment ago is seen
        gone = idle.update(original_deleted_at=timezone.now(), original="", preview="")
        if gone:
            give_back_bytes(owner_id=image.owner_id, byte_size=image.byte_size)
            for folder in image.folders:
                delete_on_commit(partial(delete_folder, default_storage, folder), folder)
            # Mattes that could not be used may carry the original's colours.
            drop_sent(image.cutouts.filter(kind=Cutout.Kind.EDITED).exclude(sent_matte=""))
    return bool(gone)

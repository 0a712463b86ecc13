"""The life of a cutout: submit, run, retry."""

import logging
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from images.models import Batch, Cutout, Image, Lane, Status
from images.models.cutout import CutoutQuerySet
from images.queue.claims import Claim, claim_next, from_the_beginning, postpone, put_back, refuse
from images.queue.lease import hold
from images.queue.slow import ordinary_cutouts, slow_cutouts
from images.queue.wakeups import wake
from images.queue.workers import worker_id
from images.services import engines, export
from images.services.errors import (
    MAX_VERSIONS,
    CutoutNotFailed,
    CutoutNotNewest,
    CutoutPending,
    ImageGone,
    ImageInTrash,
    OriginalDeleted,
    SentMatteGone,
    ServiceError,
    TooManyVersions,
)
from images.services.extraction import extract_cutout, fail_cutout
from images.services.quotas import take_cutout
from processing.engines.catalog import ENGINES
from processing.errors import (
    EngineUnavailable,
    ProcessingError,
    ServiceAsksToWait,
    ServiceFailed,
    UnknownEngine,
)
from processing.spec import ExtractSpec

logger = logging.getLogger(__name__)

# More than these of one person under way at once, and the rest lets other people go first.
INTERACTIVE_AT_ONCE = 8
RETRY_DELAY_SECONDS = 2
ENGINE_RETRY_SECONDS = 10
SERVICE_RETRY_SECONDS = 5
SERVICE_PATIENCE = timedelta(hours=1)
SLOW_PATIENCE = timedelta(hours=1)
MAX_REFUSED_AT_ONCE = 500
REMEMBER_SECONDS = 24 * 3600
MAX_POSITION = 500


def default_spec() -> ExtractSpec:
    return ExtractSpec(engine=settings.DEFAULT_ENGINE)


def queue_cutout(*, image: Image, extract_spec: ExtractSpec) -> Cutout:
    """Write a queued cutout of `image` and wake a worker, in the caller's transaction.

    Raises CutoutLimitReached.
    """
    now = timezone.now()
    take_cutout(owner=image.owner, at=now)
    cutout = Cutout(
        image=image, queued_at=now, engine=extract_spec.engine, extract_spec=str(extract_spec)
    )
    enqueue(cutout, image=image)
    return cutout


def enqueue(cutout: Cutout, *, image: Image) -> None:
    """Write a new row as the latest of `image` and wake a worker, in the caller's transaction."""
    cutout.owner_id = image.owner_id
    cutout.lane = _lane_for(image, cutout)
    cutout.save(force_insert=True)
    image.latest_cutout = cutout
    image.save(update_fields=["latest_cutout"])
    wake()


def offered(spec: ExtractSpec) -> ExtractSpec:
    """`spec` itself; raises UnknownEngine if its engine is none that people may choose, or
    EngineUnavailable if nobody has made it ready here.
    """
    if not engines.is_offered(spec.engine):
        raise UnknownEngine(spec.engine)
    engines.require_usable(spec.engine)
    return spec


def check_region(spec: ExtractSpec, size: tuple[int, int]) -> None:
    """Raises RegionOutside or RegionEmpty if the region of interest does not fit the picture."""
    if spec.roi is not None:
        spec.roi.box(size)


def request_cutout(*, image: Image, extract_spec: ExtractSpec | None = None) -> Cutout:
    """Cut `image` out once more, with other parameters or the same.

    Raises UnknownEngine, InvalidSpec, ImageGone, ImageInTrash, OriginalDeleted,
    TooManyVersions, CutoutLimitReached, or CutoutPending while one is under way.
    """
    spec = offered(extract_spec or default_spec())
    check_region(spec, (image.width, image.height))
    with transaction.atomic():
        return queue_cutout(image=lock_idle(image), extract_spec=spec)


def lock_idle(image: Image) -> Image:
    """The row of a picture that may get another cutout, locked in the caller's transaction.

    Raises ImageGone, ImageInTrash, OriginalDeleted, TooManyVersions, or CutoutPending while one is
    under way.
    """
    locked = _lock_usable(image.pk)
    if locked.latest_cutout and locked.latest_cutout.is_pending:
        raise CutoutPending
    if locked.cutouts.count() >= MAX_VERSIONS:
        raise TooManyVersions
    _tell_end_again(locked)
    return locked


def _tell_end_again(image: Image) -> None:
    """The batch of a picture goes on, and its end is news once more.

    Before the month is counted, as whoever puts a picture into the batch does.
    """
    if image.batch_id:
        Batch.objects.filter(pk=image.batch_id).update(announced=0)


def _lock_usable(image_id: UUID) -> Image:
    """The row of a picture that is there to be worked on. Raises ImageGone, ImageInTrash,
    OriginalDeleted.
    """
    images = Image.objects.select_for_update(of=("self",)).select_related("latest_cutout", "owner")
    locked = images.filter(pk=image_id).first()
    if locked is None:
        raise ImageGone
    if locked.deleted_at:
        raise ImageInTrash
    if locked.original_deleted_at:
        raise OriginalDeleted
    return locked


def retry_cutout(*, cutout: Cutout) -> Cutout:
    """Put a failed cutout back into the queue.

    Raises ImageGone, ImageInTrash, OriginalDeleted, CutoutLimitReached, CutoutNotFailed if it has
    not failed, CutoutNotNewest if the picture has a newer one (CutoutPending while that is under
    way), SentMatteGone, or EngineUnavailable.
    """
    if cutout.kind == Cutout.Kind.EXTRACTED:
        engines.require_usable(cutout.engine)
    now = timezone.now()
    with transaction.atomic():
        image = _lock_usable(cutout.image_id)
        changed = _retryable(image, cutout).update(
            **from_the_beginning(now), lane=_lane_for(image, cutout)
        )
        if not changed:
            raise SentMatteGone
        _tell_end_again(image)
        if cutout.kind == Cutout.Kind.EXTRACTED:
            take_cutout(owner=image.owner, at=now)
        wake()
    cutout.refresh_from_db()
    return cutout


def _retryable(image: Image, cutout: Cutout) -> CutoutQuerySet:
    """The row of a failed cutout of a locked picture; empty if what it needs has gone.

    Raises CutoutNotFailed, CutoutPending or CutoutNotNewest.
    """
    rows = Cutout.objects.filter(pk=cutout.pk)
    if not rows.filter(status=Status.FAILED).exists():
        raise CutoutNotFailed
    newest = image.latest_cutout
    if newest and newest.pk != cutout.pk:
        raise CutoutPending if newest.is_pending else CutoutNotNewest
    return rows.exclude(kind=Cutout.Kind.EDITED, sent_matte="")


def run_next(*, slow: bool = False) -> bool:
    """Run the cutout whose turn it is; False if none is waiting.

    slow: of those whose engine takes long; else one of the others.
    Whatever happens, the row ends done, failed with a code, or back in the queue.
    """
    among = slow_cutouts() if slow else ordinary_cutouts()
    claimed = claim_next(Cutout, worker=worker_id(), among=among)
    if claimed is None:
        return False
    cutout, claim = claimed
    with hold(Cutout, claim, deadline=cutout.deadline()):
        _run(cutout, claim)
    if export.is_wanted():
        _export(cutout)
    return True


def _export(cutout: Cutout) -> None:
    """At once where possible; what cannot be written now is left to the sweep."""
    try:
        cutout.refresh_from_db()
        export.export_cutout(cutout=cutout)
    except (OSError, Cutout.DoesNotExist) as error:
        logger.warning("Cutout %s is not exported yet: %s", cutout.pk, error)


def _run(cutout: Cutout, claim: Claim) -> None:
    try:
        extract_cutout(cutout=cutout, claim=claim)
    except EngineUnavailable as error:
        _wait_for_engine(cutout, claim, error)
    except ServiceAsksToWait as error:
        _wait_for_service(cutout, claim, error)
    except ServiceFailed as error:
        _ask_again(cutout, claim, error)
    except (ProcessingError, ServiceError) as error:
        fail_cutout(cutout=cutout, claim=claim, error=error)
    except Image.DoesNotExist:
        logger.info("The picture of cutout %s was deleted meanwhile", cutout.pk)
    except Exception:
        logger.exception("Cutout %s failed", cutout.pk)
        _try_again(claim)


def _wait_for_engine(cutout: Cutout, claim: Claim, error: EngineUnavailable) -> None:
    """Not the picture's fault: it waits until somebody brings the weights. If that may never be,
    since the engine was switched off or its weights were removed, the picture must not be locked.
    """
    info = ENGINES.get(cutout.engine)
    if info is not None and engines.waits(info):
        _let_all_wait(cutout, claim, error, delay=ENGINE_RETRY_SECONDS)
    else:
        fail_cutout(cutout=cutout, claim=claim, error=error)


def fail_unheard() -> int:
    """Fail what waits for the slow slot of a server that has none. Returns how many.

    Another machine may have one: then something slow was begun not long ago.
    """
    if settings.SLOW_WORKERS > 0:
        return 0
    now = timezone.now()
    slow = Cutout.objects.filter(slow_cutouts())
    if slow.filter(started_at__gt=now - SLOW_PATIENCE).exists():
        return 0
    unheard = slow.filter(
        status=Status.QUEUED, not_before__lte=now, queued_at__lt=now - SLOW_PATIENCE
    ).order_by("queued_at")
    return sum(_fail_unheard(row) for row in unheard[:MAX_REFUSED_AT_ONCE])


def _fail_unheard(cutout: Cutout) -> bool:
    problem = engines.problem_of(ENGINES[cutout.engine])
    error = EngineUnavailable(problem)
    return refuse(cutout, error.code, error.message)


def _wait_for_service(cutout: Cutout, claim: Claim, error: ServiceAsksToWait) -> None:
    """It has too much to do, which is no picture's fault; but it may not say so for ever."""
    patient = timezone.now() - _first_asked_to_wait(cutout) < SERVICE_PATIENCE
    _let_all_wait(cutout, claim, error, delay=error.retry_after, count_failure=not patient)


def _first_asked_to_wait(cutout: Cutout) -> datetime:
    """Not when it was queued: it may have stood in line for longer than anybody has patience.

    Should the cache forget it, patience begins anew.
    """
    key = f"asked-to-wait:{cutout.pk}:{cutout.queued_at.timestamp()}"
    now = timezone.now()
    try:
        cache.add(key, now, timeout=REMEMBER_SECONDS)
        first: datetime = cache.get(key, now)
    except Exception:
        logger.exception("The cache does not say for how long cutout %s has waited", cutout.pk)
        return now
    return first


def _let_all_wait(
    cutout: Cutout,
    claim: Claim,
    error: ProcessingError,
    *,
    delay: float,
    count_failure: bool = False,
) -> None:
    """What stands in the way of this one stands in the way of all that its engine is to do."""
    put_back(
        Cutout,
        claim,
        delay=delay,
        code=error.code,
        message=error.message,
        count_failure=count_failure,
        final_code=error.code,
    )
    postpone(
        Cutout,
        delay=delay,
        code=error.code,
        message=error.message,
        engine=cutout.engine,
        kind=Cutout.Kind.EXTRACTED,  # edited ones need no engine
    )


def _ask_again(cutout: Cutout, claim: Claim, error: ServiceFailed) -> None:
    put_back(
        Cutout,
        claim,
        delay=SERVICE_RETRY_SECONDS * 3**cutout.failures,
        code=error.code,
        message=error.message,
        final_code=error.code,
    )


def _try_again(claim: Claim) -> None:
    put_back(
        Cutout,
        claim,
        delay=RETRY_DELAY_SECONDS,
        code="internal_error",
        message="Something went wrong on the server while cutting this picture out.",
    )


def _lane_for(image: Image, cutout: Cutout) -> Lane:
    """Nobody sits waiting for what belongs to a batch, or for the last of many; whoever has just
    edited a matte does, and it needs no engine. But many of those are many as well.
    """
    waiting = Cutout.objects.filter(owner_id=image.owner_id).pending()
    if cutout.kind == Cutout.Kind.EDITED:
        waiting = waiting.filter(lane=Lane.INTERACTIVE)  # pictures of a batch are in nobody's way
    elif image.batch_id:
        return Lane.BATCH
    several = len(waiting.values_list("pk")[:INTERACTIVE_AT_ONCE]) >= INTERACTIVE_AT_ONCE
    return Lane.BATCH if several else Lane.INTERACTIVE


def queue_positions(cutouts: Collection[Cutout]) -> dict[UUID, int]:
    """Roughly how many are in front of each queued one, itself counted: 1 is next.

    Absent: not queued, or further back than position 500.
    """
    wanted = {cutout.pk for cutout in cutouts if cutout.status == Status.QUEUED}
    if not wanted:
        return {}
    lines = {_is_slow(cutout) for cutout in cutouts if cutout.pk in wanted}
    return {pk: place for slow in lines for place, pk in _line(slow=slow) if pk in wanted}


def _is_slow(cutout: Cutout) -> bool:
    info = ENGINES.get(cutout.engine)
    return cutout.kind == Cutout.Kind.EXTRACTED and info is not None and info.is_slow


def _line(*, slow: bool) -> Iterable[tuple[int, UUID]]:
    """Those who wait for the same processes, the first of them with their places."""
    rows = Cutout.objects.filter(
        slow_cutouts() if slow else ordinary_cutouts(), status=Status.QUEUED
    )
    ordered = rows.order_by("-lane", "queued_at")  # "interactive" sorts after "batch"
    return enumerate(ordered.values_list("pk", flat=True)[:MAX_POSITION], start=1)

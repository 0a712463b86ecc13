"""Is it alive, and is it ready? Asked by supervisors and load balancers, without signing in."""

import logging
import shutil
import tempfile
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from images.models import Cutout, WorkerProcess
from images.queue.report import count_lost, oldest_wait
from images.queue.slow import ordinary_cutouts
from images.queue.workers import is_alive
from processing.engines.catalog import ENGINES, engine_problem

logger = logging.getLogger(__name__)

SEEN_WITHIN = timedelta(seconds=30)
# A lease that ran out so long ago should have been noticed by somebody.
LOST_FOR = timedelta(seconds=90)

Check = Callable[[], str]


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Liveness: this process answers and reaches its database."""
    return _answer({"database": check_database})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Readiness: pictures that are sent now will be cut out."""
    return _answer(READINESS)


def find_problems() -> dict[str, str]:
    """What /readyz answers: a sentence for each check that fails, nothing for the others."""
    return _run(READINESS)


def _run(checks: dict[str, Check]) -> dict[str, str]:
    return {name: _problem(name, check) for name, check in checks.items()}


def _answer(checks: dict[str, Check]) -> JsonResponse:
    problems = _run(checks)
    failing = any(problems.values())
    body = {
        "status": "failing" if failing else "ok",
        "checks": {name: problem or "ok" for name, problem in problems.items()},
    }
    response = JsonResponse(body, status=503 if failing else 200)
    # Asked every few seconds: whoever asks reads the answer, and the log need not repeat it.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _problem(name: str, check: Check) -> str:
    """Anyone may ask, so errors of libraries go to the log, not into the answer."""
    try:
        return check()
    except Exception:
        logger.exception("The check %r failed", name)
        return "The check failed; the log says why."


def check_database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


def check_migrations() -> str:
    try:
        _expect_migrations()
    except MigrationsPending:
        return "Migrations are waiting to be applied."
    return ""


class MigrationsPending(Exception):
    pass


@cache
def _expect_migrations() -> None:
    """Applied once is applied for as long as this process runs; exceptions are not cached."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise MigrationsPending


def check_worker() -> str:
    seen = WorkerProcess.objects.filter(seen_at__gte=timezone.now() - SEEN_WITHIN)
    alive = [worker for worker in seen if is_alive(worker.pk) is not False]
    if any(worker.warm for worker in alive):
        return ""
    return "No worker has loaded its engine." if alive else "No worker is running."


def check_weights() -> str:
    info = ENGINES[settings.DEFAULT_ENGINE]
    if engine_problem(info, model_dir=settings.MODEL_DIR) is None:
        return ""
    return f"The weights of {info.label} are missing or damaged."


def check_disk() -> str:
    free = min(shutil.disk_usage(folder).free for folder in _folders())
    return "" if free >= settings.MIN_FREE_BYTES else "The disk is nearly full."


def check_media() -> str:
    """By writing: only that tells a full or read-only disk from a good one. Of object storage only
    that it answers, since it counts what is written."""
    if not isinstance(default_storage, FileSystemStorage):
        default_storage.exists("health")
        return ""
    Path(settings.MEDIA_ROOT).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=settings.MEDIA_ROOT) as file:
        file.write(b"ready")
    return ""


def check_queue_age() -> str:
    """Of the workers' own rows: those of the slow slot may wait for hours behind a batch."""
    waited = oldest_wait(Cutout, timezone.now(), ordinary_cutouts())
    limit = timedelta(seconds=settings.MAX_QUEUE_SECONDS)
    return "" if waited is None or waited < limit else "Work has been waiting for too long."


def check_leases() -> str:
    lost = count_lost(Cutout, timezone.now() - LOST_FOR)
    return f"Rows held by workers that are gone: {lost}." if lost else ""


def _folders() -> list[Path]:
    return [_existing(Path(folder)) for folder in (settings.MEDIA_ROOT, settings.DATA_DIR)]


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


READINESS: dict[str, Check] = {
    "database": check_database,
    "migrations": check_migrations,
    "worker": check_worker,
    "weights": check_weights,
    "disk": check_disk,
    "media": check_media,
    "queue": check_queue_age,
    "leases": check_leases,
}

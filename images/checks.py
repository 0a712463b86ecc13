"""System checks of the machine room: settings under which work would be lost, doubled or slow."""

import os
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register

from processing.engines.catalog import ENGINES
from processing.errors import InvalidSpec
from processing.spec import RenderSpec

SECONDS_TO_STOP = 5
MIN_SQLITE_TIMEOUT = 5


@register("queue")
def check_queue(**kwargs: Any) -> list[CheckMessage]:
    """What django-q2 accepts in silence and then does wrong."""
    return list(_queue_problems(settings.Q_CLUSTER))


def _queue_problems(conf: dict[str, Any]) -> Iterator[CheckMessage]:
    timeout = conf.get("timeout")
    # Slow ones run outside of the cluster's tasks: see images/queue/slow.py.
    longest = max(info.deadline_seconds for info in ENGINES.values() if not info.is_slow)
    if not isinstance(timeout, int) or timeout <= longest:
        yield Error(
            f"Q_CLUSTER['timeout'] must be a whole number of seconds above {longest:g}.",
            hint="An alarm takes no fractions, and a run ends at its engine's own deadline.",
            id="images.E001",
        )
    elif conf.get("retry", 60) < shortest_retry(conf):
        yield Error(
            f"Q_CLUSTER['retry'] must be at least {shortest_retry(conf)}.",
            hint="Its clock starts when a wake-up is fetched, not when it runs.",
            id="images.E002",
        )
    if not conf.get("queue_limit") or conf.get("bulk", 1) > conf["queue_limit"]:
        yield Error(
            "Q_CLUSTER['queue_limit'] must be at least 1, and 'bulk' no more than it.",
            hint="Wake-ups fetched early are lost to other workers; 1 and 1 are right.",
            id="images.E003",
        )
    if not conf.get("ack_failures") or not conf.get("max_attempts"):
        yield Error(
            "Q_CLUSTER needs 'ack_failures': True and a 'max_attempts'.",
            hint="Without them a wake-up that raises is delivered again for ever.",
            id="images.E004",
        )


def shortest_retry(conf: dict[str, Any]) -> int:
    """Seconds until the last of all wake-ups fetched at once must be done."""
    fetched = conf.get("queue_limit", 1) + conf.get("bulk", 1)
    rounds = ceil(fetched / max(1, conf.get("workers", 1))) + 1
    return rounds * (conf["timeout"] + SECONDS_TO_STOP)


@register("queue")
def check_processors(**kwargs: Any) -> list[CheckMessage]:
    if settings.WORKERS < 1 or settings.ENGINE_THREADS < 1 or settings.SLOW_WORKERS < 0:
        return [
            Error(
                "WORKERS and ENGINE_THREADS must be at least 1, SLOW_WORKERS at least 0.",
                id="images.E005",
            )
        ]
    threads = settings.WORKERS * settings.ENGINE_THREADS
    if threads > 2 * settings.CPU_COUNT:
        return [
            checks.Warning(
                f"WORKERS times ENGINE_THREADS is {threads}, on {settings.CPU_COUNT} processors.",
                hint="They take turns then, and every picture takes longer.",
                id="images.W001",
            )
        ]
    return []


@register("storage")
def check_folders(**kwargs: Any) -> list[CheckMessage]:
    folders = {"MEDIA_ROOT": settings.MEDIA_ROOT, "DATA_DIR": settings.DATA_DIR}
    return [
        Error(
            f"{name} ({folder}) cannot be written to.",
            hint="Pictures and the database are kept there.",
            id="images.E006",
        )
        for name, folder in folders.items()
        if not is_writable(Path(folder))
    ]


@register("storage")
def check_export(**kwargs: Any) -> list[CheckMessage]:
    if settings.EXPORT_DIR is None:
        return []
    found: list[CheckMessage] = []
    if not is_writable(Path(settings.EXPORT_DIR)):
        found.append(
            Error(f"EXPORT_DIR ({settings.EXPORT_DIR}) cannot be written to.", id="images.E009")
        )
    try:
        RenderSpec.parse(settings.EXPORT_PARAMETERS)
    except InvalidSpec as error:
        found.append(Error(f"EXPORT_PARAMETERS: {error.message}", id="images.E010"))
    return found


@register("storage")
def check_retention(**kwargs: Any) -> list[CheckMessage]:
    return [
        Error(f"{name} must be 0 (for ever) or a number of days.", id="images.E011")
        for name in ("ORIGINAL_DAYS", "RESULT_DAYS", "TRASH_DAYS")
        if getattr(settings, name) < 0
    ]


def is_writable(folder: Path) -> bool:
    """Whether files can be made in the folder, or the folder itself where it is still missing."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


@register("queue")
def check_sqlite(**kwargs: Any) -> list[CheckMessage]:
    database = settings.DATABASES["default"]
    if database["ENGINE"] != "django.db.backends.sqlite3":
        return []
    return list(_sqlite_problems(database.get("OPTIONS", {})))


def _sqlite_problems(options: dict[str, Any]) -> Iterator[CheckMessage]:
    if options.get("transaction_mode") != "IMMEDIATE":
        yield Error(
            "SQLite needs OPTIONS['transaction_mode'] = 'IMMEDIATE'.",
            hint="Otherwise requests fail with 'database is locked' while workers write.",
            id="images.E007",
        )
    if options.get("timeout", 5) < MIN_SQLITE_TIMEOUT:
        yield Error(
            f"SQLite needs OPTIONS['timeout'] of at least {MIN_SQLITE_TIMEOUT} seconds.",
            id="images.E008",
        )
    if "journal_mode=wal" not in options.get("init_command", "").lower():
        yield checks.Warning(
            "SQLite should run with journal_mode=WAL.",
            hint="Otherwise everybody who reads waits for whoever writes.",
            id="images.W002",
        )

"""Keeps the queue whole and throws away what nobody needs, every few seconds.

Beside that, a few threads do what is no work on pictures: see images/queue/errands.py.
"""

import os
import signal
import threading
from argparse import SUPPRESS, ArgumentParser
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.module_loading import import_string

from images.models import Cutout, WebhookDelivery
from images.queue.errands import Errands
from images.queue.processes import Pulse, die_with, is_orphan
from images.queue.slow import ordinary_cutouts
from images.queue.sweep import Job, SweepReport, fail_rows_used_up, queue_jobs, sweep_once
from images.queue.workers import give_back_dead
from images.services.cutouts import fail_unheard
from images.services.departures import delete_departed
from images.services.disk import measure_disk
from images.services.export import export_next_due
from images.services.housekeeping import (
    clear_expired_sessions,
    clear_old_failures,
    forget_ended_sessions,
)
from images.services.idempotency import forget_old_requests
from images.services.renditions import trim_renditions
from images.services.retention import drop_old_originals, purge_old_results, purge_passed
from images.services.sent_mattes import drop_old_sent
from images.services.sharing import forget_old_links
from images.services.statistics import roll_up
from images.services.trash import purge_expired
from images.services.unfinished import remove_unfinished
from images.services.webhook_events import tell_late_batches
from images.services.webhook_sending import deliveries
from images.services.webhooks import forget_deliveries

CYCLE_SECONDS = 15.0


def jobs() -> dict[str, Job]:
    return {
        **queue_jobs(Cutout, ordinary_cutouts()),
        "slow work refused": fail_unheard,
        "messages given back": lambda: give_back_dead(WebhookDelivery),
        "messages given up": lambda: fail_rows_used_up(WebhookDelivery),
        "batches told late": tell_late_batches,
        "days counted": roll_up,  # before anything of them is deleted
        "purged from the trash": purge_expired,
        "originals dropped": drop_old_originals,
        "purged after their time": purge_old_results,
        "passing pictures purged": purge_passed,
        "exported": export_next_due,
        "trimmed from the cache": trim_renditions,
        "unfinished uploads removed": remove_unfinished,
        "old sent mattes dropped": drop_old_sent,
        "disk measured": measure_disk,
        "old links forgotten": forget_old_links,
        "old messages forgotten": forget_deliveries,
        "old requests forgotten": forget_old_requests,
        "old failures forgotten": clear_old_failures,
        "expired sessions forgotten": clear_expired_sessions,
        "ended sessions unlisted": forget_ended_sessions,
        **{name: import_string(path) for name, path in settings.SWEEP_JOBS.items()},
        "deleted of those who left": delete_departed,
    }


class Command(BaseCommand):
    help = "Puts back the work of dead workers, replaces lost wake-ups and empties old trash."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="do it once, say what was done")
        parser.add_argument("--parent", type=int, help=SUPPRESS)
        parser.add_argument("--pulse", type=int, help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            self._print(sweep_once(jobs(), before_each=lambda: None))
        else:
            self._repeat(options["parent"] or os.getppid(), Pulse(options["pulse"]))

    def _repeat(self, parent: int, pulse: Pulse) -> None:
        die_with(parent)
        stopping = threading.Event()

        def stop(number: int, frame: FrameType | None) -> None:
            stopping.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        errands = Errands([deliveries()] if settings.WEBHOOKS else [])
        errands.start()
        while not is_orphan(parent):
            sweep_once(jobs(), before_each=pulse.beat)
            if stopping.wait(CYCLE_SECONDS):
                break
        errands.stop()

    def _print(self, report: SweepReport) -> None:
        for name, count in report.items():
            self.stdout.write(f"{name}: {'failed, see the log' if count is None else count}")

"""What supervisor runs beside the web server: all background work of this machine."""

import sys
from argparse import SUPPRESS, ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from images.queue.processes import Pulse
from images.queue.watchdog import Watchdog

# The cluster may wait for a locked database for as long as SQLite's time-out, twice.
CLUSTER_SILENCE_SECONDS = 60.0
SWEEP_SILENCE_SECONDS = 600.0


class Command(BaseCommand):
    help = "Does the work that is queued, until it is told to stop or a part of it is broken."
    requires_system_checks = ["queue", "storage"]

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--cluster", action="store_true", help=SUPPRESS)
        parser.add_argument("--parent", type=int, help=SUPPRESS)
        parser.add_argument("--pulse", type=int, help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(self._run_cluster(**options) if options["cluster"] else self._watch())

    def _run_cluster(self, *, parent: int, pulse: int, **options: Any) -> int:
        # It reads settings that only a worker needs, and warns about them.
        from images.queue.cluster import run_cluster

        return run_cluster(parent=parent, pulse=Pulse(pulse))

    def _watch(self) -> int:
        manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
        return Watchdog(
            {
                "cluster": ([*manage, "worker", "--cluster"], CLUSTER_SILENCE_SECONDS),
                "sweep": ([*manage, "sweep"], SWEEP_SILENCE_SECONDS),
            }
        ).run()

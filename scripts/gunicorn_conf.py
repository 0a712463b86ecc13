"""The web server: few processes, several threads each (gunicorn's own settings file).

GUNICORN_CMD_ARGS changes any of it, for example GUNICORN_CMD_ARGS="--access-logfile -".
"""

import gc
import os
import signal
from pathlib import Path
from typing import Any

from scripts.linux import die_with_parent

cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
worker_class = "scripts.webserver.worker.BufferingWorker"
workers = int(os.environ.get("WEB_WORKERS") or min(2, cpus))
threads = int(os.environ.get("WEB_THREADS") or 16)
# Django is loaded once and shared; connections and threads are made after the fork.
preload_app = True
control_socket_disable = True
# Open connections of one process, most of them idle; with their spools they need twice the files.
worker_connections = 400
# A worker whose main loop is stuck this long is replaced.
timeout = 60
graceful_timeout = 15
keepalive = 15
# The heartbeat file in memory: on a busy disk its fchmod may block for seconds.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
loglevel = "warning"

# The master stops when supervisord dies, and a worker at once when the master does: a worker left
# over would hold the port.
die_with_parent(signal.SIGTERM)


def when_ready(_server: Any) -> None:
    # Before the first fork: the collector would write into every object it looks at, and each
    # worker would then have its own copy of what they share.
    gc.collect()
    gc.freeze()


def post_fork(_server: Any, _worker: Any) -> None:
    from django.db import connections

    die_with_parent(signal.SIGKILL)
    connections.close_all()


def post_worker_init(worker: Any) -> None:
    from django.conf import settings  # ready only now

    worker.largest_request = settings.MAX_REQUEST_BYTES + 1024 * 1024
    worker.largest_spool = max(worker.largest_spool, 2 * worker.largest_request)

"""What a worker process tells of itself: that it lives, and whether its engine is loaded."""

import logging
import os
import socket
import threading

from django.conf import settings
from django.db import connections
from django.utils import timezone

from images.models import WorkerProcess
from images.queue.workers import worker_id
from processing.engines.catalog import ENGINES, engine_problem
from processing.errors import ProcessingError

logger = logging.getLogger(__name__)

BEAT_SECONDS = 10.0


def load_engine() -> str:
    """Load the default engine into this process. Returns why not, or an empty string.

    One that takes long runs elsewhere (see images/queue/slow.py): of that only the weights count.
    """
    from processing.engines import get_engine

    info = ENGINES.get(settings.DEFAULT_ENGINE)
    if info and info.is_slow:
        return engine_problem(info, model_dir=settings.MODEL_DIR) or ""
    try:
        get_engine(
            settings.DEFAULT_ENGINE,
            model_dir=settings.MODEL_DIR,
            threads=settings.ENGINE_THREADS,
            keep=True,
        )
    except ProcessingError as error:
        return error.message
    except (Exception, SystemExit) as error:  # rembg ends the process if onnxruntime is missing
        logger.exception("Could not load the engine %s", settings.DEFAULT_ENGINE)
        return f"{type(error).__name__} while loading the engine"
    return ""


class Presence(threading.Thread):
    """Loads the engine and keeps the row of this process; never raises, whatever is missing.

    An engine that cannot be loaded is tried again, so that weights which arrive later are in
    memory before the next picture comes.
    """

    def __init__(self) -> None:
        super().__init__(name="presence", daemon=True)
        self._started_at = timezone.now()
        self._stopped = threading.Event()
        self._problem = "Starting"

    def warm_up(self) -> None:
        self._problem = load_engine()
        if self._problem:
            logger.error("Worker %s: %s", os.getpid(), self._problem)

    def run(self) -> None:
        self._report()
        while not self._stopped.wait(BEAT_SECONDS):
            if self._problem:
                self._problem = load_engine()
            self._report()
        self._forget()

    def stop(self) -> None:
        self._stopped.set()
        self.join(BEAT_SECONDS)

    def _report(self) -> None:
        values = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "warm": not self._problem,
            "problem": self._problem,
            "started_at": self._started_at,
            "seen_at": timezone.now(),
        }
        try:
            WorkerProcess.objects.update_or_create(pk=worker_id(), defaults=values)
        except Exception:
            logger.exception("Could not report that worker %s lives", os.getpid())
        finally:
            connections.close_all()

    def _forget(self) -> None:
        try:
            WorkerProcess.objects.filter(pk=worker_id()).delete()
        except Exception:
            logger.exception("Could not forget worker %s", os.getpid())
        finally:
            connections.close_all()

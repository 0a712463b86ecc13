"""django-q2's cluster, made crash-only: its parts die together instead of being patched up.

django-q2 replaces a process that died. That is right for a worker that was recycled or that
ended itself between two runs; one that was killed may have taken a lock of the queue with it,
so here everything ends, and whoever stands above starts it afresh.
"""

import gc
import logging
import multiprocessing
import os
import queue
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import connection as pipes
from multiprocessing.context import ForkProcess
from multiprocessing.queues import Queue
from multiprocessing.sharedctypes import RawValue
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

from django import db
from django.conf import settings
from django_q import cluster as django_q_cluster
from django_q.signals import post_execute_in_worker, pre_execute
from django_q.worker import worker

from images.models import Cutout
from images.queue.lease import EXIT_DEADLINE
from images.queue.presence import Presence
from images.queue.processes import Pulse, die_with, forked_die_with_parent, is_orphan
from images.queue.slow import STOP_SECONDS, SlowSlot, ordinary_cutouts
from images.queue.stalls import StallDetector
from images.queue.wakeups import TASK

logger = logging.getLogger(__name__)

CYCLE_SECONDS = 0.25
# Beyond django-q2's own time-out, which is raised in Python and may be late.
EXTRA_SECONDS = 10
EXIT_BROKEN = 70
REPLACED_EXITS = (0, EXIT_DEADLINE)


@dataclass(frozen=True)
class Vitals:
    """Shared with one worker, without a lock: a lock dies with its holder.

    busy_since: when its present run began, on the monotonic clock that all processes share;
    0 while it waits for work. last_start: the same for its latest run, whether over or not.
    """

    busy_since: Any
    last_start: Any

    @classmethod
    def of_new_worker(cls) -> "Vitals":
        """Warming up counts as a run: it must end as well."""
        return cls(RawValue("d", monotonic()), RawValue("d", 0))

    def begin(self, **signal_arguments: Any) -> None:
        self.last_start.value = self.busy_since.value = monotonic()

    def end(self, **signal_arguments: Any) -> None:
        self.busy_since.value = 0


def work(
    tasks: "Queue[Any]", results: "Queue[Any]", timer: Any, timeout: int, vitals: Vitals
) -> None:
    """The life of one worker process. Engines are loaded here: a session survives no fork."""
    pre_execute.connect(vitals.begin, weak=False)
    post_execute_in_worker.connect(vitals.end, weak=False)
    presence = Presence()
    presence.warm_up()
    presence.start()
    vitals.end()
    worker(tasks, results, timer, timeout)
    presence.stop()


class Sentinel(django_q_cluster.Sentinel):
    pool: list[ForkProcess]
    monitor: ForkProcess
    pusher: ForkProcess

    def __init__(self, stop_event: Any, start_event: Any, pulse: Pulse) -> None:
        self._pulse = pulse
        self._stalls = StallDetector(Cutout, ordinary_cutouts())
        self._slow = SlowSlot(settings.SLOW_WORKERS)
        self._vitals: dict[ForkProcess, Vitals] = {}
        super().__init__(stop_event, start_event, uuid4(), start=False)
        self.start()

    def spawn_worker(self) -> None:
        vitals = Vitals.of_new_worker()
        # The timer is django-q2's own; worker() wants one, and nobody here looks at it.
        timer = multiprocessing.Value("f", -1)
        process = django_q_cluster.get_mp_context().Process(
            target=work,
            args=(self.task_queue, self.result_queue, timer, self.timeout, vitals),
            name=f"Worker-{uuid4().hex[:8]}",
            daemon=True,
        )
        process.timer = timer
        self._vitals[process] = vitals
        self.pool.append(process)
        process.start()

    def guard(self) -> None:
        self.start_event.set()
        while not self.stop_event.is_set():
            self._pulse.beat()
            pipes.wait([p.sentinel for p in self._processes()], timeout=CYCLE_SECONDS)
            self._replace_the_dead()
            self._end_the_hung()
            self._check_for_stall()
            self._slow.tend()
            if is_orphan(self.parent_pid):
                die("its parent is gone")
        self.stop()

    def stop(self) -> None:
        """Let the workers finish what they run; what was fetched but not begun stays queued."""
        end = monotonic() + STOP_SECONDS
        self._slow.ask_to_stop()
        self.event_out.set()
        while self.pusher.is_alive():
            self._drop_fetched()
            sleep(0.05)
        self._drop_fetched()
        super().stop()
        self._slow.stop(end)

    def _processes(self) -> list[ForkProcess]:
        return [*self.pool, self.monitor, self.pusher]

    def _replace_the_dead(self) -> None:
        for process in self._processes():
            if process.is_alive():
                continue
            if process.exitcode not in REPLACED_EXITS:
                die(f"{process.name} died suddenly, with code {process.exitcode}")
            logger.info("Replacing %s, which ended with code %s", process.name, process.exitcode)
            db.connections.close_all()
            self._replace(process)

    def _replace(self, process: ForkProcess) -> None:
        if process is self.monitor:
            self.monitor = self.spawn_monitor()
        elif process is self.pusher:
            self.pusher = self.spawn_pusher()
        else:
            self.pool.remove(process)
            del self._vitals[process]
            self.spawn_worker()

    def _end_the_hung(self) -> None:
        """A worker in the middle of a run holds no lock of the queue, so it can be replaced."""
        for process, vitals in list(self._vitals.items()):
            busy_since = vitals.busy_since.value
            if busy_since and monotonic() - busy_since > self.timeout + EXTRA_SECONDS:
                logger.error("Ending %s, which hangs", process.name)
                process.kill()
                process.join()
                db.connections.close_all()
                self._replace(process)

    def _check_for_stall(self) -> None:
        idle = any(not vitals.busy_since.value for vitals in self._vitals.values())
        progress = max((v.last_start.value for v in self._vitals.values()), default=0.0)
        if self._stalls.is_stalled(idle=idle, progress=progress):
            die("work is waiting, a worker is idle, and nothing begins")

    def _drop_fetched(self) -> None:
        with suppress(queue.Empty):
            while True:
                self.task_queue.get_nowait()


def die(reason: str) -> None:
    """End without any tidying up: the locks that it would need may be gone."""
    logger.critical("Ending the cluster: %s", reason)
    os._exit(EXIT_BROKEN)


def run_cluster(*, parent: int, pulse: Pulse) -> int:
    """Run workers of cutouts until told to stop (returns 0) or until a part is broken (not 0)."""
    die_with(parent)
    preload()
    forked_die_with_parent()
    db.connections.close_all()
    stopping = _stop_requests()
    stop_event, start_event = multiprocessing.Event(), multiprocessing.Event()
    sentinel = django_q_cluster.get_mp_context().Process(
        target=Sentinel, args=(stop_event, start_event, pulse), name="Sentinel"
    )
    sentinel.start()
    while sentinel.is_alive():
        sentinel.join(CYCLE_SECONDS)
        if stopping():
            stop_event.set()
        if is_orphan(parent):
            os._exit(EXIT_BROKEN)
    return int(sentinel.exitcode or not stopping())


def preload() -> None:
    """Import what every worker needs once, before they are forked: they share it in memory."""
    with suppress(Exception, SystemExit):  # whoever needs it says what is missing
        import onnxruntime  # noqa: F401
        import rembg  # noqa: F401
    import_module(TASK.rpartition(".")[0])
    # The collector would write into every object it looks at, and each process would then have
    # its own copy of what they share.
    gc.collect()
    gc.freeze()


def _stop_requests() -> Callable[[], bool]:
    """Whether a signal has asked to stop. Handlers only note it: an event has a lock."""
    requests: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: requests.append(number))
    return lambda: bool(requests)

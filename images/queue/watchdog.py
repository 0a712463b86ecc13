"""A worker that is crash-only: if any part of it is broken, all of it ends and is started again.

Repairing a pool of processes in place goes wrong: one that is killed while it waits for work
takes the lock of the queue with it, and all others wait for ever. So the watchdog looks after
two children, the cluster and the sweep, and ends both with all that they forked as soon as one
of them dies or falls silent. Who restarts it stands above it: supervisor, docker or systemd.
"""

import logging
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic
from types import FrameType

logger = logging.getLogger(__name__)

CYCLE_SECONDS = 0.2
STOP_SECONDS = 20.0
EXIT_BROKEN = 1


class Child:
    """A command of manage.py in a process group of its own, which beats through a pipe."""

    def __init__(self, name: str, command: Sequence[str], *, silence_seconds: float) -> None:
        self.name = name
        self._silence_seconds = silence_seconds
        self._pulse, descriptor = os.pipe()
        os.set_blocking(self._pulse, False)
        self._process = subprocess.Popen(
            [*command, "--parent", str(os.getpid()), "--pulse", str(descriptor)],
            pass_fds=[descriptor],
            process_group=0,
        )
        os.close(descriptor)
        self._last_beat = monotonic()

    def problem(self) -> str | None:
        code = self._process.poll()
        if code is not None:
            return f"{self.name} ended with code {code}"
        if self._listen() > self._silence_seconds:
            return f"{self.name} has been silent for {self._silence_seconds:g} seconds"
        return None

    def _listen(self) -> float:
        """Seconds since the last beat."""
        with suppress(BlockingIOError):
            if os.read(self._pulse, 4096):
                self._last_beat = monotonic()
        return monotonic() - self._last_beat

    def ask_to_stop(self) -> None:
        self._process.terminate()

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within so many seconds."""
        try:
            self._process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """At once, with everything it started, whether it still lives itself or not."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._pulse)


class Watchdog:
    def __init__(self, commands: Mapping[str, tuple[Sequence[str], float]]) -> None:
        """`commands`: what to run by name, and for how many seconds each may be silent."""
        self._commands = commands
        self._stopping = threading.Event()

    def run(self) -> int:
        """Look after the children until told to stop (0) or until one is broken (not 0)."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        children: list[Child] = []
        try:
            for name, (command, silence) in self._commands.items():
                children.append(Child(name, command, silence_seconds=silence))
            return self._watch(children)
        finally:
            for child in children:
                child.kill()

    def _watch(self, children: list[Child]) -> int:
        while not self._stopping.wait(CYCLE_SECONDS):
            for child in children:
                if problem := child.problem():
                    logger.critical("Ending this worker: %s", problem)
                    return EXIT_BROKEN
        self._let_finish(children)
        return 0

    def _let_finish(self, children: list[Child]) -> None:
        end = monotonic() + STOP_SECONDS
        for child in children:
            child.ask_to_stop()
        for child in children:
            if not child.wait(end - monotonic()):
                logger.warning("%s did not stop within %g seconds", child.name, STOP_SECONDS)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping.set()

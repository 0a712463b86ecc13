"""Processes that end together, tried on processes that are made for it."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest
from django.conf import settings

from tests.images.queue.conftest import eventually

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's part is Linux only")

FAMILY = """
import os, sys, time
from images.queue.processes import die_with, forked_die_with_parent
die_with(os.getppid())
forked_die_with_parent()
print(os.getpid(), flush=True)
for generation in range(2):
    if os.fork() == 0:
        print(os.getpid(), flush=True)
    else:
        time.sleep(60)
        os._exit(0)
time.sleep(60)
"""

WATCH = """
import logging, sys
from images.queue import watchdog
logging.basicConfig()
watchdog.STOP_SECONDS = {stop_seconds}
child = [sys.executable, "-c", {child!r}]
sys.exit(watchdog.Watchdog({{"part": (child, {silence})}}).run())
"""

BEGIN = """
import os, signal, subprocess, sys, time
def note(text):
    with open({notes!r}, "a") as file: file.write(text + chr(10))
sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
note(str(os.getpid())); note(str(sleeper.pid))
pulse = int(sys.argv[-1])
"""
BEAT = """
while True:
    os.write(pulse, b".")
    time.sleep(0.05)
"""


class Watched:
    """A watchdog in a process of its own, over a child that runs `code` and has a child too."""

    def __init__(self, notes: Path, code: str, *, silence: float = 30, stop_seconds: float = 20):
        self._notes = notes
        child = BEGIN.format(notes=str(notes)) + textwrap.dedent(code)
        watch = WATCH.format(child=child, silence=silence, stop_seconds=stop_seconds)
        self.process = subprocess.Popen([sys.executable, "-c", watch], cwd=settings.BASE_DIR)

    @property
    def notes(self) -> list[str]:
        return self._notes.read_text().split() if self._notes.exists() else []

    def pids(self) -> list[int]:
        assert eventually(lambda: len(self.notes) >= 2)
        return [int(pid) for pid in self.notes[:2]]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def all_dead(pids: list[int]) -> bool:
    return eventually(lambda: not any(map(lives, pids)), seconds=5)


@linux_only
@pytest.mark.parametrize("victim", [0, 1])
def test_whoever_was_forked_dies_with_whoever_forked_it(victim: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", FAMILY], cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    family = [int(process.stdout.readline()) for _ in range(3)]
    assert all(map(lives, family))
    os.kill(family[victim], signal.SIGKILL)
    assert all_dead(family[victim:])
    assert all(map(lives, family[:victim]))
    process.kill()
    process.wait()
    assert all_dead(family)


@linux_only
def test_a_child_that_was_orphaned_before_it_was_tied_ends_at_once() -> None:
    code = "from images.queue.processes import die_with; die_with(1); print('still here')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (os.EX_UNAVAILABLE, b"")


@pytest.mark.parametrize("code", ["sys.exit(0)", "sys.exit(3)", "os.kill(os.getpid(), 9)"])
def test_a_part_that_ends_ends_everything(notes: Path, code: str) -> None:
    watched = Watched(notes, code)
    pids = watched.pids()
    assert watched.process.wait(timeout=20) == 1
    assert all_dead(pids)


def test_a_part_that_falls_silent_ends_everything(notes: Path) -> None:
    watched = Watched(notes, "os.write(pulse, b'.')\ntime.sleep(60)", silence=0.5)
    pids = watched.pids()
    assert watched.process.wait(timeout=20) == 1
    assert all_dead(pids)


def test_a_part_that_beats_is_left_alone(notes: Path) -> None:
    watched = Watched(notes, BEAT, silence=0.5)
    pids = watched.pids()
    assert not eventually(lambda: watched.process.poll() is not None, seconds=1.5)
    watched.process.terminate()
    assert watched.process.wait(timeout=20) == 0
    assert all_dead(pids)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_lets_its_parts_finish(notes: Path, number: signal.Signals) -> None:
    finish = """
    def stop(*args):
        time.sleep(0.3)
        note("finished")
        sys.exit(0)
    signal.signal(signal.SIGTERM, stop)
    note("ready")
    """
    watched = Watched(notes, textwrap.dedent(finish) + BEAT)
    assert eventually(lambda: "ready" in watched.notes)
    watched.process.send_signal(number)
    assert watched.process.wait(timeout=20) == 0
    assert watched.notes[-1] == "finished"
    assert all_dead(watched.pids())


def test_what_does_not_stop_in_time_is_killed(notes: Path) -> None:
    stubborn = 'signal.signal(signal.SIGTERM, signal.SIG_IGN)\nnote("ready")'
    watched = Watched(notes, stubborn + BEAT, stop_seconds=0.3)
    assert eventually(lambda: "ready" in watched.notes)
    watched.process.terminate()
    assert watched.process.wait(timeout=20) == 0
    assert all_dead(watched.pids())

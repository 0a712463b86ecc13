"""Looks after a prepared Clearcut: supervisord below, the terminal above (see run.py).

Starts supervisord, says when the application is ready, passes on what the processes write, and
on Ctrl-C or SIGTERM lets web and worker finish what they are doing. Nothing is left running.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.linux import adopt_orphans, die_with_parent  # noqa: E402 - needs the path above
from scripts.probe import find_problems  # noqa: E402
from scripts.terminal import Terminal  # noqa: E402

PORT = int(os.environ["PORT"])
HOST = os.environ["CLEARCUT_HOST"]
FIRST_RUN = os.environ.pop("CLEARCUT_FIRST_RUN", "")  # a secret that nobody below needs
ROLE = os.environ["CLEARCUT_ROLE"]
STOP_SECONDS = 26
READY_SECONDS = 120
PAGES_NEED = {"web", "database", "migrations"}


def main() -> int:
    signals = Signals()
    adopt_orphans()
    supervisord = start_supervisord()
    assert supervisord.stdout is not None
    terminal = Terminal(supervisord.stdout)
    try:
        announce(supervisord, signals, terminal)
        while not signals.wanted(0.5) and supervisord.poll() is None:
            reap_adopted(supervisord)
        asked = supervisord.poll() is None
        terminal.say("Stopping (Ctrl-C again: at once) ..." if asked else "supervisord has died.")
        stop(supervisord, signals)
    finally:
        leftover = kill_descendants()
    if leftover:
        terminal.say(f"Ended by force: {', '.join(leftover)}")
    terminal.say("Clearcut has stopped.")
    terminal.close()
    return 0 if asked else 1


class Signals:
    """The wishes to stop. Make passes SIGTERM on, but not SIGINT: a terminal sends that to all of
    us. When it reached make alone, one sees it by make no longer catching it (Linux)."""

    # Ctrl-C or a signal to the whole group may reach us twice at the same time, through make.
    SAME_WISH_SECONDS = 1.0

    def __init__(self) -> None:
        self.first = 0.0
        self.impatient = False
        self.came = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.receive)
        self.make = self.find_make()
        if self.make:
            die_with_parent(signal.SIGTERM)

    def receive(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        self.first = self.first or now
        self.impatient = now - self.first > self.SAME_WISH_SECONDS
        self.came.set()

    def wanted(self, seconds: float) -> bool:
        """Whether to stop; waits for that so long."""
        return self.came.wait(seconds) or self.make_was_interrupted()

    def find_make(self) -> Path | None:
        parent = Path(f"/proc/{os.getppid()}")
        try:
            is_make = (parent / "comm").read_text().strip() in ("make", "gmake")
        except OSError:
            return None
        return parent / "status" if is_make and self.catches_interrupt(parent / "status") else None

    def make_was_interrupted(self) -> bool:
        return self.make is not None and not self.catches_interrupt(self.make)

    @staticmethod
    def catches_interrupt(status: Path) -> bool:
        try:
            lines = status.read_text().splitlines()
        except OSError:
            return False
        caught = next((int(line.split()[1], 16) for line in lines if line.startswith("SigCgt")), 0)
        return bool(caught >> (signal.SIGINT - 1) & 1)


def start_supervisord() -> subprocess.Popen[bytes]:
    run_dir = Path(os.environ["DATA_DIR"]) / "run"
    run_dir.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "supervisor.supervisord"]
    command += ["-c", str(ROOT / "scripts" / "supervisord.conf")]
    if os.geteuid() == 0:
        command += ["--user", "root"]  # says that this is meant, else it warns at every start
    # Ctrl-C in the terminal must reach us alone: a session of its own.
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        cwd=ROOT,
        env={**os.environ, "CLEARCUT_ROOT": str(ROOT), "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - no thread of ours runs yet
    )


def announce(supervisord: subprocess.Popen[bytes], signals: Signals, terminal: Terminal) -> None:
    """Waits until a picture that is sent would be cut out at once, and says so.

    A worker that does not get ready in time, and anything else that is wrong, is only warned of:
    pages and uploads work without. A web server that does not answer is waited for. The worker
    of a web server without one is elsewhere, and a worker alone cannot be asked.
    """
    if ROLE == "worker":
        terminal.say("The worker has been started.   (Ctrl-C stops it)")
        return
    end = time.monotonic() + READY_SECONDS
    waited_for = PAGES_NEED if ROLE == "web" else PAGES_NEED | {"worker"}
    while not signals.wanted(0.1) and supervisord.poll() is None:
        problems = find_problems("/readyz", port=PORT, host=HOST)
        if "weights" in problems:  # without them no worker gets ready
            waited_for = PAGES_NEED
        if not waited_for & problems.keys():
            terminal.say(f"Clearcut is ready: http://{HOST}:{PORT}   (Ctrl-C stops it)")
            if FIRST_RUN:
                terminal.say(f"Make the administrator's account, once: {FIRST_RUN}")
            for problem in problems.values():
                terminal.say(f"WARNING: {problem}")
            return
        if waited_for != PAGES_NEED and time.monotonic() > end:
            waited_for = PAGES_NEED
            terminal.say("Clearcut takes long to get ready. What is written above may say why.")


def reap_adopted(supervisord: subprocess.Popen[bytes]) -> None:
    """Collects adopted processes that have ended; supervisord's own end is left to Popen."""
    if sys.platform != "linux":
        return
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid == supervisord.pid:
            return
        os.waitpid(ended.si_pid, 0)


def stop(supervisord: subprocess.Popen[bytes], signals: Signals) -> None:
    """Asks once, waits; a second signal or a wait too long ends the patience."""
    end = time.monotonic() + STOP_SECONDS
    supervisord.terminate()
    while supervisord.poll() is None and time.monotonic() < end and not signals.impatient:
        time.sleep(0.05)


def kill_descendants() -> list[str]:
    """Kills whatever is still there; the names, for the record. Empty is the normal case."""
    import psutil  # only needed now

    alive = [
        process
        for process in psutil.Process().children(recursive=True)
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    ]
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=5)
    return [str(process.pid) for process in alive]


if __name__ == "__main__":
    sys.exit(main())

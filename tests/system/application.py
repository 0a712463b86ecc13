"""The real application: `make run` in folders of its own, seen from outside."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil
import requests

from scripts.linux import die_with_parent

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv" / "bin" / "python"
READY = re.compile(r"Clearcut is ready: (http://\S+)")
FIRST_RUN = re.compile(r"administrator's account, once: (https?://\S+)")
T = TypeVar("T")
PASSED_ON_BY_MAKE = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "DJANGO_SETTINGS_MODULE")


def as_from_a_terminal() -> None:
    """In the new process: Ctrl-C works even if the tests run in the background of a script, which
    ignores it; and nothing is left if the tests are killed."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    die_with_parent()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(
    condition: Callable[[], T | None], seconds: float, what: str, pause: float = 0.1
) -> T:
    """The first true value of `condition`; fails after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(pause)


@dataclass
class Application:
    """One `make run`. `folder` keeps its data, so that a second one can follow the first."""

    folder: Path
    model_dir: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    output: list[str] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None
    url: str = ""
    ready_seconds: float = 0.0

    @property
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k not in PASSED_ON_BY_MAKE}
        return kept | {
            "PORT": str(self.port),
            "DATA_DIR": str(self.folder / "data"),
            "MEDIA_ROOT": str(self.folder / "media"),
            "MODEL_DIR": str(self.model_dir),
            **self.settings,
        }

    def launch(self) -> None:
        """Starts `make run` as a terminal would: the head of a process group of its own."""
        self.process = subprocess.Popen(
            ["make", "run"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=as_from_a_terminal,  # noqa: PLW1509 - no thread of ours matters to it
        )
        threading.Thread(target=self._read, args=[self.process], daemon=True).start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.output.append(line)

    def start(self, seconds: float = 240) -> None:
        began = time.monotonic()
        self.launch()
        wait_until(lambda: self._is_ready() or self._has_ended(), seconds, "ready", pause=0.05)
        assert self.url, "make run ended:\n" + "".join(self.output)
        self.ready_seconds = time.monotonic() - began

    def _is_ready(self) -> bool:
        match = READY.search("".join(self.output))
        self.url = match[1] if match else ""
        return bool(match)

    def _has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def manage(self, *arguments: str) -> str:
        """What `manage.py` prints, run beside the application."""
        done = subprocess.run(
            [PYTHON, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def issue_token(self, email: str) -> str:
        return self.manage("issue_token", email)

    def create_user(self, email: str, password: str) -> None:
        """The account, or a new password for it."""
        code = (
            "from accounts.models import User; "
            f"user, _ = User.objects.get_or_create(email={email!r}); "
            f"user.set_password({password!r}); user.save()"
        )
        self.manage("shell", "-v0", "-c", code)

    def first_run_link(self) -> str:
        """The link that it printed for making the first administrator."""
        match = wait_until(lambda: FIRST_RUN.search("".join(self.output)), 5, "the link")
        return match[1]

    def create_administrator(self, email: str, password: str) -> None:
        """Through the page of a new installation, as a browser without scripts would."""
        with requests.Session() as browser:
            page = browser.get(self.first_run_link(), timeout=30)
            token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
            assert token, page.text
            form = {"email": email, "password1": password, "password2": password}
            form |= {"signup": "open", "csrfmiddlewaretoken": token[1]}
            done = browser.post(page.url, data=form, timeout=30)
        assert done.url == f"{self.url}/workspace/", done.text

    def everything(self) -> list[psutil.Process]:
        """`make` and all that it started, whatever state that is in."""
        assert self.process is not None
        make = psutil.Process(self.process.pid)
        return [make, *make.children(recursive=True)]

    def processes(self) -> "ProcessTree":
        """Fails while a part is missing, as after a death."""
        return ProcessTree.of(self.everything()[0])

    def memory(self) -> int:
        """Bytes of memory of all processes; what they share is counted once."""
        return sum(proportional_memory(process) for process in self.everything())

    def stop(self, seconds: float = 40) -> None:
        """Ctrl-C, and the proof that it ended well and left nothing behind."""
        assert self.process is not None
        everything = self.everything()
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(seconds)
        words = "".join(self.output[-20:])
        assert "Clearcut has stopped." in words, words
        assert "by force" not in words, words
        left = [process for process in everything if is_alive(process)]
        assert not left, f"left behind: {left}"

    def kill(self) -> None:
        """For tidying up after a failure: no proof, no patience."""
        if self.process is None or self.process.poll() is not None:
            return
        for process in reversed(self.everything()):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(10)


@dataclass(frozen=True)
class ProcessTree:
    """Who is who below `make`."""

    supervise: psutil.Process
    supervisord: psutil.Process
    web: psutil.Process
    web_workers: list[psutil.Process]
    watchdog: psutil.Process
    sweep: psutil.Process
    cluster: psutil.Process
    sentinel: psutil.Process
    # In the order in which they are started: the worker(s), the monitor, the pusher.
    pool: list[psutil.Process]

    @classmethod
    def of(cls, make: psutil.Process) -> "ProcessTree":
        supervise = find(make, "supervise.py")
        supervisord = find(supervise, "supervisor.supervisord")
        web, watchdog = find(supervisord, "gunicorn"), find(supervisord, "worker")
        cluster = find(watchdog, "--cluster")
        (sentinel,) = cluster.children()
        return cls(
            supervise=supervise,
            supervisord=supervisord,
            web=web,
            web_workers=web.children(),
            watchdog=watchdog,
            sweep=find(watchdog, "sweep"),
            cluster=cluster,
            sentinel=sentinel,
            pool=sorted(sentinel.children(), key=lambda process: process.pid),
        )


def find(parent: psutil.Process, word: str) -> psutil.Process:
    """The child of `parent` that has `word` in its command line."""
    return next(child for child in parent.children() if word in " ".join(child.cmdline()))


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def proportional_memory(process: psutil.Process) -> int:
    try:
        rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    except OSError:  # it has just ended, or this is not Linux
        with contextlib.suppress(psutil.Error):
            return int(process.memory_info().rss)
        return 0
    match = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    return int(match[1]) * 1024 if match else 0

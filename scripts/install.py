"""Makes .venv and installs the locked requirements into it; does nothing when they are there.

Run by `make` with the Python of the machine, so it uses the standard library alone:

    python scripts/install.py [dev]

What is installed is remembered as a hash of the lock files in .venv/.installed-*. An installation
that was cut short (Ctrl-C, power) leaves .venv/.unfinished behind, and the next one starts over.
"""

import contextlib
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UNFINISHED = VENV / ".unfinished"
# pip says "Collecting x==1", "Processing /folder/x-1.whl" or "Ignoring x: markers ...".
PACKAGE = re.compile(
    r"(?:Collecting |Processing (?:\S*/)?|Ignoring |Requirement already satisfied: )"
    r"([\w.-]+?)(?=[=:\s]|-\d)"
)
LOCKS = {"run": ["requirements.txt"], "dev": ["requirements.txt", "requirements-dev.txt"]}


def main() -> None:
    wanted = "dev" if "dev" in sys.argv[1:] else "run"
    if is_installed(wanted):
        return
    with only_one_at_a_time():
        if is_installed(wanted):  # by the one we waited for
            return
        prepare_venv()
        install(wanted)


def stamp(wanted: str) -> Path:
    return VENV / f".installed-{wanted}"


def fingerprint(wanted: str) -> str:
    """Changes when a lock file or the Python of the machine does."""
    digest = hashlib.sha256(f"{platform.python_version()} {platform.machine()}".encode())
    for name in LOCKS[wanted]:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def is_installed(wanted: str) -> bool:
    try:
        installed = stamp(wanted).read_text()
    except OSError:
        return False
    return installed == fingerprint(wanted) and PYTHON.exists() and not UNFINISHED.exists()


@contextlib.contextmanager
def only_one_at_a_time() -> Iterator[None]:
    """`make run` and `make test` may be started together: the second waits for the first."""
    import fcntl  # not on Windows, where this file still has to be importable

    lock_file = ROOT / "var" / "install.lock"
    lock_file.parent.mkdir(exist_ok=True)
    with lock_file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another installation into .venv is under way: waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def prepare_venv() -> None:
    """An empty environment, unless one is there that works and belongs to this Python."""
    if UNFINISHED.exists():
        say("The last installation was cut short: starting over.")
        shutil.rmtree(VENV)
    elif VENV.exists() and not works(PYTHON):
        say("The Python of .venv has changed: making it again.")
        shutil.rmtree(VENV)
    if PYTHON.exists():
        return
    say(f"Making .venv with Python {platform.python_version()} ...")
    if not run([sys.executable, "-m", "venv", str(VENV)]):
        make_venv_without_ensurepip()


def works(python: Path) -> bool:
    check = f"import pip, sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    try:
        return (
            subprocess.run([python, "-c", check], check=False, capture_output=True).returncode == 0
        )
    except OSError:
        return False


def make_venv_without_ensurepip() -> None:
    """Some Linux distributions put ensurepip into a package of its own; the machine's pip helps."""
    shutil.rmtree(VENV, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "--quiet", "pip"]
    if not run([sys.executable, "-m", "venv", "--without-pip", str(VENV)]) or not run(pip):
        shutil.rmtree(VENV, ignore_errors=True)
        sys.exit(
            f"Python {platform.python_version()} could not make a virtual environment here.\n"
            "On Debian and Ubuntu the package python3-venv is missing."
        )


def run(command: list[str]) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def install(wanted: str) -> None:
    locks = [str(ROOT / name) for name in LOCKS[wanted]]
    count = len({line for lock in locks for line in pinned(lock)})
    say(f"Installing {count} packages (a minute or two, this time only) ...")
    started = time.monotonic()
    UNFINISHED.touch()
    command = [str(PYTHON), "-m", "pip", "install", "--require-hashes", "--no-deps", "--no-input"]
    command += ["--progress-bar", "off", "--no-color", "--disable-pip-version-check"]
    for lock in locks:
        command += ["-r", lock]
    output = run_pip(command, count)
    # A pip that ends by itself has cleaned up: only one that was killed leaves a broken tree.
    UNFINISHED.unlink()
    if output is not None:
        sys.exit(f"{output}\nThe packages could not be installed; what pip said is above.")
    stamp(wanted).write_text(fingerprint(wanted))
    if wanted == "dev":
        stamp("run").write_text(fingerprint("run"))
    say(f"Installed in {time.monotonic() - started:.0f} s.")


def pinned(lock: str) -> list[str]:
    lines = Path(lock).read_text().splitlines()
    return [
        line.split("==")[0] for line in lines if "==" in line and not line.startswith((" ", "#"))
    ]


def run_pip(command: list[str], count: int) -> str | None:
    """Runs pip, showing how far it is; its words if it failed.

    Its warnings (root user, missing folders of wheels, a newer pip) help nobody here and are
    shown only with an error. It stays in our process group, so that Ctrl-C reaches it.
    """
    pip = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"},
    )
    assert pip.stdout is not None
    words: list[str] = []
    seen: set[str] = set()
    for line in pip.stdout:
        words.append(line)
        package = PACKAGE.match(line)
        if package and package[1] not in seen:
            seen.add(package[1])
            show_progress(f"  {len(seen)}/{count} {package[1]}", len(seen), count)
        elif line.startswith("Installing collected packages"):
            show_progress("  all fetched, unpacking ...", count, count)
    if sys.stdout.isatty():
        print("\r\033[K", end="", flush=True)
    return None if pip.wait() == 0 else "".join(words[-40:]).rstrip()


def show_progress(text: str, done: int, total: int) -> None:
    """One line that changes on a terminal; a line for each third in a log."""
    if sys.stdout.isatty():
        print(f"\r\033[K{text}", end="", flush=True)
    elif done == total or done % max(1, total // 3) == 0:
        say(text)


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nStopped. Run the same command again to go on.")

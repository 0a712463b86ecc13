"""What `make run` does: checks, prepares whatever is not prepared yet, and hands over.

With --prepare it ends after preparing, which is what building a container image needs. With
--role web or --role worker only that part runs, so that each can have a unit, a container or a
machine of its own; whoever comes first prepares, and the other waits for it.

The preparing needs Django; looking after the processes for days does not. So this process
replaces itself with supervise.py (same process id, a fraction of the memory), and passes on the
lock on the data folder and the settings it has resolved.
"""

import argparse
import contextlib
import hashlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.chdir(ROOT)

from scripts.locks import alone_in_database, lock_data_dir, one_at_a_time  # noqa: E402 - the path
from scripts.words import refuse, say  # noqa: E402

# Brought by packages and shown by no page of ours; compressing them would take half the time.
UNUSED_STATIC = ["redoc", "rest_framework"]
ROLES = ("all", "web", "worker")

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
# onnxruntime would report its use to its makers; what happens here is nobody else's business.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def main() -> None:
    options = read_arguments()
    if not options.prepare:  # an image is made by one user and run by another
        os.umask(0o077)  # for all processes: database and pictures are for their user alone
    settings = load_settings()
    make_folders(settings.DATA_DIR, settings.MEDIA_ROOT)
    lock = lock_data_dir(settings.DATA_DIR, settings.PORT, options.role)
    if not options.prepare and options.role != "worker":
        check_port(settings.PORT)
    check_settings(settings.DEFAULT_ENGINE)
    with one_at_a_time(settings.DATA_DIR):
        problem = prepare(settings, options.role)
    if not options.prepare:
        hand_over(settings, lock, options.role)
    elif problem:
        sys.exit("Everything is prepared but the weights.")


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Starts Clearcut.")
    parser.add_argument("--prepare", action="store_true", help="only prepare, start nothing")
    parser.add_argument("--role", choices=ROLES, default="all", help="what to start (all)")
    return parser.parse_args()


def prepare(settings, role: str) -> bool:  # type: ignore[no-untyped-def]
    """Whether weights are missing still."""
    warming = contextlib.nullcontext() if role == "web" else warming_up(settings.DATA_DIR)
    with warming:
        problem = bring_weights(settings.DEFAULT_ENGINE, settings.MODEL_DIR)
        if role != "web" and not problem:
            quantize(settings.DEFAULT_ENGINE, settings.MODEL_DIR)
        migrate()
        if role != "worker":
            collect_static(settings.DATA_DIR, settings.STATIC_ROOT)
    return problem


def load_settings():  # type: ignore[no-untyped-def]  # Django's settings have no class to name
    import django
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    try:
        django.setup()
    except (ImproperlyConfigured, ValueError, ArithmeticError) as error:
        refuse(f"The settings are wrong: {error}")
    except OSError as error:
        refuse(f"{error.filename} cannot be used: {error.strerror}.")
    return settings


def make_folders(*folders: Path) -> None:
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            refuse(f"The folder {folder} cannot be made: {error.strerror}.")
        if not os.access(folder, os.W_OK | os.X_OK):
            refuse(f"The folder {folder} cannot be written to.")


def check_port(port: int) -> None:
    if not 0 < port < 65536:
        refuse(f"PORT is {port}; ports go from 1 to 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104 - as gunicorn will
        except PermissionError:
            refuse(f"Port {port} needs more rights. Take one above 1023: PORT=8000 make run")
        except OSError:
            refuse(
                f"Port {port} is in use{by_whom(port)}.\n"
                f"Stop that program, or take another port: PORT={port + 1} make run"
            )


def by_whom(port: int) -> str:
    """ " by NAME (process N)", where the system lets us see that."""
    import psutil

    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.pid:
                name = psutil.Process(connection.pid).name()
                return f" by {name} (process {connection.pid})"
    return ""


@contextlib.contextmanager
def warming_up(data_dir: Path) -> Iterator[None]:
    """Compiles what is compiled at its first use, while the rest is prepared."""
    libraries = ["rembg", "onnxruntime", "pymatting", "numba", "numpy"]
    sources = [f"{path} {path.stat().st_mtime_ns}" for path in loop_sources()]  # as numba does
    wanted = " ".join([sys.version.split()[0], sys.prefix, *map(version, libraries), *sources])
    stamp = Stamp(data_dir, "warm", wanted)
    if stamp.is_current():
        yield
        return
    say("Warming up the image libraries (about half a minute, the first time only) ...")
    process = subprocess.Popen(
        [sys.executable, "-c", "import rembg, processing.warming as own; own.compile_loops()"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield
        words, _ = process.communicate()
    except BaseException:
        process.kill()
        raise
    if process.returncode == 0:
        stamp.write()
    else:
        say(f"{words.rstrip()}\nThe image libraries cannot be used; the lines above say why.")


def loop_sources() -> list[Path]:
    """Files with loops of ours that are compiled; a new version of one is compiled anew."""
    folder = ROOT / "processing"
    return sorted(path for path in folder.rglob("*.py") if "compiled(" in path.read_text())


def check_settings(default_engine: str) -> None:
    """What would make the worker end as soon as it starts, again and again."""
    from django.core.checks import run_checks

    from processing.engines.catalog import ENGINES

    if default_engine not in ENGINES:
        refuse(f"DEFAULT_ENGINE is {default_engine!r}; there are {', '.join(ENGINES)}.")
    serious = [
        str(message) for message in run_checks(tags=["queue", "storage"]) if message.is_serious()
    ]
    if serious:
        refuse("\n".join(serious))


def bring_weights(default_engine: str, model_dir: Path) -> bool:
    """Whether weights are missing still. The application starts all the same: uploads wait."""
    from django.core.management import CommandError, call_command

    from processing.engines.catalog import ENGINES, engine_problem

    missing = [
        name
        for name in dict.fromkeys([default_engine, "u2netp"])
        if engine_problem(ENGINES[name], model_dir=model_dir)
    ]
    if not missing:
        return False
    private = os.umask(0o022)  # weights are no secret, and other instances may share them
    try:
        model_dir.mkdir(parents=True, exist_ok=True)
        call_command("fetch_models", *missing)
    except (CommandError, OSError) as error:
        say(f"\nWARNING: {error}\n")
        return True
    finally:
        os.umask(private)
    return False


def quantize(default_engine: str, model_dir: Path) -> None:
    """In a process of its own, since it needs a gigabyte for a minute. Without it all works."""
    from processing.engines.catalog import ENGINES, weights_path
    from processing.quantization.store import is_current

    info = ENGINES.get(ENGINES[default_engine].quantized_as)
    if info is None or is_current(info, weights_path(info, model_dir=model_dir)):
        return
    say("Making the engine quick (a minute, the first time only) ...")
    # Weights are no secret, and other instances may share them.
    command = [sys.executable, "manage.py", "quantize", info.name]
    made = subprocess.run(command, check=False, capture_output=True, text=True, umask=0o022)
    if made.returncode != 0:
        say(made.stderr.strip()[-1000:])
        say("The engine works all the same, at a third of the speed.")


def migrate() -> None:
    from django.core.management import call_command
    from django.db import OperationalError, connection
    from django.db.migrations.executor import MigrationExecutor

    try:
        with alone_in_database(connection):
            executor = MigrationExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                say("Preparing the database ...")
                call_command("migrate", interactive=False, verbosity=0)
    except OperationalError as error:
        refuse(f"The database cannot be used: {error}")
    finally:
        connection.close()


def collect_static(data_dir: Path, static_root: Path) -> None:
    stamp = Stamp(data_dir, "static", static_fingerprint())
    if stamp.is_current() and (static_root / "staticfiles.json").exists():
        return
    from django.core.management import call_command

    say("Preparing the static files ...")
    call_command(
        "collectstatic", interactive=False, clear=True, verbosity=0, ignore_patterns=UNUSED_STATIC
    )
    stamp.write()


def static_fingerprint() -> str:
    """Changes when a static file does, ours or one that a package brings."""
    from django.contrib.staticfiles.finders import get_finders

    digest = hashlib.sha256((ROOT / "config" / "static.py").read_bytes())
    for finder in get_finders():
        for name, storage in finder.list(UNUSED_STATIC):
            status = Path(storage.path(name)).stat()
            digest.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


class Stamp:
    """Remembers in the data folder what something was prepared for."""

    def __init__(self, data_dir: Path, name: str, wanted: str) -> None:
        self.path = data_dir / "stamps" / name
        self.wanted = wanted

    def is_current(self) -> bool:
        return self.path.exists() and self.path.read_text() == self.wanted

    def write(self) -> None:
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text(self.wanted)


def first_run_link() -> str:
    """Where the first administrator is made; empty once there is one."""
    from django.db import connection

    from accounts.services import first_run

    try:
        return first_run.first_run_link() or ""
    finally:
        connection.close()


def hand_over(settings, lock: int, role: str) -> None:  # type: ignore[no-untyped-def]
    from scripts.probe import host_to_ask_for

    environment = {
        # Each thread would keep memory of its own: with large pictures that is a gigabyte.
        "MALLOC_ARENA_MAX": "2",
        **os.environ,
        "PORT": str(settings.PORT),
        "DATA_DIR": str(settings.DATA_DIR),
        "MEDIA_ROOT": str(settings.MEDIA_ROOT),
        "MODEL_DIR": str(settings.MODEL_DIR),
        "CLEARCUT_HOST": host_to_ask_for(settings.ALLOWED_HOSTS),
        "CLEARCUT_PYTHON": sys.executable,
        "CLEARCUT_FIRST_RUN": "" if role == "worker" else first_run_link(),
        "CLEARCUT_ROLE": role,
        "CLEARCUT_HAS_WEB": str(role != "worker").lower(),
        "CLEARCUT_HAS_WORKER": str(role != "web").lower(),
    }
    os.set_inheritable(lock, True)  # the lock lives as long as this process id does
    sys.stdout.flush()
    supervise = str(ROOT / "scripts" / "supervise.py")
    os.execve(sys.executable, [sys.executable, supervise], environment)  # noqa: S606


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nStopped before it was ready. `make run` goes on from here.")

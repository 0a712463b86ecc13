"""Who may prepare and run, and on which data: locks that end with their process."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from scripts.words import refuse

# One number for "this application migrates", among the advisory locks of a PostgreSQL server.
MIGRATING = 0x_C1EA_2C07


def lock_data_dir(data_dir: Path, port: int, role: str) -> int:
    """Two instances on the same data would fight over it. The lock ends with the process.

    A web server and workers of their own share it, and nothing else may have it then.
    """
    descriptor = os.open(data_dir / "run.lock", os.O_RDWR | os.O_CREAT, 0o644)
    kind = fcntl.LOCK_EX if role == "all" else fcntl.LOCK_SH
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 200, 0).decode().strip()
        refuse(
            f"It is running with this data already ({holder or data_dir}).\n"
            "Stop that one, or give this one data of its own: "
            "DATA_DIR=other MEDIA_ROOT=other/media PORT=8001 make run"
        )
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"process {os.getpid()}, http://localhost:{port}\n".encode(), 0)
    return descriptor


@contextlib.contextmanager
def one_at_a_time(data_dir: Path) -> Iterator[None]:
    with (data_dir / "prepare.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def alone_in_database(connection) -> Iterator[None]:  # type: ignore[no-untyped-def]
    """Several machines may start at once; a database in a file is guarded by its folder."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATING])
    yield  # closing the connection ends the lock

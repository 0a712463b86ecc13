"""Who holds a row: names of worker processes, and whether they still live."""

import os
import socket
from functools import cache
from pathlib import Path

import psutil

from images.models import LeasedRow, Status
from images.queue.claims import give_back

PROC = Path("/proc")
DEAD_STATES = "ZX"


def worker_id() -> str:
    """This process as "host/namespace:pid:start time": no other process ever bears that name."""
    pid = os.getpid()
    return f"{host_id()}:{pid}:{start_time(pid)}"


@cache
def host_id() -> str:
    """Where process numbers mean something: the host, and on Linux its process namespace."""
    return f"{socket.gethostname()}/{_pid_namespace()}"


def is_alive(worker: str) -> bool | None:
    """Whether that process still runs; None if it is on another host and cannot be seen."""
    try:
        host, pid, started = worker.rsplit(":", 2)
        number = int(pid)
    except ValueError:
        return None
    if host != host_id():
        return None
    return start_time(number) == started


def give_back_dead(model: type[LeasedRow]) -> int:
    """Put back every row held by a dead worker of this host. Returns how many."""
    running = model._default_manager.filter(status=Status.RUNNING, worker__startswith=host_id())
    return sum(give_back(row) for row in running if is_alive(row.worker) is False)


def start_time(pid: int) -> str | None:
    """A mark that tells a process from a later one with the same number; None if it is dead."""
    if PROC.joinpath("self/stat").exists():
        return _linux_start_time(pid)
    try:
        return str(int(psutil.Process(pid).create_time()))
    except psutil.Error:
        return None


def _linux_start_time(pid: int) -> str | None:
    """In ticks since the machine started, so that setting the clock changes nothing."""
    try:
        stat = PROC.joinpath(str(pid), "stat").read_text()
    except OSError:
        return None
    # The name of the program, in brackets, may hold spaces and brackets of its own.
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in DEAD_STATES else fields[18]


def _pid_namespace() -> str:
    """Containers may share a host name; the number of their namespace tells them apart."""
    try:
        return str(PROC.joinpath("self/ns/pid").readlink()).strip("pid:[]")
    except OSError:
        return "0"

"""Names of processes, and rows of those that are dead."""

import os
import subprocess
import sys

import pytest

from accounts.models import User
from images.models import Cutout, Status
from images.queue.claims import WORKER_LOST
from images.queue.workers import give_back_dead, host_id, is_alive, start_time, worker_id
from tests.images.queue.conftest import eventually, make_cutout


def start_sleeper() -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def name_of(pid: int) -> str:
    return f"{host_id()}:{pid}:{start_time(pid)}"


def test_this_process_is_alive_and_keeps_its_name() -> None:
    assert is_alive(worker_id()) is True
    assert worker_id() == worker_id() == name_of(os.getpid())


def test_a_killed_process_is_dead_even_before_anybody_buries_it() -> None:
    process = start_sleeper()
    name = name_of(process.pid)
    assert is_alive(name) is True
    process.kill()
    assert eventually(lambda: is_alive(name) is False)
    process.wait()
    assert is_alive(name) is False


def test_a_later_process_of_the_same_number_is_another() -> None:
    assert is_alive(f"{host_id()}:{os.getpid()}:1") is False


@pytest.mark.parametrize("name", ["elsewhere/1:1:1", "", "nonsense", f"{host_id()}:x:1"])
def test_of_other_hosts_nothing_is_known(name: str) -> None:
    assert is_alive(name) is None


@pytest.mark.django_db
def test_rows_of_dead_workers_of_this_host_go_back(owner: User) -> None:
    process = start_sleeper()
    dead = name_of(process.pid)
    process.kill()
    process.wait()
    workers = {"dead": dead, "alive": worker_id(), "elsewhere": "elsewhere/1:1:1"}
    rows = {
        name: make_cutout(owner, status=Status.RUNNING, claims=1, worker=worker)
        for name, worker in workers.items()
    }
    assert give_back_dead(Cutout) == 1
    for row in rows.values():
        row.refresh_from_db()
    assert (rows["dead"].status, rows["dead"].error_code) == (Status.QUEUED, WORKER_LOST)
    assert rows["alive"].status == rows["elsewhere"].status == Status.RUNNING

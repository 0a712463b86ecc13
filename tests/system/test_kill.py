"""Whatever is killed: no picture is lost, none is made twice, nothing is left behind."""

import io
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import psutil
import pytest
import requests

from tests.factories import drawn_picture
from tests.system.application import Application, ProcessTree, find, is_alive, wait_until
from tests.system.client import Client

Choose = Callable[[ProcessTree], psutil.Process]

KINDS: dict[str, Choose] = {
    "web": lambda tree: tree.web,
    "web worker": lambda tree: tree.web_workers[0],
    "watchdog": lambda tree: tree.watchdog,
    "sweep": lambda tree: tree.sweep,
    "cluster": lambda tree: tree.cluster,
    "sentinel": lambda tree: tree.sentinel,
    "worker": lambda tree: tree.pool[0],
    "monitor": lambda tree: tree.pool[-2],
    "pusher": lambda tree: tree.pool[-1],
}
DONE_WITHIN = 60


def large_picture() -> bytes:
    """15 megapixels: a worker is busy with it for a while."""
    buffer = io.BytesIO()
    drawn_picture((5000, 3000)).save(buffer, "JPEG")
    return buffer.getvalue()


def submit(program: Client, content: bytes, count: int = 1) -> list[str]:
    """The identifiers of the cutouts."""
    answers = [program.post_file(f"{number}.jpg", content) for number in range(count)]
    assert {answer.status_code for answer in answers} == {201}
    return [answer.json()["latest_cutout"] for answer in answers]


def current_tree(live: Application) -> ProcessTree:
    """Complete again: right after a death there are gaps in it for a moment."""

    def whole_tree() -> ProcessTree | None:
        with suppress(psutil.NoSuchProcess, StopIteration, ValueError):
            tree = live.processes()
            return tree if tree.web_workers and len(tree.pool) >= 3 else None
        return None

    return wait_until(whole_tree, 20, "all processes are there")


def is_ready(live: Application) -> bool:
    with suppress(requests.RequestException):
        return requests.get(f"{live.url}/readyz", timeout=5).status_code == 200
    return False


def check_outcome(live: Application, program: Client, cutouts: list[str]) -> None:
    finished = program.wait_for(cutouts, DONE_WITHIN)
    assert {cutout["status"] for cutout in finished.values()} == {"done"}, finished
    images = program.all_images()
    assert sorted(image["cutout"]["id"] for image in images) == sorted(cutouts)
    wait_until(lambda: is_ready(live), DONE_WITHIN, "ready again", pause=0.2)


@pytest.mark.parametrize("kind", KINDS)
def test_killed_while_busy(live: Application, program: Client, kind: str) -> None:
    cutouts = submit(program, large_picture(), count=2)
    wait_until(
        lambda: program.cutout(cutouts[0])["status"] != "queued", 30, "work begins", pause=0.02
    )
    victim = KINDS[kind](current_tree(live))
    victim.kill()
    check_outcome(live, program, cutouts)
    assert not is_alive(victim)


@pytest.mark.parametrize("kind", ["worker", "monitor", "pusher"])
def test_killed_while_idle(live: Application, program: Client, kind: str) -> None:
    """These hold locks of the queue while they wait for work."""
    KINDS[kind](current_tree(live)).kill()
    wait_until(lambda: is_answering(live), 10, "the web server answers", pause=0.2)
    check_outcome(live, program, submit(program, large_picture(), count=2))


def is_answering(live: Application) -> bool:
    with suppress(requests.RequestException):
        return requests.get(f"{live.url}/healthz", timeout=5).status_code == 200
    return False


def test_killed_several_times_in_a_row(live: Application, program: Client) -> None:
    cutouts = submit(program, large_picture(), count=6)
    for kind in ("worker", "sentinel", "web", "watchdog", "pusher"):
        KINDS[kind](current_tree(live)).kill()
        time.sleep(1)
    check_outcome(live, program, cutouts)


@pytest.mark.parametrize("program_name", ["gunicorn", "manage.py worker"])
def test_what_died_is_back_within_two_seconds(live: Application, program_name: str) -> None:
    supervisord = current_tree(live).supervisord
    for _ in range(3):
        victim = find(supervisord, program_name)
        victim.kill()
        began = time.monotonic()
        wait_until(partial(has_successor, supervisord, victim, program_name), 10, "back", 0.02)
        assert time.monotonic() - began < 2.5
    wait_until(lambda: is_ready(live), DONE_WITHIN, "ready again", pause=0.2)
    current_tree(live)


def has_successor(supervisord: psutil.Process, victim: psutil.Process, name: str) -> bool:
    with suppress(psutil.NoSuchProcess, StopIteration):
        return find(supervisord, name).pid != victim.pid
    return False

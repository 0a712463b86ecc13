"""Files that programs stumble over: each gets a cutout or a clear refusal, at bounded cost."""

import threading
from pathlib import Path

from tests.datasets import test_pictures
from tests.system.application import Application
from tests.system.client import Client

# Two web processes, one worker with U²-Net at work, everything else that waits.
MEMORY_LIMIT = 2_500_000_000


class MemoryWatch(threading.Thread):
    """The most memory that the application has used."""

    def __init__(self, live: Application) -> None:
        super().__init__(daemon=True)
        self.live = live
        self.peak = 0
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.5):
            self.peak = max(self.peak, self.live.memory())

    def __enter__(self) -> "MemoryWatch":
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.over.set()
        self.join()


def test_every_awkward_file_gets_an_answer(live: Application, program: Client) -> None:
    files = test_pictures("awkward")
    with MemoryWatch(live) as memory:
        accepted = [cutout for file in files if (cutout := submit(program, file))]
        finished = program.wait_for(accepted, 300)
    failed = [cutout for cutout in finished.values() if cutout["status"] == "failed"]
    assert all(cutout["error_code"] and cutout["error_message"] for cutout in failed), failed
    done = [cutout for cutout in finished.values() if cutout["status"] == "done"]
    assert len(done) > len(files) / 4, "most of these files are valid pictures"
    assert memory.peak < MEMORY_LIMIT


def submit(program: Client, file: Path) -> str | None:
    """The cutout of an accepted file; None for one that is refused as it should be."""
    answer = program.post_file(file.name, file.read_bytes())
    assert answer.status_code < 500, (file.name, answer.text)
    if answer.status_code == 201:
        cutout: str = answer.json()["latest_cutout"]
        return cutout
    assert 400 <= answer.status_code < 500, (file.name, answer.status_code)
    errors = answer.json()["errors"]
    assert errors, file.name
    assert all(error["code"] and error["detail"] for error in errors), (file.name, errors)
    return None

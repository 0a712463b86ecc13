"""Other people who have an account on the machine see nothing of what the application keeps."""

import stat
import sys
from pathlib import Path

import psutil
import pytest

from tests.factories import picture_bytes
from tests.system.application import Application
from tests.system.client import Client


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def umask(process: psutil.Process) -> int:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1], 8) for line in lines if line.startswith("Umask:"))


def test_the_folders_and_the_database_are_private(live: Application, program: Client) -> None:
    answer = program.post_file("disc.png", picture_bytes())
    program.wait_for([answer.json()["latest_cutout"]], 120)
    data, media = live.folder / "data", live.folder / "media"
    assert mode(data) == mode(media) == 0o700
    databases = list(data.glob("db.sqlite3*"))
    assert {path.name for path in databases} >= {"db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm"}
    assert {mode(path) for path in databases} == {0o600}
    assert {mode(path) for path in media.rglob("*") if path.is_dir()} == {0o700}
    assert not [path for path in media.rglob("*") if path.is_file() and mode(path) & 0o007]


@pytest.mark.skipif(sys.platform != "linux", reason="the umask is read from /proc")
def test_all_processes_keep_what_they_make_to_themselves(live: Application) -> None:
    _make, *processes = live.everything()
    assert {umask(process) for process in processes} == {0o077}

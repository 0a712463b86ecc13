"""`manage.py cutout IN OUT`: no web, no accounts, no database."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from PIL import Image as Pixels

from images.management.commands.cutout import Watcher
from processing.folders import Job
from tests.factories import picture_bytes
from tests.system.application import as_from_a_terminal


def picture(path: Path, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture_bytes(**options))
    return path


def cutout(source: Path, target: Path, *options: str) -> str:
    out = StringIO()
    call_command("cutout", str(source), str(target), "--engine", "drawn", *options, stdout=out)
    return out.getvalue()


def found(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_file(tmp_path: Path) -> None:
    cutout(picture(tmp_path / "a.jpg", format="JPEG"), tmp_path / "a.png")
    with Pixels.open(tmp_path / "a.png") as result:
        assert (result.mode, result.size) == ("RGBA", (120, 90))
        assert result.getpixel((0, 0)) == (0, 0, 0, 0)
        assert result.getchannel("A").getpixel((60, 45)) == 255


def test_a_file_into_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    cutout(picture(tmp_path / "a.png"), tmp_path / "out", "--preset", "white")
    assert found(tmp_path / "out") == ["a.jpg"]


def test_a_folder_with_folders(tmp_path: Path) -> None:
    picture(tmp_path / "in" / "a.png")
    picture(tmp_path / "in" / "deep" / "b.jpg", format="JPEG")
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    picture(tmp_path / "in" / ".hidden.png")
    cutout(tmp_path / "in", tmp_path / "out")
    assert found(tmp_path / "out") == ["a.png", "deep/b.png"]


def test_pictures_that_differ_in_their_ending(tmp_path: Path) -> None:
    picture(tmp_path / "in" / "a.png")
    picture(tmp_path / "in" / "a.jpg", format="JPEG")
    cutout(tmp_path / "in", tmp_path / "out")
    assert found(tmp_path / "out") == ["a.jpg.png", "a.png.png"]


def test_a_second_run_does_only_what_is_new(tmp_path: Path) -> None:
    old = picture(tmp_path / "in" / "a.png")
    cutout(tmp_path / "in", tmp_path / "out")
    picture(tmp_path / "in" / "b.png")
    said = cutout(tmp_path / "in", tmp_path / "out")
    assert "1 done already" in said
    assert "a.png ->" not in said
    later = old.stat().st_mtime + 10
    os.utime(old, (later, later))
    assert "a.png ->" in cutout(tmp_path / "in", tmp_path / "out")
    assert "b.png ->" in cutout(tmp_path / "in", tmp_path / "out", "--overwrite")


def test_the_output_folder_inside_the_input_is_not_input(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    cutout(tmp_path, tmp_path / "out")
    assert "1 done already" in cutout(tmp_path, tmp_path / "out")
    assert found(tmp_path / "out") == ["a.png"]


def test_bad_pictures_do_not_stop_the_good(tmp_path: Path) -> None:
    broken = picture(tmp_path / "in" / "a.png", size=(300, 300))
    broken.write_bytes(broken.read_bytes()[:200])
    picture(tmp_path / "in" / "b.png")
    errors = StringIO()
    with pytest.raises(CommandError, match="failed: 1"):
        call_command(
            "cutout", tmp_path / "in", tmp_path / "out", "--engine", "drawn", stderr=errors
        )
    assert found(tmp_path / "out") == ["b.png"]
    assert "truncated_image" in errors.getvalue()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--preset", "nope"], "no preset"),
        (["--parameters", "format=gif"], "format must be"),
    ],
)
def test_wrong_parameters(options: list[str], complaint: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=complaint):
        cutout(picture(tmp_path / "a.png"), tmp_path / "b.png", *options)


def test_never_onto_itself(tmp_path: Path) -> None:
    source = picture(tmp_path / "a.png")
    before = source.read_bytes()
    with pytest.raises(CommandError, match="another file"):
        cutout(source, source)
    with pytest.raises(CommandError, match="another folder"):
        cutout(tmp_path, tmp_path)
    assert source.read_bytes() == before


def test_missing_input(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no file or folder"):
        cutout(tmp_path / "a.png", tmp_path / "b.png")


class TestWatcher:
    def test_waits_until_a_file_is_complete(self, tmp_path: Path) -> None:
        job = Job(tmp_path / "a.png", tmp_path / "out.png")
        watcher = Watcher()
        job.source.write_bytes(b"half")
        assert watcher.settled([job]) == []
        job.source.write_bytes(b"whole file")
        assert watcher.settled([job]) == []
        assert watcher.settled([job]) == [job]

    def test_tries_once_until_it_changes(self, tmp_path: Path) -> None:
        job = Job(tmp_path / "a.png", tmp_path / "out.png")
        job.source.write_bytes(b"broken")
        watcher = Watcher()
        watcher.settled([job])
        assert watcher.settled([job]) == [job]
        assert watcher.settled([job]) == []
        job.source.write_bytes(b"mended now")
        watcher.settled([job])
        assert watcher.settled([job]) == [job]

    def test_leaves_what_is_done(self, tmp_path: Path) -> None:
        job = Job(tmp_path / "a.png", tmp_path / "out.png")
        job.source.write_bytes(b"x")
        shutil.copy(job.source, job.target)
        watcher = Watcher()
        watcher.settled([job])
        assert watcher.settled([job]) == []


def test_a_watched_folder(tmp_path: Path) -> None:
    """The real command, in a process of its own, stopped as people stop it."""
    (tmp_path / "in").mkdir()
    command = [sys.executable, "manage.py", "cutout", str(tmp_path / "in"), str(tmp_path / "out")]
    process = subprocess.Popen(
        [*command, "--watch", "--engine", "drawn"],
        stdout=subprocess.PIPE,
        preexec_fn=as_from_a_terminal,  # noqa: PLW1509 - no thread of ours matters to it
        text=True,
        env={
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "config.settings.test",
        },
    )
    guard = threading.Timer(60, process.kill)
    guard.start()
    try:
        assert process.stdout is not None
        assert "Watching" in process.stdout.readline()
        picture(tmp_path / "in" / "a.png")
        assert "a.png ->" in process.stdout.readline()
        picture(tmp_path / "in" / "b.png")
        assert "b.png ->" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        guard.cancel()
        process.kill()
        process.wait()
    assert found(tmp_path / "out") == ["a.png", "b.png"]

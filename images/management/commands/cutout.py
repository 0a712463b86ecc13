"""Cuts out files and folders without the web, accounts or a database."""

import time
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from processing.engines import Engine, get_engine
from processing.engines.catalog import ENGINES
from processing.errors import ProcessingError
from processing.folders import Job, cut_out_file, jobs_for_folder
from processing.presets import PRESETS, preset_spec
from processing.spec import RenderSpec

LOOK_EVERY_SECONDS = 1.0
State = tuple[int, int]  # size and time of change: a file that keeps them is written to no more


class Command(BaseCommand):
    help = (
        "Cuts out a picture, or every picture in a folder and the folders in it. What has a newer "
        "result already is left alone, so a second run goes on where the first ended."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", type=Path, metavar="IN", help="a picture or a folder")
        parser.add_argument("target", type=Path, metavar="OUT", help="a file or a folder")
        presets = "; ".join(f"{name}: {preset.help}" for name, preset in PRESETS.items())
        parser.add_argument("--preset", default="cutout", help=f"{presets} (default: cutout)")
        parser.add_argument(
            "--parameters",
            metavar="P",
            help="instead of a preset, as in addresses: 'format=jpeg&background=white&width=800'",
        )
        parser.add_argument("--engine", default=settings.DEFAULT_ENGINE, choices=list(ENGINES))
        parser.add_argument("--watch", action="store_true", help="go on until Ctrl-C")
        parser.add_argument("--overwrite", action="store_true", help="also what is there already")

    def handle(self, *args: Any, **options: Any) -> None:
        source, target = options["source"], options["target"]
        try:
            parameters = options["parameters"]
            self.spec = (
                RenderSpec.parse(parameters) if parameters else preset_spec(options["preset"])
            )
            self.engine = self._load(options["engine"])
        except ProcessingError as error:
            raise CommandError(error.message) from error
        self.failed = 0
        if options["watch"]:
            self._watch(source, target)
        elif source.is_dir():
            self._run_folder(source, target, overwrite=options["overwrite"])
        elif source.is_file():
            self._run(Job(source, self._target_of_file(source, target)))
        else:
            raise CommandError(f"There is no file or folder {source}.")
        if self.failed:
            raise CommandError(f"Pictures that failed: {self.failed}.")

    def _load(self, name: str) -> Engine:
        return get_engine(name, model_dir=settings.MODEL_DIR, threads=settings.CPU_COUNT)

    def _target_of_file(self, source: Path, target: Path) -> Path:
        return target / f"{source.stem}.{self.spec.extension}" if target.is_dir() else target

    def _run_folder(self, source: Path, target: Path, *, overwrite: bool) -> None:
        jobs = list(self._jobs(source, target))
        due = [job for job in jobs if overwrite or not job.is_done]
        if len(due) < len(jobs):
            self.stdout.write(f"{len(jobs) - len(due)} done already.")
        if not jobs:
            self.stdout.write(f"There are no pictures in {source}.")
        for number, job in enumerate(due, start=1):
            self._run(job, f"{number}/{len(due)} ")

    def _jobs(self, source: Path, target: Path) -> Iterator[Job]:
        if target.exists() and not target.is_dir():
            raise CommandError(f"{target} is a file; pictures of a folder need a folder.")
        if source.resolve() == target.resolve():
            raise CommandError("OUT must be another folder than IN.")
        return jobs_for_folder(source, target, extension=self.spec.extension)

    def _run(self, job: Job, place: str = "") -> None:
        started = time.perf_counter()
        try:
            if job.source.resolve() == job.target.resolve():
                raise CommandError("OUT must be another file than IN.")
            cut_out_file(job, engine=self.engine, spec=self.spec, max_pixels=settings.MAX_PIXELS)
        except ProcessingError as error:
            self._tell_failure(job, place, f"{error.message} ({error.code})")
        except OSError as error:
            self._tell_failure(job, place, str(error))
        else:
            took = time.perf_counter() - started
            self.stdout.write(f"{place}{job.source} -> {job.target} ({took:.1f} s)")

    def _tell_failure(self, job: Job, place: str, why: str) -> None:
        self.failed += 1
        self.stderr.write(f"{place}{job.source}: {why}")

    def _watch(self, source: Path, target: Path) -> None:
        if not source.is_dir():
            raise CommandError(f"{source} is no folder; only folders can be watched.")
        self.stdout.write(f"Watching {source}. Ctrl-C ends it.")
        watcher = Watcher()
        try:
            while True:
                for job in watcher.settled(self._jobs(source, target)):
                    self._run(job)
                time.sleep(LOOK_EVERY_SECONDS)
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")


class Watcher:
    """Tells which pictures are new and complete: unchanged since the last look, and not tried yet.

    By looking, not by asking the system to tell: that works on network drives as well.
    """

    def __init__(self) -> None:
        self._seen: dict[Path, State] = {}
        self._tried: dict[Path, State] = {}

    def settled(self, jobs: Iterable[Job]) -> list[Job]:
        states = {job: state for job in jobs if (state := _state(job.source))}
        ready = [
            job
            for job, state in states.items()
            if self._seen.get(job.source) == state != self._tried.get(job.source)
            and not job.is_done
        ]
        self._seen = {job.source: state for job, state in states.items()}
        self._tried |= {job.source: states[job] for job in ready}
        return ready


def _state(path: Path) -> State | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns

"""``manage.py fetch_models``: bring the weights of the engines onto this machine."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from processing.engines.catalog import ENGINES
from processing.weights import FetchError, fetch


class Command(BaseCommand):
    help = (
        "Fetch and verify the weights of engines; without names, of all that come without being "
        "asked for, and of the default engine."
    )
    requires_system_checks = ()  # missing weights are what it is there to mend

    def add_arguments(self, parser: CommandParser) -> None:
        names = [info.name for info in ENGINES.values() if info.needs_weights]
        parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names))
        parser.add_argument("--model-dir", type=Path, help="where they go; default: MODEL_DIR")

    def handle(self, *args: Any, **options: Any) -> None:
        model_dir = options["model_dir"] or Path(settings.MODEL_DIR)
        failures = []
        for name in self._names(options["names"]):
            try:
                fetch(ENGINES[name], model_dir=model_dir, report=self._report)
            except FetchError as error:
                failures.append(f"{name} could not be fetched.\n{error}")
        if failures:
            raise CommandError("\n\n".join(failures))

    def _names(self, asked: list[str]) -> list[str]:
        known = [info.name for info in ENGINES.values() if info.needs_weights]
        for name in asked:
            if name not in known:
                raise CommandError(f"No engine “{name}” has weights; there are {', '.join(known)}.")
        return asked or [name for name in known if _is_usual(name)]

    def _report(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _is_usual(name: str) -> bool:
    info = ENGINES[name]
    return (info.listed and not info.on_demand) or name == settings.DEFAULT_ENGINE

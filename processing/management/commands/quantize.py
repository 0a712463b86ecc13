"""``manage.py quantize``: make the 8-bit versions of networks, and try them on this processor."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from processing.engines.catalog import ENGINES, EngineInfo, weights_path
from processing.quantization.choice import choose
from processing.quantization.recipe import CannotQuantize
from processing.quantization.store import make


class Command(BaseCommand):
    help = (
        "Make the 8-bit versions of networks from their weights (a minute, once), and compare them "
        "with those on this processor. Without it, or where it does not pay, engines compute in "
        "single precision."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        names = [info.name for info in ENGINES.values() if info.quantizable]
        parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names))
        parser.add_argument("--again", action="store_true", help="also where it was made before")
        parser.add_argument("--model-dir", type=Path, help="where they go; default: MODEL_DIR")

    def handle(self, *args: Any, **options: Any) -> None:
        model_dir = options["model_dir"] or Path(settings.MODEL_DIR)
        known = [info.name for info in ENGINES.values() if info.quantizable]
        for name in options["names"]:
            if name not in known:
                raise CommandError(f"“{name}” cannot be quantized; there are {', '.join(known)}.")
        for name in options["names"] or known:
            self._quantize(ENGINES[name], model_dir, again=options["again"])

    def _quantize(self, info: EngineInfo, model_dir: Path, *, again: bool) -> None:
        try:
            make(info, model_dir=model_dir, report=self._report, again=again)
        except CannotQuantize as error:
            raise CommandError(str(error)) from error
        self._report(f"{info.name}: trying it on this processor.")
        weights = weights_path(info, model_dir=model_dir)
        choice = choose(info, weights, threads=settings.ENGINE_THREADS, anew=True)
        because = f": {choice.notice}" if choice.notice else ""
        self._report(f"{info.name} computes in {choice.precision}{because}.")

    def _report(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

"""``manage.py warm``: do once what is slow the first time only."""

import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from PIL import Image, ImageDraw

from processing.engines import get_engine
from processing.errors import ProcessingError
from processing.pipeline import extract
from processing.spec import ExtractSpec


class Command(BaseCommand):
    help = (
        "Load the default engine and run one picture through it. The very first import of rembg "
        "compiles numerical code for up to a minute; the result is kept with the installed package "
        "(or under NUMBA_CACHE_DIR), so later processes start in seconds."
    )
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("Loading the engine (up to a minute the first time) ...")
        self.stdout.flush()
        started = time.perf_counter()
        try:
            engine = get_engine(settings.DEFAULT_ENGINE, model_dir=Path(settings.MODEL_DIR))
            loaded = time.perf_counter()
            extract(_picture(), engine, ExtractSpec(settings.DEFAULT_ENGINE, refine_edges="on"))
        except ProcessingError as error:
            raise CommandError(error.message) from error
        done = time.perf_counter()
        self.stdout.write(
            f"{engine.info.label} is ready: loaded in {loaded - started:.1f} s, "
            f"one picture in {done - loaded:.2f} s."
        )


def _picture() -> Image.Image:
    """A red ball on a light ground: every engine finds it."""
    image = Image.new("RGB", (480, 360), (235, 235, 230))
    ImageDraw.Draw(image).ellipse((140, 80, 340, 280), fill=(190, 40, 30))
    return image

"""What refining adds to a picture of 50 megapixels: time by stage, and memory.

    python -m scripts.bench.large_edges            # strands of hair
    python -m scripts.bench.large_edges unsure     # a network that has no idea anywhere

Without an engine, whose memory is its own matter. Needs Linux, which tells the highest mark.
"""

import os

ONE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
os.environ.update(dict.fromkeys(ONE, "1"))  # before numpy is imported

import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from pathlib import Path  # noqa: E402

from PIL import Image  # noqa: E402

from processing.edges import refine  # noqa: E402
from processing.engines import EngineInfo, Prediction  # noqa: E402
from processing.engines.catalog import ENGINES  # noqa: E402
from processing.matte import clean  # noqa: E402
from processing.pipeline import extract  # noqa: E402
from processing.spec import ExtractSpec  # noqa: E402
from processing.warming import compile_loops  # noqa: E402
from tests.processing.edges import drawings  # noqa: E402

SIZE = (8160, 6120)


@dataclass(frozen=True)
class Known:
    """An engine that always answers the same."""

    matte: Image.Image
    info: EngineInfo = ENGINES["drawn"]

    def predict(self, image: Image.Image) -> Prediction:
        return Prediction(self.matte, 1.0, 0.1)


def main() -> None:
    compile_loops()
    drawing = drawings.draw(drawings.hair, rough=drawings.hairy_outline)
    seen = drawings.unsure() if "unsure" in sys.argv[1:] else drawing.seen
    copy = drawing.image.resize((2048, 1536), Image.Resampling.BICUBIC)
    # First: what a process has freed it often keeps, and using that again would not show.
    found = {"refining alone": {"growth_mib": growth(lambda: refine(copy, clean(seen), "on"))}}
    image = drawing.image.resize(SIZE, Image.Resampling.BICUBIC)
    print(json.dumps(found | {how: measure(image, Known(seen), how) for how in ("off", "on")}))


def measure(image: Image.Image, engine: Known, how: str) -> dict[str, float]:
    timings: dict[str, float] = {}
    spec = ExtractSpec("drawn", refine_edges=how)
    grown = growth(lambda: timings.update(extract(image, engine, spec).timings))
    return {"growth_mib": grown, **{f"{stage}_ms": took for stage, took in timings.items()}}


def growth(work: Callable[[], object]) -> int:
    """MiB of memory at the highest mark, beyond what was held before."""
    Path("/proc/self/clear_refs").write_text("5")  # forgets the highest mark
    before = _kib("VmRSS")
    work()
    return round((_kib("VmHWM") - before) / 1024)


def _kib(name: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0])


if __name__ == "__main__":
    main()

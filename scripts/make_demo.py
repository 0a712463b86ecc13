"""Make the landing page's before and after pictures with this very pipeline.

    .venv/bin/python scripts/make_demo.py

The photographs come with scikit-image; static/demo/README.md says whose they are.
"""

import os
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from processing.engines import DEFAULT_ENGINE, get_engine  # noqa: E402 - after the path is set
from processing.imageio import encode  # noqa: E402
from processing.pipeline import extract  # noqa: E402
from processing.render import render  # noqa: E402
from processing.spec import ExtractSpec, RenderSpec  # noqa: E402

NAMES = ("coffee", "astronaut", "chelsea")
TARGET = ROOT / "static" / "demo"
SPEC = RenderSpec(format="webp", max_side=1200, quality=88)


def main() -> None:
    from skimage import data

    engine = get_engine(DEFAULT_ENGINE, model_dir=Path(os.environ.get("MODEL_DIR", "var/models")))
    TARGET.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        image = Image.fromarray(getattr(data, name)())
        extraction = extract(image, engine, ExtractSpec())
        after = render(image, extraction.matte, SPEC, edges=extraction.edges)
        for role, picture in (("before", image), ("after", after)):
            path = TARGET / f"{name}-{role}.webp"
            path.write_bytes(encode(picture, SPEC))
            print(f"{path.relative_to(ROOT)}: {picture.size}, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()

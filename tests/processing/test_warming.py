"""Nothing is left to be compiled when the first picture comes."""

import os
import re
import subprocess
import sys
from pathlib import Path

from scripts.run import ROOT, loop_sources

WARM = "from processing.warming import compile_loops; compile_loops()"
USE = """
from PIL import Image
from tests.processing.edges import drawings
from processing.edges import refine
from processing.foreground import estimate_edges

for shape, size in ((drawings.hair, (2048, 1536)), (drawings.lamp, (301, 200))):
    drawing = drawings.draw(shape)
    image = drawing.image.resize(size)
    matte = refine(image, drawing.seen, "on").matte
    estimate_edges(image, matte.resize(size))
    estimate_edges(image, drawing.seen.resize(size))
"""


def test_warming_up_leaves_no_loop_to_the_first_picture(tmp_path: Path) -> None:
    """With a folder for it, as in a container; what is kept there is all that is ever needed."""
    warmed = run(WARM, tmp_path)
    names = {re.sub(r"-.*", "", path.name) for path in warmed}
    loops = [re.findall(r"compiled\((\w+)\)\(", path.read_text()) for path in loop_sources()]
    assert {name.rpartition(".")[2] for name in names} == set().union(*loops)
    assert run(USE, tmp_path) == warmed


def run(code: str, folder: Path) -> set[Path]:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder)}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=environment)
    return {path for path in folder.rglob("*.nb?") if path.is_file()}

"""Compiling every loop once, so that nobody's first picture waits for it."""

import numpy as np
from PIL import Image, ImageDraw

from .edges import refine
from .foreground import estimate_edges


def compile_loops() -> None:
    """Run every loop on a small picture; what was compiled is kept on disk. Takes some seconds."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    matte = Image.new("L", (64, 64))
    ImageDraw.Draw(matte).ellipse((16, 16, 48, 48), fill=128)
    ImageDraw.Draw(matte).ellipse((20, 20, 44, 44), fill=255)
    image = Image.fromarray(noise)
    refine(image, matte, "on")
    estimate_edges(image, matte)


if __name__ == "__main__":
    compile_loops()

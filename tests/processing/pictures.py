"""Pictures that the tests draw for themselves, and the engines they are run through."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from PIL import Image, ImageDraw

from processing.engines import Engine, get_engine
from processing.engines.catalog import ENGINES, engine_problem

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 180, 60), (40, 60, 210), (255, 255, 255)


def ball(size: tuple[int, int] = (120, 90), ground: tuple[int, ...] = WHITE) -> Image.Image:
    """A red ball in the middle of a flat ground (RGB)."""
    image = Image.new("RGB", size, ground)
    width, height = size
    box = (width // 4, height // 4, width * 3 // 4, height * 3 // 4)
    ImageDraw.Draw(image).ellipse(box, fill=RED)
    return image


def corners(size: tuple[int, int] = (60, 40)) -> Image.Image:
    """A quarter each of red, green, blue and white, so that every turn looks different."""
    image = Image.new("RGB", size, WHITE)
    half = (size[0] // 2, size[1] // 2)
    image.paste(RED, (0, 0, *half))
    image.paste(GREEN, (half[0], 0, size[0], half[1]))
    image.paste(BLUE, (0, half[1], half[0], size[1]))
    return image


def noise(size: tuple[int, int], seed: int, bands: int = 3) -> np.ndarray:
    shape = (size[1], size[0]) if bands == 1 else (size[1], size[0], bands)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def encoded(image: Image.Image, format_name: str, **options: Any) -> io.BytesIO:
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    buffer.seek(0)
    return buffer


def close(image: Image.Image, expected: Image.Image, tolerance: float) -> bool:
    """Whether two images of one mode and size differ by at most ``tolerance`` on average."""
    assert (image.mode, image.size) == (expected.mode, expected.size)
    difference = np.abs(np.asarray(image, np.int16) - np.asarray(expected, np.int16))
    return float(difference.mean()) <= tolerance


def model_dir() -> Path:
    return Path(os.environ.get("MODEL_DIR", settings.MODEL_DIR))


def drawn() -> Engine:
    return get_engine("drawn", model_dir=Path())


def real_engine(name: str = "u2net") -> Engine:
    """A real engine, or a skip that says what is missing."""
    problem = engine_problem(ENGINES[name], model_dir=model_dir())
    if problem is not None:
        pytest.skip(problem)
    return get_engine(name, model_dir=model_dir(), threads=2)

"""PNG files of our own making, read by another program's decoder."""

import io
import os
import subprocess
import sys
import zlib
from importlib.resources import files

import numpy as np
import pytest
from PIL import Image

from processing.png import MAX_THREADS, NONE, PART_BYTES, SUB, UP, encode_png

from .pictures import noise

MODES = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
SIZES = [(1, 1), (1, 700), (700, 1), (2, 2), (123, 77), (1200, 901)]


def picture_of(mode: str, size: tuple[int, int], seed: int = 3) -> Image.Image:
    """Noise on the left, a slope in the middle, flat on the right."""
    bands = MODES[mode]
    pixels = noise(size, seed, bands).reshape(size[1], size[0], bands)
    pixels[:, size[0] // 3 : 2 * size[0] // 3] = (
        np.arange(size[1], dtype=np.uint8)[:, None, None] * 3
    )
    pixels[:, 2 * size[0] // 3 :] = 200
    return Image.fromarray(pixels[..., 0] if bands == 1 else pixels, mode)


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def filters_of(data: bytes, bands: int) -> set[int]:
    """Which filters the rows of a PNG have."""
    image = opened(data)
    packed, position = b"", 8
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        if data[position + 4 : position + 8] == b"IDAT":
            packed += data[position + 8 : position + 8 + length]
        position += 12 + length
    rows = np.frombuffer(zlib.decompress(packed), np.uint8)
    return set(rows.reshape(image.height, -1)[:, 0].tolist())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", SIZES)
def test_every_pixel_comes_back(mode: str, size: tuple[int, int]) -> None:
    picture = picture_of(mode, size)
    read = opened(encode_png(picture))
    assert (read.mode, read.size) == (mode, size)
    assert read.tobytes() == picture.tobytes()
    assert not read.info


def test_many_parts_make_one_picture() -> None:
    picture = picture_of("RGBA", (1500, 1501))
    assert len(picture.tobytes()) > PART_BYTES * (MAX_THREADS + 1) / 2
    assert opened(encode_png(picture)).tobytes() == picture.tobytes()


@pytest.mark.parametrize("level", [1, 3, 9])
def test_every_level_gives_the_same_pixels(level: int) -> None:
    picture = picture_of("RGB", (300, 200))
    assert opened(encode_png(picture, level=level)).tobytes() == picture.tobytes()


def test_each_row_has_the_filter_that_suits_it() -> None:
    down = np.repeat(np.arange(100, dtype=np.uint8)[:, None], 100, axis=1) * 2
    across = np.zeros((100, 100), np.uint8)
    across[::2] = down.T[::2]
    assert UP in filters_of(encode_png(Image.fromarray(down)), 1)
    assert SUB in filters_of(encode_png(Image.fromarray(across)), 1)
    specks = (noise((900, 40), 1, 1) < 20).astype(np.uint8)
    assert NONE in filters_of(encode_png(Image.fromarray(specks)), 1)


def test_it_is_hardly_larger_than_pillow_makes_it() -> None:
    """At Pillow's level 6, on a photograph."""
    with (files("skimage") / "data" / "chelsea.png").open("rb") as file:
        image = Image.open(file).convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=6)
    assert len(encode_png(image)) < len(buffer.getvalue()) * 1.06


def test_it_works_in_a_process_that_was_forked() -> None:
    """Threads stay behind in the parent; the child must not wait for them."""
    picture = picture_of("L", (900, 900))
    expected = encode_png(picture)
    child = os.fork()
    if child == 0:
        os._exit(0 if encode_png(picture) == expected else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_memory_does_not_grow_with_the_picture() -> None:
    """Pillow's pixels are not numpy's: an array of a large picture would be a second copy of it."""
    script = """
import resource
from PIL import Image
from processing.png import encode_png
picture = Image.new("RGBA", (6000, 6000), (9, 8, 7, 6))
encode_png(picture.crop((0, 0, 600, 600)))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
encode_png(picture)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 72, "MB; the picture itself has 144"

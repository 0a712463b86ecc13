"""PNG files, several times faster than Pillow writes them, and as small.

Three things make the difference: of the filters only "none", "sub" and "up" are tried, which numpy
computes for many rows at once (the average and Paeth filters cost ten times as much and gain next
to nothing); zlib-ng compresses, which Pillow's own zlib may not be; and parts of the picture are
compressed side by side; each ends on a byte, so that they can be joined to one stream.
"""

import os
import struct
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from typing import TypeVar

import numpy as np
from PIL import Image
from zlib_ng import zlib_ng

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {"L": (0, 1), "RGB": (2, 3), "LA": (4, 2), "RGBA": (6, 4)}
NONE, SUB, UP = 0, 1, 2
LEVEL = 4
PART_BYTES = 2 * 1024 * 1024
RAW_DEFLATE = -15
# Equal sums of differences compress better in rows that refer to the row above, since deflate then
# finds the same again; "none" only pays where rows are flat.
WEIGHTS = {NONE: 1.0, SUB: 1.0, UP: 0.85}
SAMPLE = 7  # has no divisor in common with the number of bands
MAX_THREADS = 4

T = TypeVar("T")


def encode_png(image: Image.Image, *, level: int = LEVEL) -> bytes:
    """Encode a picture of mode L, LA, RGB or RGBA as an 8-bit PNG without metadata.

    level: of zlib-ng, 1 (fast) to 9 (small).
    """
    colour_type, bands = COLOUR_TYPES[image.mode]
    header = struct.pack(">IIBBBBB", image.width, image.height, 8, colour_type, 0, 0, 0)
    pieces = [SIGNATURE, _chunk(b"IHDR", header)]
    pieces += (_chunk(b"IDAT", part) for part in _compressed(image, bands, level))
    pieces.append(_chunk(b"IEND", b""))
    return b"".join(pieces)


def _compressed(image: Image.Image, bands: int, level: int) -> Iterator[bytes]:
    """The pieces of one zlib stream, in order."""
    rows = max(1, PART_BYTES // (image.width * bands + 1))
    jobs = (
        partial(_part, image, top, min(image.height, top + rows), bands, level)
        for top in range(0, image.height, rows)
    )
    checksum = 1
    yield b"\x78\x5e"
    for raw, packed in _in_order(jobs):
        checksum = zlib_ng.adler32(raw, checksum)
        yield packed
    yield struct.pack(">I", checksum)


def _in_order(jobs: Iterator[Callable[[], T]]) -> Iterator[T]:
    """Results of jobs that run side by side; only a few ahead, since each holds its part."""
    waiting: deque[Future[T]] = deque()
    for job in jobs:
        waiting.append(_pool().submit(job))
        if len(waiting) > _threads():
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _part(image: Image.Image, top: int, bottom: int, bands: int, level: int) -> tuple[bytes, bytes]:
    """Rows top to bottom: filtered, and compressed as a piece of a stream."""
    raw = _filtered(image, top, bottom, bands)
    packer = zlib_ng.compressobj(level, zlib_ng.DEFLATED, RAW_DEFLATE)
    end = zlib_ng.Z_FINISH if bottom == image.height else zlib_ng.Z_SYNC_FLUSH
    return raw, packer.compress(raw) + packer.flush(end)


def _filtered(image: Image.Image, top: int, bottom: int, bands: int) -> bytes:
    """Rows top to bottom, each behind the number of the filter that makes it smallest."""
    # With the row above. An array of the whole image would be a second copy of it.
    first = max(0, top - 1)
    pixels = np.asarray(image.crop((0, first, image.width, bottom)))
    pixels = pixels.reshape(bottom - first, image.width * bands)
    rows = pixels[top - first :]
    up = rows.copy()
    up[1:] -= rows[:-1]
    if top:
        up[0] -= pixels[0]
    sub = rows.copy()
    sub[:, bands:] -= rows[:, :-bands]
    candidates = {UP: up, SUB: sub, NONE: rows}
    chosen = _best(candidates)
    out = np.empty((len(rows), rows.shape[1] + 1), np.uint8)
    out[:, 0] = chosen
    for number, filtered in candidates.items():
        mask = chosen == number
        if mask.all():
            out[:, 1:] = filtered
        elif mask.any():
            out[mask, 1:] = filtered[mask]
    return out.tobytes()


def _best(candidates: dict[int, np.ndarray]) -> np.ndarray:
    """The number of the filter for each row: the smallest sum of differences, as libpng decides,
    of some of its bytes.
    """
    sums = [
        np.abs(rows[:, ::SAMPLE].view(np.int8), dtype=np.int16).sum(axis=1, dtype=np.int64)
        * WEIGHTS[number]
        for number, rows in candidates.items()
    ]
    return np.array(list(candidates), np.uint8)[np.argmin(sums, axis=0)]


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib_ng.crc32(content, zlib_ng.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_threads(), "png")


# Threads do not survive a fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)


def _threads() -> int:
    return max(1, min(MAX_THREADS, len(os.sched_getaffinity(0)) if _CAN_ASK else 1))


_CAN_ASK = hasattr(os, "sched_getaffinity")

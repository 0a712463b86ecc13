"""Giving memory back to the system after large pictures.

glibc keeps what a program has freed, and for several threads several times; after a few pictures of
24 megapixels that is hundreds of megabytes which nobody else can use.
"""

import ctypes
import sys

LARGE_PIXELS = 4_000_000


def give_back(pixels: int) -> None:
    """Return freed memory to the system if a picture of so many pixels was worth the milliseconds.

    Does nothing where the C library cannot do it.
    """
    if pixels < LARGE_PIXELS or not sys.platform.startswith("linux"):
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
    if trim is not None:
        trim(0)

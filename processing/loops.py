"""Loops over pixels that numpy cannot say, compiled by numba when they are first used."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np


@cache
def compiled(loop: Callable[..., Any]) -> Callable[..., Any]:
    """The same function in machine code; what was compiled is kept on disk, beside the module.

    Compiling takes seconds, loading what was kept milliseconds. Floats are treated as real numbers
    (sums may be reordered), dividing by zero gives infinity, and the interpreter's lock is let go.
    """
    # Inline: it takes a second to import and tens of megabytes, and rembg in the worker has it.
    import numba

    compile_it = partial(numba.njit, nogil=True, fastmath=True, error_model="numpy")
    try:
        return compile_it(cache=True)(loop)
    except RuntimeError:  # no folder that can be written to: compile in every process
        return compile_it()(loop)


def grown(mask: np.ndarray, reach: int) -> np.ndarray:
    """What is at most ``reach`` px across and down from something in the mask; to be compiled."""
    height, width = mask.shape
    near = np.zeros((height, width), np.bool_)
    for y in range(height):
        x = 0
        while x < width:
            if not mask[y, x]:
                x += 1
                continue
            # Runs that will touch are filled as one, so that no row is written twice.
            first, last = x, x
            while x < width and x - last <= 2 * reach + 1:
                if mask[y, x]:
                    last = x
                x += 1
            left, right = max(0, first - reach), min(width, last + reach + 1)
            for v in range(max(0, y - reach), min(height, y + reach + 1)):
                near[v, left:right] = True
    return near

"""Loops over pixels that numpy cannot say, compiled by numba when they are first used."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any


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

"""A matte refined by what a person marks: strokes that keep or remove, and a region of interest.

Everything is computed on a copy of at most WORKING_SIDE px a side, with numpy and Pillow alone, so
that web processes can do it while somebody waits.
"""

from .refine import (
    WORKING_SIDE,
    Prepared,
    carry_over,
    is_too_much,
    prepare,
    refine_by_strokes,
    shrink,
)
from .strokes import Stroke

__all__ = [
    "WORKING_SIDE",
    "Prepared",
    "Stroke",
    "carry_over",
    "is_too_much",
    "prepare",
    "refine_by_strokes",
    "shrink",
]

"""The 8-bit files on disk: whether one is there, what it was made from, making it once."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from processing.engines.catalog import EngineInfo, engine_problem, weights_path

from . import quantized_path
from .recipe import RECIPE, CannotQuantize, Report, quantize


@dataclass(frozen=True, slots=True)
class Origin:
    """md5: of the weights it was made from. recipe: which one. size: of the result, in bytes."""

    md5: str
    recipe: int
    size: int


def origin_path(quantized: Path) -> Path:
    return quantized.with_suffix(".json")


def is_current(info: EngineInfo, weights: Path) -> bool:
    """Whether the 8-bit version of these weights is there, whole, and made as we make it now."""
    quantized = quantized_path(weights)
    try:
        size = quantized.stat().st_size
        noted = Origin(**json.loads(origin_path(quantized).read_text()))
    except (OSError, ValueError, TypeError, RecursionError):
        return False
    return noted == Origin(info.md5, RECIPE, size)


def make(info: EngineInfo, *, model_dir: Path, report: Report, again: bool = False) -> Path:
    """Make the 8-bit version of an engine's weights, unless it is there, and return its path.

    again: make it even so. Two runs at once wait for one another. Raises CannotQuantize.
    """
    problem = engine_problem(info, model_dir=model_dir)
    if problem is not None:
        raise CannotQuantize(problem)
    weights = weights_path(info, model_dir=model_dir)
    target = quantized_path(weights)
    try:
        with _lock(target.with_name(".quantize.lock")):
            if is_current(info, weights) and not again:
                report(f"{info.name}: {target} is there.")
                return target
            origin_path(target).unlink(missing_ok=True)
            quantize(weights, target, report=report)
            origin = {"md5": info.md5, "recipe": RECIPE, "size": target.stat().st_size}
            origin_path(target).write_text(json.dumps(origin) + "\n")
    except OSError as error:
        raise CannotQuantize(f"{target} cannot be written: {error.strerror}.") from error
    report(f"{info.name}: {target} is made ({target.stat().st_size / 1e6:.1f} MB).")
    return target


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)

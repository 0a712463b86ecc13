"""How trials on this kind of processor went, so that they are made once."""

import contextlib
import fcntl
import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from . import quantized_path
from .store import origin_path
from .trial import Trial, processor

NAME = "int8-trials.json"
LOCK = ".int8.lock"


def _no_folder() -> None:
    return None


# Where notes go if the folder of the weights cannot be written to, as in a container.
_spare_folder: Callable[[], Path | None] = _no_folder


def provide_spare_folder(provider: Callable[[], Path | None]) -> None:
    """Ask `provider` for a folder where notes may be kept."""
    global _spare_folder  # noqa: PLW0603 - one process has one
    _spare_folder = provider


def find(weights: Path) -> Trial | None:
    """How the 8-bit version of these weights did on such a processor, or None if nobody tried."""
    key = _key(weights)
    for folder in _folders(weights):
        known = _read(folder / NAME).get(key)
        if known is not None:
            return known
    return None


def keep(weights: Path, trial: Trial) -> None:
    """Where no folder can be written to, the next process tries again."""
    key = _key(weights)
    for folder in _folders(weights):
        with contextlib.suppress(OSError):
            _write(folder / NAME, {**_read(folder / NAME), key: trial})
            return


@contextmanager
def one_at_a_time(weights: Path) -> Iterator[None]:
    """Several workers start at the same moment: one tries, and the others read its note."""
    for folder in _folders(weights):
        try:
            file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        except OSError:
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)
        return
    yield


def _folders(weights: Path) -> Sequence[Path]:
    spare = _spare_folder()
    return [weights.parent] if spare is None else [weights.parent, spare]


def _key(weights: Path) -> str:
    """What a trial holds for: this file, this version of the library, this kind of processor."""
    try:
        library = version("onnxruntime")
    except PackageNotFoundError:
        library = "?"
    try:
        made_from = origin_path(quantized_path(weights)).read_text().strip()
    except OSError:
        made_from = "?"
    return f"{made_from} {library} {processor()}"


def _read(path: Path) -> dict[str, Trial]:
    """Empty where there are none, or they are not what we wrote."""
    try:
        content = json.loads(path.read_text())
        return {
            key: Trial(_number(values["difference"]), _number(values["speedup"]))
            for key, values in content.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def _number(value: object) -> float:
    if isinstance(value, int | float) and math.isfinite(value) and value >= 0:
        return float(value)
    raise ValueError(value)


def _write(path: Path, trials: dict[str, Trial]) -> None:
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(json.dumps({key: asdict(trial) for key, trial in trials.items()}, indent=1))
    draft.replace(path)

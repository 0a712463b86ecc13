"""Engines: a picture in, a matte out. ``get_engine`` loads one and keeps it for the process."""

import importlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PIL import Image

from processing.errors import EngineUnavailable, UnknownEngine

from .catalog import DEFAULT_ENGINE, ENGINES, EngineInfo, engine_problem, weights_path

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "DEFAULT_ENGINE",
    "ENGINES",
    "Engine",
    "EngineInfo",
    "Prediction",
    "engine_problem",
    "get_engine",
]

# Beside those that are kept. A session takes about as much memory as its file, and a share for
# what it computes with; a gigabyte more would be too much for the machines this runs on.
MAX_LOADED = 2
MAX_WEIGHTS = 400_000_000


@dataclass(frozen=True, slots=True)
class Prediction:
    """What an engine says about one picture.

    matte: mode L at the network's own size, whatever that is; the whole picture maps onto it.
    peak: the highest raw value, 0..1, before any stretching; low when there is nothing.
    softness: sum of m(1-m) over sum of m of the raw map, 0..1; high when the engine is unsure.
    disagreement: L1 distance of the maps of the picture and of its mirror image over their mean
    area, 0..2; None where only one was looked at.
    answered_by: the engine whose matte it is, where one engine asks others; else blank.
    is_fitted: whether the signs of doubt (processing.confidence) were fitted to maps of its kind.
    raw: the map before any stretching, float32 of 0..1, (height, width); None where there is none.
    """

    matte: Image.Image
    peak: float
    softness: float
    disagreement: float | None = None
    answered_by: str = ""
    is_fitted: bool = True
    raw: "np.ndarray | None" = field(default=None, compare=False, repr=False)


class Engine(Protocol):
    """What every engine offers. ``predict`` takes any RGB size and may be called by threads."""

    @property
    def info(self) -> EngineInfo: ...

    def predict(self, image: Image.Image) -> Prediction: ...


_Key = tuple[str, Path, int | None]
_loaded: OrderedDict[_Key, Engine] = OrderedDict()
_kept: set[_Key] = set()
_lock = threading.RLock()  # an engine that asks others loads them while it is loaded itself


def get_engine(
    name: str, *, model_dir: Path, threads: int | None = None, keep: bool = False
) -> Engine:
    """Load an engine, or return the one this process has loaded before.

    threads: how many the engine may compute with; None leaves it to the engine's library.
    keep: never let it go for the sake of others. Of the others at most ``MAX_LOADED`` stay in
    memory, and no more than ``MAX_WEIGHTS`` bytes of weights where that leaves one at least; the
    one not used for longest goes first.
    Raises UnknownEngine, or EngineUnavailable when weights are missing, damaged or do not load.
    """
    info = ENGINES.get(name)
    if info is None:
        raise UnknownEngine(name)
    key = (name, model_dir.absolute(), threads)
    with _lock:
        if keep:
            _kept.add(key)
        if key not in _loaded:
            engine = _load(info, model_dir, threads)
            _loaded[key] = engine
        _loaded.move_to_end(key)
        _let_go()
        return _loaded[key]


def _let_go() -> None:
    others = [key for key in _loaded if key not in _kept]
    while len(others) > 1 and (len(others) > MAX_LOADED or _weights_of(others) > MAX_WEIGHTS):
        del _loaded[others.pop(0)]


def _weights_of(others: list[_Key]) -> float:
    """Bytes; engines that share weights count once, and not at all with one that is kept."""
    kept = {ENGINES[name].weights_name for name, *_rest in _kept}
    sizes = {_loaded[key].info.weights_name: _loaded[key].info.size_mb for key in others}
    return sum(size for name, size in sizes.items() if name not in kept) * 1e6


def _load(info: EngineInfo, model_dir: Path, threads: int | None) -> Engine:
    problem = engine_problem(info, model_dir=model_dir)
    if problem is not None:
        raise EngineUnavailable(problem)
    weights = weights_path(info, model_dir=model_dir) if info.needs_weights else None
    module, _, function = info.loader.partition(":")
    engine: Engine = getattr(importlib.import_module(module), function)(info, weights, threads)
    return engine

"""An engine that answers at once where it is sure, and asks a better one where it is not."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image, ImageOps

from processing.confidence import judge
from processing.matte import clean

from . import Engine, Prediction
from .catalog import ENGINES, EngineInfo

FIRST = "u2net"
# A little above what needs a look; docs/engines.md has the curve. Beyond it the second pass mends
# little, and costs as much.
DOUBTFUL = 0.7


class Second(Protocol):
    """What is asked where the first engine is unsure. name: of the engine whose answer it is."""

    @property
    def name(self) -> str: ...

    def answer(self, image: Image.Image, first: Prediction) -> Prediction: ...


@dataclass(frozen=True, slots=True)
class Mirrored:
    """The first engine once more, on the mirror image; both maps count half.

    Together that is what looking at both from the start gives, and the first pass is not repeated.
    """

    engine: Engine
    name: str

    def answer(self, image: Image.Image, first: Prediction) -> Prediction:
        second = self.engine.predict(ImageOps.mirror(image))
        return average(first, second)


@dataclass(frozen=True, slots=True)
class Another:
    """Another engine, which starts anew."""

    engine: Engine

    @property
    def name(self) -> str:
        return self.engine.info.name

    def answer(self, image: Image.Image, first: Prediction) -> Prediction:
        return self.engine.predict(image)


@dataclass(frozen=True, slots=True)
class Cascade:
    """threshold: below this confidence in the first engine's matte, the second is asked."""

    info: EngineInfo
    first: Engine
    second: Second
    threshold: float = DOUBTFUL

    def predict(self, image: Image.Image) -> Prediction:
        first = self.first.predict(image)
        if judge(first, clean(first.matte)).confidence >= self.threshold:
            return replace(first, answered_by=self.first.info.name)
        return replace(self.second.answer(image, first), answered_by=self.second.name)


def average(first: Prediction, of_mirrored: Prediction) -> Prediction:
    """One prediction of two: of a picture, and of its mirror image by the same network."""
    one, other = raw_map(first), raw_map(of_mirrored)[:, ::-1]
    raw = (one + other) / 2
    total = float(raw.sum())
    low, high = float(raw.min()), float(raw.max())
    scale = 255 / (high - low) if high > low else 0.0
    return Prediction(
        Image.fromarray(((raw - low) * scale).astype(np.uint8)),
        high,
        float((raw * (1 - raw)).sum()) / total if total else 1.0,
        float(np.abs(one - other).sum()) / total if total else 0.0,
        raw=raw,
    )


def raw_map(prediction: Prediction) -> np.ndarray:
    """As the engine gave it, or nearly so from its matte."""
    if prediction.raw is not None:
        return prediction.raw
    return np.asarray(prediction.matte, np.float32) / 255 * np.float32(prediction.peak)


def load(info: EngineInfo, weights: Path | None, threads: int | None) -> Cascade:
    from . import rembg_engine

    first = rembg_engine.load(ENGINES[FIRST], weights, threads)
    return Cascade(info, first, Mirrored(first, "u2net-best"))

"""Running an engine over a data set."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from processing.engines import Engine
from processing.errors import NothingFound, ProcessingError
from processing.imageio import open_image
from processing.pipeline import extract
from processing.spec import ExtractSpec

from .datasets import Dataset, Pair, Truth, open_truth
from .scores import Score, Summary, score, summarize


@dataclass(frozen=True, slots=True)
class Failure:
    """A pair that could not be measured, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A matte (L) as an upload would get it, and its truth.

    seconds: from pixels to matte. confidence: None where the engine found nothing, and then the
    matte is empty: that is what it says, and it is measured.
    """

    matte: Image.Image
    truth: Truth
    seconds: float
    confidence: float | None
    needs_look: bool


@dataclass(frozen=True, slots=True)
class Result:
    """What one engine reached on one data set, the worst picture first (by MAE)."""

    engine: str
    dataset: Dataset
    scores: Sequence[Score]
    failures: Sequence[Failure]

    @property
    def summary(self) -> Summary:
        return summarize(self.scores)


def evaluate(
    engine: Engine,
    dataset: Dataset,
    *,
    told: Callable[[str], None] = lambda _name: None,
) -> Result:
    """Measure `engine` on the data set, one picture in memory at a time.

    told: is called with the name of each pair once it is done.
    """
    scores: list[Score] = []
    failures: list[Failure] = []
    for pair in dataset.pairs:
        try:
            scores.append(measure(engine, pair))
        except (ProcessingError, OSError) as error:
            failures.append(Failure(pair.name, getattr(error, "message", str(error))))
        told(pair.name)
    scores.sort(key=lambda one: one.values["mae"], reverse=True)
    return Result(engine.info.name, dataset, scores, failures)


def measure(engine: Engine, pair: Pair) -> Score:
    """Raises ProcessingError if a file cannot be read or the two differ in size."""
    attempt = try_pair(engine, pair)
    matte, truth = attempt.matte, attempt.truth
    values = np.asarray(matte) / 255.0
    if values.shape != truth.values.shape:
        raise ProcessingError(
            f"The picture has {matte.width} x {matte.height} pixels, its truth "
            f"{truth.values.shape[1]} x {truth.values.shape[0]}."
        )
    found = score(pair.name, values, truth, seconds=attempt.seconds)
    return replace(found, confidence=attempt.confidence, needs_look=attempt.needs_look)


def try_pair(engine: Engine, pair: Pair) -> Attempt:
    with pair.picture.open("rb") as file:
        picture = open_image(file, max_pixels=None)
    began = time.perf_counter()
    try:
        found = extract(picture, engine, ExtractSpec(engine=engine.info.name))
        matte, confidence, needs_look = found.matte, found.confidence, found.needs_look
    except NothingFound:
        matte, confidence, needs_look = Image.new("L", picture.size), None, False
    seconds = time.perf_counter() - began
    return Attempt(matte, open_truth(pair.truth), seconds, confidence, needs_look)

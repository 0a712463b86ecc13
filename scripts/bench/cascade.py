"""Quality against seconds: single engines, and one that asks another where it is unsure.

    .venv/bin/python -m scripts.bench.cascade ~/sets
    .venv/bin/python -m scripts.bench.cascade ~/sets --single u2netp --svg curve.svg
    .venv/bin/python -m scripts.bench.cascade ~/sets --second birefnet-general-lite

Without --second the first engine is asked about the mirror image, and both maps count half, as
u2net-cascade does. Each engine sees each picture once, in turns; from that the curve is computed
for every threshold. Seconds are those of the engine alone, without decoding and what follows.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from config.environment import env_path
from processing.confidence import judge
from processing.engines import DEFAULT_ENGINE, Engine, Prediction, get_engine
from processing.engines.cascade import Another, Mirrored, Second
from processing.evaluation import saliency
from processing.evaluation.curve import (
    Look,
    Point,
    Values,
    cascade_point,
    drawing,
    mean_values,
    table,
)
from processing.evaluation.datasets import Pair, find_datasets, open_truth
from processing.imageio import open_image
from processing.matte import clean, enlarge
from processing.pipeline import PEAK_OF_NOTHING

NAMES = {"mae": "MAE", "s": "S", "weighted_f": "weighted F"}
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9)
SIDE = 2048


def main() -> None:
    options = parse_options()
    first = load(options.first, options.threads)
    second: Second = Mirrored(first, f"{options.first}, both ways")
    if options.second:
        second = Another(load(options.second, options.threads))
    singles = [load(name, options.threads) for name in options.single]
    pairs = [pair for one in find_datasets(options.folder) for pair in one.pairs]
    looks, others = measure(first, second, singles, pairs[:: options.every])
    points = [
        *(
            single_point(engine.info.name, each)
            for engine, each in zip(singles, others, strict=True)
        ),
        Point(options.first, cascade_point(looks, 0).seconds, cascade_point(looks, 0).values),
        *(cascade_point(looks, threshold) for threshold in THRESHOLDS),
        whole(second, looks),
    ]
    print(
        f"{len(looks)} pictures; below: where the confidence in {options.first} is lower than that"
    )
    print(table(points, NAMES))
    if options.svg:
        options.svg.write_text(drawing(points, "weighted_f", "weighted F"))


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path, metavar="DIR", help="as for manage.py evaluate")
    parser.add_argument("--first", default=DEFAULT_ENGINE)
    parser.add_argument("--second", help="an engine; without it the first, on the mirror image")
    parser.add_argument("--single", action="append", default=[], help="to compare with; several")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each N-th picture only")
    parser.add_argument("--threads", type=int, help="of each engine")
    parser.add_argument("--svg", type=Path, help="where to draw the curve")
    return parser.parse_args()


def load(name: str, threads: int | None) -> Engine:
    return get_engine(name, model_dir=env_path("MODEL_DIR", "var/models"), threads=threads)


def measure(
    first: Engine, second: Second, singles: Sequence[Engine], pairs: Sequence[Pair]
) -> tuple[list[Look], list[list[tuple[Values, float]]]]:
    """Looks of the first and second engine, and for each single one what it reached and took."""
    looks: list[Look] = []
    others: list[list[tuple[Values, float]]] = [[] for _single in singles]
    for pair in pairs:
        image, truth = open_pair(pair)
        began = time.perf_counter()
        found = first.predict(image)
        between = time.perf_counter()
        better = second.answer(image, found)
        ended = time.perf_counter()
        confidence = judge(found, clean(found.matte)).confidence
        values = values_of(found, truth), values_of(better, truth)
        looks.append(Look(confidence, *values, between - began, ended - between))
        for each, engine in zip(others, singles, strict=True):
            began = time.perf_counter()
            found = engine.predict(image)
            each.append((values_of(found, truth), time.perf_counter() - began))
    return looks, others


def open_pair(pair: Pair) -> tuple[Image.Image, np.ndarray]:
    with pair.picture.open("rb") as file:
        image = open_image(file, max_pixels=None).convert("RGB")
    image.thumbnail((SIDE, SIDE))
    return image, open_truth(pair.truth).values > 128 / 255


def values_of(prediction: Prediction, truth: np.ndarray) -> Values:
    height, width = truth.shape
    matte = np.asarray(enlarge(clean(prediction.matte), (width, height))) / 255.0
    if prediction.peak < PEAK_OF_NOTHING:
        matte = np.zeros_like(matte)
    matte = saliency.stretch(matte)
    return {
        "mae": saliency.mae(matte, truth),
        "s": saliency.s_measure(matte, truth),
        "weighted_f": saliency.weighted_f(matte, truth),
    }


def single_point(name: str, each: Sequence[tuple[Values, float]]) -> Point:
    seconds = float(np.median([seconds for _values, seconds in each]))
    return Point(name, seconds, mean_values([values for values, _seconds in each]))


def whole(second: Second, looks: Sequence[Look]) -> Point:
    """The second engine for every picture; a mirrored pass needs the first one's beside it."""
    everything = cascade_point(looks, 2.0)
    if isinstance(second, Mirrored):
        return Point(second.name, everything.seconds, everything.values)
    seconds = float(np.median([one.extra_seconds for one in looks]))
    return Point(second.name, seconds, everything.values)


if __name__ == "__main__":
    main()

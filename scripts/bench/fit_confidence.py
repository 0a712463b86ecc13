"""The numbers of processing/confidence.py, from made-up pictures whose truth is known.

    .venv/bin/python -m scripts.bench.fit_confidence
    .venv/bin/python -m scripts.bench.fit_confidence --engine u2netp --count 100 --judge ~/sets

Prints the scale of each sign of doubt, the logistic curve from their sum to the share of good
mattes (IoU of .5 and more), and how well that tells good from bad on the same pictures; beside it,
as a warning, what fitted weights reach when they are judged on pictures they were not fitted to.
With --judge it also says what each way reaches on data sets (as for manage.py evaluate), of which
nothing went into the fit.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from config.environment import env_path
from processing.confidence import Scale, signs, sum_of_signs
from processing.engines import DEFAULT_ENGINE, Engine, get_engine
from processing.evaluation.datasets import Pair, find_datasets, open_truth
from processing.evaluation.doubt import auroc, auroc_interval
from processing.imageio import open_image
from processing.matte import enlarge
from processing.pipeline import PEAK_OF_NOTHING

from .composites import make_composites

GOOD = 0.5
FOLDS = 5
NAMES = ("softness", "deep", "border", "smallness")


@dataclass(frozen=True, slots=True)
class Example:
    signs: tuple[float, ...]
    iou: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--engine", default=DEFAULT_ENGINE)
    parser.add_argument("--count", type=int, default=400, help="how many pictures")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--judge", type=Path, metavar="DIR", help="data sets to judge it on")
    options = parser.parse_args()
    engine = get_engine(options.engine, model_dir=env_path("MODEL_DIR", "var/models"))
    made_up = make_composites(options.count, seed=options.seed)
    examples = list(measure(engine, ((one.picture, one.truth) for one in made_up)))
    found, good = signs_of(examples), iou_of(examples) >= GOOD
    scale = fit(found, good)
    doubt = np.array([sum_of_signs(one.signs, scale) for one in examples])
    weights = logistic((found - found.mean(axis=0)) / found.std(axis=0), good, ridge=1.0)[1:]
    print(f"{len(examples)} pictures with something found, {good.mean():.0%} of them good")
    for name, values in zip(NAMES, found.T, strict=True):
        print(f"{name:>10}: AUROC {auroc(values, ~good):.3f}")
    print(f"equal weights: AUROC {auroc(doubt, ~good):.3f}")
    print(f"fitted weights: AUROC {auroc(fitted_elsewhere(found, good), ~good):.3f}")
    print(f"SCALE = {rounded(scale)}")
    if options.judge:
        pairs = [pair for one in find_datasets(options.judge) for pair in one.pairs]
        judge_elsewhere(list(measure(engine, map(open_pair, pairs))), scale, -weights)


def measure(
    engine: Engine, pictures: Iterable[tuple[Image.Image, np.ndarray]]
) -> Iterator[Example]:
    """pictures: with their truths. Those in which the engine finds nothing are left out: they get
    no cutout to judge."""
    for picture, truth in pictures:
        prediction = engine.predict(picture)
        if prediction.peak >= PEAK_OF_NOTHING and truth.any():
            matte = np.asarray(enlarge(prediction.matte, picture.size)) >= 128
            both, either = (matte & truth).sum(), (matte | truth).sum()
            yield Example(signs(prediction.matte), float(both / either))


def open_pair(pair: Pair) -> tuple[Image.Image, np.ndarray]:
    with pair.picture.open("rb") as file:
        picture = open_image(file, max_pixels=None).convert("RGB")
    return picture, open_truth(pair.truth).values > 128 / 255


def signs_of(examples: Sequence[Example]) -> np.ndarray:
    return np.array([one.signs for one in examples])


def iou_of(examples: Sequence[Example]) -> np.ndarray:
    return np.array([one.iou for one in examples])


def judge_elsewhere(examples: Sequence[Example], scale: Scale, weights: np.ndarray) -> None:
    """What each way of adding up the signs reaches on pictures that it was not fitted to."""
    placed = (signs_of(examples) - np.array(scale.means)) / np.array(scale.deviations)
    ways = {
        "softness alone": np.array([1, 0, 0, 0]),
        "without smallness": np.array([1, 1, 1, 0]),
        "smallness alone": np.array([0, 0, 0, 1]),
        "fitted weights": weights,
        "equal weights": np.ones(4),
    }
    iou = iou_of(examples)
    print(f"{len(examples)} pictures of data sets: AUROC of IoU below .5, below .7")
    for name, way in ways.items():
        bad, poor = (auroc_interval(placed @ way, iou < limit) for limit in (GOOD, 0.7))
        cells = [f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})" for one in (bad, poor)]
        print(f"{name:>18}: {cells[0]}, {cells[1]}")


def fit(found: np.ndarray, good: np.ndarray) -> Scale:
    means, deviations = found.mean(axis=0), found.std(axis=0)
    doubt = ((found - means) / deviations).sum(axis=1)
    offset, slope = logistic(doubt[:, None], good)
    return Scale(tuple(means), tuple(deviations), float(offset), float(slope))


def logistic(inputs: np.ndarray, good: np.ndarray, ridge: float = 0.0) -> np.ndarray:
    """Offset and weights of a logistic regression. ridge: how much large weights cost."""
    from scipy.optimize import minimize

    def loss(weights: np.ndarray) -> float:
        values = weights[0] + inputs @ weights[1:]
        cost = np.logaddexp(0, values) - good * values
        return float(cost.sum() + ridge * np.square(weights[1:]).sum() / 2)

    return np.asarray(minimize(loss, np.zeros(inputs.shape[1] + 1)).x)


def fitted_elsewhere(found: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Doubt of each picture by weights that were fitted to the other folds."""
    scaled = (found - found.mean(axis=0)) / found.std(axis=0)
    order = np.random.default_rng(0).permutation(len(good))
    doubt = np.zeros(len(good))
    for fold in np.array_split(order, FOLDS):
        others = np.setdiff1d(order, fold)
        weights = logistic(scaled[others], good[others], ridge=1.0)
        doubt[fold] = -(weights[0] + scaled[fold] @ weights[1:])
    return doubt


def rounded(scale: Scale) -> Scale:
    """As they are written into processing/confidence.py."""
    return Scale(
        tuple(round(float(mean), 3) for mean in scale.means),
        tuple(round(float(deviation), 3) for deviation in scale.deviations),
        round(scale.offset, 3),
        round(scale.slope, 3),
    )


if __name__ == "__main__":
    main()

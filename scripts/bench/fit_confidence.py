"""The numbers of processing/confidence.py, from made-up pictures whose truth is known.

    .venv/bin/python -m scripts.bench.fit_confidence
    .venv/bin/python -m scripts.bench.fit_confidence --engine u2netp --count 100

Prints the scale of each sign of doubt, the logistic curve from their sum to the share of good
mattes (IoU of .5 and more), and how well that tells good from bad on the same pictures; beside it,
as a warning, what fitted weights reach when they are judged on pictures they were not fitted to.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from config.environment import env_path
from processing.confidence import Scale, signs, sum_of_signs
from processing.engines import DEFAULT_ENGINE, Engine, get_engine
from processing.evaluation.doubt import auroc
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
    options = parser.parse_args()
    engine = get_engine(options.engine, model_dir=env_path("MODEL_DIR", "var/models"))
    examples = list(measure(engine, options.count, options.seed))
    found = np.array([one.signs for one in examples])
    good = np.array([one.iou >= GOOD for one in examples])
    scale = fit(found, good)
    doubt = np.array([sum_of_signs(one.signs, scale) for one in examples])
    print(f"{len(examples)} pictures with something found, {good.mean():.0%} of them good")
    for name, values in zip(NAMES, found.T, strict=True):
        print(f"{name:>10}: AUROC {auroc(values, ~good):.3f}")
    print(f"equal weights: AUROC {auroc(doubt, ~good):.3f}")
    print(f"fitted weights: AUROC {auroc(fitted_elsewhere(found, good), ~good):.3f}")
    print(f"SCALE = {rounded(scale)}")


def measure(engine: Engine, count: int, seed: int) -> Iterator[Example]:
    """Pictures in which the engine finds nothing are left out: they get no cutout to judge."""
    for composite in make_composites(count, seed=seed):
        prediction = engine.predict(composite.picture)
        if prediction.peak >= PEAK_OF_NOTHING and composite.truth.any():
            matte = np.asarray(enlarge(prediction.matte, composite.picture.size)) >= 128
            both, either = (matte & composite.truth).sum(), (matte | composite.truth).sum()
            yield Example(signs(prediction.matte), float(both / either))


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

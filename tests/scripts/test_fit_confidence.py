"""The made-up pictures behind the numbers of confidence, and the fit to them."""

import numpy as np

from processing.confidence import SCALE, sum_of_signs
from scripts.bench.composites import make_composites
from scripts.bench.fit_confidence import fit, fitted_elsewhere, logistic, measure
from tests.processing.pictures import drawn


def test_the_same_pictures_for_the_same_seed() -> None:
    first, again, other = (list(make_composites(4, seed=seed)) for seed in (1, 1, 2))
    for one, same, different in zip(first, again, other, strict=True):
        assert one.picture.tobytes() == same.picture.tobytes()
        assert one.picture.tobytes() != different.picture.tobytes()
        assert one.truth.shape == (one.picture.height, one.picture.width)
        assert 0 < one.truth.mean() < 1


def test_what_an_engine_makes_of_them() -> None:
    made_up = make_composites(6, seed=3)
    examples = list(measure(drawn(), ((one.picture, one.truth) for one in made_up)))
    assert examples
    assert all(0 <= one.iou <= 1 for one in examples)
    assert len({one.signs for one in examples}) == len(examples)


def test_the_curve_is_found_again() -> None:
    """Truths that follow a logistic curve, and its offset and slope."""
    rng = np.random.default_rng(0)
    doubt = rng.normal(0, 2, 4000)
    good = rng.random(4000) < 1 / (1 + np.exp(-(1.5 - 0.6 * doubt)))
    offset, slope = logistic(doubt[:, None], good)
    assert abs(offset - 1.5) < 0.15
    assert abs(slope + 0.6) < 0.08


def test_the_scale_has_mean_0_and_deviation_1() -> None:
    rng = np.random.default_rng(0)
    found = rng.normal((-3, -5, 0.1, 2.5), (0.8, 1.2, 0.1, 1.1), (500, 4))
    good = found.sum(axis=1) + rng.normal(0, 1, 500) < -5.4
    scale = fit(found, good)
    doubt = np.array([sum_of_signs(tuple(row), scale) for row in found])
    assert abs(doubt.mean()) < 1e-9
    assert scale.slope < 0
    assert np.corrcoef(fitted_elsewhere(found, good), ~good)[0, 1] > 0.5


def test_what_is_in_use_falls_with_doubt() -> None:
    assert SCALE.slope < 0
    assert all(deviation > 0 for deviation in SCALE.deviations)
    assert sum_of_signs(SCALE.means, SCALE) == 0

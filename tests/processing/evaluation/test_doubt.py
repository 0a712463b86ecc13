"""What the measures of doubt say where the answer is known."""

import math

import numpy as np
import pytest

from processing.evaluation.doubt import auroc, auroc_interval, count_marked, rank_correlation


def test_auroc_counts_pairs() -> None:
    bad = np.array([True, True, False, False])
    assert auroc(np.array([4, 3, 2, 1]), bad) == 1
    assert auroc(np.array([1, 2, 3, 4]), bad) == 0
    assert auroc(np.array([4, 1, 2, 3]), bad) == 0.5
    assert auroc(np.array([4, 2, 2, 1]), bad) == pytest.approx(3.5 / 4)  # ties count half
    assert math.isnan(auroc(np.array([1, 2]), np.array([True, True])))


def test_its_interval_holds_it_and_shrinks_with_more_pictures() -> None:
    rng = np.random.default_rng(0)

    def width(count: int) -> float:
        bad = rng.random(count) < 0.3
        found = auroc_interval(rng.normal(bad * 1.0, 1), bad)
        assert found.low < found.value < found.high
        return found.high - found.low

    assert width(2000) < width(60) / 2
    nothing = auroc_interval(np.ones(3), np.zeros(3, bool))
    assert math.isnan(nothing.low)


def test_precision_and_recall() -> None:
    marked = np.array([1, 1, 1, 0, 0], bool)
    found = count_marked(marked, np.array([1, 0, 0, 1, 0], bool))
    assert (found.marked, found.bad, found.caught) == (3, 2, 1)
    assert found.precision == pytest.approx(1 / 3)
    assert found.recall == 0.5
    none = count_marked(np.zeros(2), np.zeros(2))
    assert math.isnan(none.precision)
    assert math.isnan(none.recall)


def test_rank_correlation() -> None:
    values = np.array([0.1, 0.2, 0.5, 9.0])
    assert rank_correlation(values, values**3) == pytest.approx(1)
    assert rank_correlation(values, -values) == pytest.approx(-1)
    assert rank_correlation(values, np.array([1, 3, 2, 4])) == pytest.approx(0.8)
    assert math.isnan(rank_correlation(values, np.ones(4)))

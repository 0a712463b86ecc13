"""How well an engine's doubt tells bad mattes from good ones."""

from dataclasses import dataclass

import numpy as np

Numbers = np.ndarray
# Mattes that share less than this with the truth are of no use.
BAD_IOU = 0.5
RESAMPLED = 1000


@dataclass(frozen=True, slots=True)
class Interval:
    """A value, and between which two it lies in 95 of 100 samples as large as this one."""

    value: float
    low: float
    high: float


def auroc(doubt: Numbers, bad: Numbers) -> float:
    """How often a bad one has more doubt than a good one, ties by half; nan without both kinds."""
    from scipy.stats import rankdata

    bad = np.asarray(bad, bool)
    wrong, right = int(bad.sum()), int((~bad).sum())
    if not wrong or not right:
        return float("nan")
    ranks = rankdata(doubt)
    return float((ranks[bad].sum() - wrong * (wrong + 1) / 2) / (wrong * right))


def auroc_interval(doubt: Numbers, bad: Numbers, *, seed: int = 0) -> Interval:
    """By resampling the pictures. Samples without both kinds are left out."""
    doubt, bad = np.asarray(doubt), np.asarray(bad, bool)
    rng = np.random.default_rng(seed)
    values = []
    for _sample in range(RESAMPLED):
        chosen = rng.integers(len(bad), size=len(bad))
        values.append(auroc(doubt[chosen], bad[chosen]))
    found = [value for value in values if not np.isnan(value)]
    value = auroc(doubt, bad)
    if not found:
        return Interval(value, float("nan"), float("nan"))
    low, high = np.percentile(found, (2.5, 97.5))
    return Interval(value, float(low), float(high))


@dataclass(frozen=True, slots=True)
class Marked:
    """Of those that were marked for a look: how many there are, and how many of the bad they hold.

    precision: the share of bad ones among the marked. recall: the share of marked among the bad.
    """

    marked: int
    bad: int
    caught: int

    @property
    def precision(self) -> float:
        return self.caught / self.marked if self.marked else float("nan")

    @property
    def recall(self) -> float:
        return self.caught / self.bad if self.bad else float("nan")


def count_marked(marked: Numbers, bad: Numbers) -> Marked:
    marked, bad = np.asarray(marked, bool), np.asarray(bad, bool)
    return Marked(int(marked.sum()), int(bad.sum()), int((marked & bad).sum()))


def rank_correlation(one: Numbers, other: Numbers) -> float:
    """Spearman's, -1 to 1; nan where one of them does not vary."""
    from scipy.stats import rankdata

    first, second = rankdata(one), rankdata(other)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])

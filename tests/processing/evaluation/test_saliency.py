"""Our measures beside those of a well-known package, whose figures are in reference.json."""

import json

import numpy as np
import pytest

from processing.evaluation import saliency
from tests.processing.evaluation.pairs import Grey, pairs
from tests.processing.evaluation.reference import TABLE

REFERENCE = json.loads(TABLE.read_text())


def measured(matte: Grey, mask: Grey) -> dict[str, float]:
    values, inside = saliency.stretch(matte / 255), mask > 128
    counts = saliency.count(values, inside)
    f, e = saliency.f_curve(counts), saliency.e_curve(counts)
    return {
        "mae": saliency.mae(values, inside),
        "max_f": f.max(),
        "mean_f": f.mean(),
        "weighted_f": saliency.weighted_f(values, inside),
        "s": saliency.s_measure(values, inside),
        "max_e": e.max(),
        "mean_e": e.mean(),
        "iou": saliency.iou(counts),
    }


@pytest.mark.parametrize(
    ("name", "matte", "mask"), list(pairs()), ids=[name for name, _, _ in pairs()]
)
def test_measures_agree_with_the_reference(name: str, matte: Grey, mask: Grey) -> None:
    ours = measured(matte, mask)
    assert ours.keys() == REFERENCE[name].keys()
    for measure, value in ours.items():
        assert value == pytest.approx(REFERENCE[name][measure], abs=1e-6), measure


def test_a_perfect_matte() -> None:
    mask = np.zeros((30, 40), bool)
    mask[5:20, 10:30] = True
    perfect = measured(mask.astype(np.uint8) * 255, mask.astype(np.uint8) * 255)
    assert perfect.pop("mae") == 0
    for measure in ("max_f", "weighted_f", "s", "max_e", "iou"):
        assert perfect[measure] == pytest.approx(1, abs=2e-3), measure


@pytest.mark.parametrize("inside", [False, True])
def test_a_mask_without_a_border(inside: bool) -> None:
    mask = np.full((12, 9), inside)
    values = np.full((12, 9), float(inside))
    counts = saliency.count(values, mask)
    assert saliency.mae(values, mask) == 0
    assert saliency.s_measure(values, mask) == 1
    assert saliency.e_curve(counts).max() == pytest.approx(1, abs=0.02)
    assert saliency.iou(counts) == 1

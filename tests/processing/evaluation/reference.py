"""Writes reference.json: the drawn pairs as the package pysodmetrics measures them.

    python -m venv /tmp/measures
    /tmp/measures/bin/pip install pysodmetrics==1.6.2
    /tmp/measures/bin/python -m tests.processing.evaluation.reference

It is not among the project's requirements: it brings OpenCV and scikit-learn along.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.processing.evaluation.pairs import Grey, pairs

TABLE = Path(__file__).with_name("reference.json")


def main() -> None:
    table = {name: measured(matte, mask) for name, matte, mask in pairs()}
    TABLE.write_text(json.dumps(table, indent=1) + "\n")


def measured(matte: Grey, mask: Grey) -> dict[str, float]:
    import py_sod_metrics as other  # type: ignore[import-not-found]

    handlers = {"iou": other.IOUHandler(with_dynamic=True, with_adaptive=False)}
    fv2 = other.FmeasureV2(metric_handlers=handlers)
    steps: dict[str, Any] = {
        "mae": other.MAE(),
        "f": other.Fmeasure(),
        "weighted_f": other.WeightedFmeasure(),
        "s": other.Smeasure(),
        "e": other.Emeasure(),
    }
    for step in [*steps.values(), fv2]:
        step.step(pred=matte, gt=mask)
    f = steps["f"].get_results()["fm"]["curve"]
    e = steps["e"].get_results()["em"]["curve"]
    iou = fv2.get_results()["iou"]["dynamic"]
    return {
        "mae": float(steps["mae"].get_results()["mae"]),
        "max_f": float(np.max(f)),
        "mean_f": float(np.mean(f)),
        "weighted_f": float(steps["weighted_f"].get_results()["wfm"]),
        "s": float(steps["s"].get_results()["sm"]),
        "max_e": float(np.max(e)),
        "mean_e": float(np.mean(e)),
        "iou": float(iou[255 - 128]),
    }


if __name__ == "__main__":
    main()

"""Measuring one matte, and what many of them come to."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from . import matting, saliency
from .datasets import Truth
from .doubt import BAD_IOU, auroc
from .saliency import Floats

# Of all other measures more is better, up to 1.
LOWER_IS_BETTER = frozenset({"mae", "sad", "mse", "gradient", "connectivity", "seconds", "marked"})
OF_SOFT = ("sad", "mse", "gradient", "connectivity")


@dataclass(frozen=True, slots=True)
class Score:
    """What one matte is worth. values: by measure. f, e: 256 values by threshold.

    seconds: from the decoded picture to the matte of its size. confidence: None where the engine
    found nothing, which needs no look either.
    """

    name: str
    values: dict[str, float]
    f: Floats
    e: Floats
    seconds: float
    confidence: float | None = None
    needs_look: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """Means over a data set. Of curves, the mean curve comes first and its highest and mean value
    then, as the field does it; so max_f is not the mean of the pictures' own best."""

    pictures: int
    values: dict[str, float] = field(default_factory=dict)
    soft_pictures: int = 0


def score(name: str, matte: Floats, truth: Truth, *, seconds: float) -> Score:
    """All measures of `matte`, floats of 0..1 of the truth's shape; those of matting where the
    truth is soft."""
    mask = truth.values > 128 / 255
    stretched = saliency.stretch(matte)
    counts = saliency.count(stretched, mask)
    f, e = saliency.f_curve(counts), saliency.e_curve(counts)
    values = {
        "mae": saliency.mae(stretched, mask),
        "max_f": float(f.max()),
        "mean_f": float(f.mean()),
        "weighted_f": saliency.weighted_f(stretched, mask),
        "s": saliency.s_measure(stretched, mask),
        "max_e": float(e.max()),
        "mean_e": float(e.mean()),
        "iou": saliency.iou(counts),
    }
    if truth.is_soft:
        values |= {
            "sad": matting.sad(matte, truth.values),
            "mse": matting.mse(matte, truth.values),
            "gradient": matting.gradient_error(matte, truth.values),
            "connectivity": matting.connectivity_error(matte, truth.values),
        }
    return Score(name, values, f, e, seconds)


def summarize(scores: Sequence[Score]) -> Summary:
    """Matting measures are means over the pictures whose truth is soft."""
    if not scores:
        return Summary(0)
    f = np.mean([one.f for one in scores], axis=0)
    e = np.mean([one.e for one in scores], axis=0)
    values = {
        name: float(np.mean([one.values[name] for one in scores]))
        for name in ("mae", "weighted_f", "s", "iou")
    }
    values |= {
        "max_f": float(f.max()),
        "mean_f": float(f.mean()),
        "max_e": float(e.max()),
        "mean_e": float(e.mean()),
    }
    soft = [one for one in scores if "sad" in one.values]
    if soft:
        values |= {name: float(np.mean([one.values[name] for one in soft])) for name in OF_SOFT}
    judged = [one for one in scores if one.confidence is not None]
    doubt = np.array([-(one.confidence or 0.0) for one in judged])
    found = auroc(doubt, np.array([one.values["iou"] < BAD_IOU for one in judged]))
    if not np.isnan(found):
        values["auroc"] = found
    values["marked"] = float(np.mean([one.needs_look for one in scores]))
    values["seconds"] = float(np.median([one.seconds for one in scores]))
    values["images_per_second"] = 1 / max(values["seconds"], 1e-6)
    return Summary(len(scores), values, len(soft))

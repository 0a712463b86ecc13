"""How sure an engine is of a matte, from its own doubt, and whether a person should look.

Four signs of doubt, all from the network's small map and none of them costly:

- softness: sum of m(1-m) over sum of m;
- deep: the same over pixels more than a few away from the outline, where nothing should be soft;
- border: how much of the picture's border the subject covers;
- smallness: how little of the picture it covers.

Each is put on a scale on which made-up pictures (``python -m scripts.bench.fit_confidence``) have a
mean of 0 and a deviation of 1, and all count alike: weights that were fitted to those pictures were
no better on them, and worse on others. What they come to is turned into a share by a logistic
curve, fitted to the same pictures. docs/engines.md says how well that tells good from bad.

Where they say nothing, because all is kept, the matte is outline and no area, or the engine is not
of the kind they were fitted to, confidence has a ceiling at which a person should look.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from .engines import Prediction
from .matte import coverage

SIDE = 320
# Pixels of such a map around the outline in which any matte is soft.
NEAR_OUTLINE = 4
BORDER = 2
# Below this much confidence somebody should look.
NEEDS_LOOK = 0.6
# Raw peaks below this take confidence away in proportion: the engine has hardly seen anything.
SURE_PEAK = 0.5
# The most confidence there is where the signs say nothing; below NEEDS_LOOK.
CEILING = 0.5
# Above this share of the picture nothing was cut out.
KEEPS_ALL = 0.98
# Below this share of pixels away from any outline, the map is a pattern and shows no subject.
LEAST_CALM = 0.1


@dataclass(frozen=True, slots=True)
class Judgement:
    """confidence: 0..1. needs_look: whether it is low enough for a person to look at the cutout."""

    confidence: float
    needs_look: bool


@dataclass(frozen=True, slots=True)
class Scale:
    """Where each sign lies on made-up pictures, and the curve from their sum to confidence."""

    means: tuple[float, ...]
    deviations: tuple[float, ...]
    offset: float
    slope: float


SCALE = Scale(
    means=(-2.936, -4.508, 0.084, 2.573),
    deviations=(0.791, 1.178, 0.137, 1.131),
    offset=1.378,
    slope=-0.438,
)


def judge(prediction: Prediction, matte: Image.Image) -> Judgement:
    """Judge a prediction. matte: L, cleaned, at the engine's own size.

    The signs are taken from the map as the engine gave it; a matte that is empty is worth nothing.
    needs_look is always confidence < NEEDS_LOOK, so that it can be told again later.
    """
    if matte.getbbox() is None:
        return Judgement(0.0, needs_look=True)
    doubt = sum_of_signs(signs(prediction.matte), SCALE)
    sure = 1 / (1 + float(np.exp(-(SCALE.offset + SCALE.slope * doubt))))
    peak = float(np.nan_to_num(prediction.peak, posinf=0.0))
    confidence = round(sure * min(1.0, max(0.0, peak) / SURE_PEAK), 3)
    if not _is_telling(prediction, matte):
        confidence = min(confidence, CEILING)
    return Judgement(confidence, needs_look=confidence < NEEDS_LOOK)


def _is_telling(prediction: Prediction, matte: Image.Image) -> bool:
    calm = float(_far_from_outline(_at_side(prediction.matte)).mean())
    return prediction.is_fitted and coverage(matte) <= KEEPS_ALL and calm >= LEAST_CALM


def signs(matte: Image.Image) -> tuple[float, ...]:
    """The four signs of a map (L, any size), as logarithms where they span magnitudes."""
    matte = _at_side(matte)
    values = np.asarray(matte, np.float32) / 255
    soft = values * (1 - values)
    total = float(values.sum()) or 1.0
    rim = np.ones(values.shape, bool)
    rim[BORDER:-BORDER, BORDER:-BORDER] = False
    return (
        float(np.log(soft.sum() / total + 0.01)),
        float(np.log(soft[_far_from_outline(matte)].sum() / total + 0.003)),
        float(np.sqrt(values[rim].mean())),
        float(-np.log(values.mean() + 1e-4)),
    )


def sum_of_signs(found: tuple[float, ...], scale: Scale) -> float:
    placed = zip(found, scale.means, scale.deviations, strict=True)
    return sum((one - mean) / deviation for one, mean, deviation in placed)


def _at_side(matte: Image.Image) -> Image.Image:
    if matte.size == (SIDE, SIDE):
        return matte
    return matte.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2)


def _far_from_outline(matte: Image.Image) -> np.ndarray:
    """Where all pixels around lie on one side of one half."""
    blurred = matte.point([255 * (value >= 128) for value in range(256)]).filter(
        ImageFilter.BoxBlur(NEAR_OUTLINE)
    )
    values = np.asarray(blurred)
    return (values == 0) | (values == 255)

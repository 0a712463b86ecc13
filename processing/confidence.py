"""How sure an engine is of a matte, from its own doubt, and whether a person should look."""

from dataclasses import dataclass

from PIL import Image

from .engines import Prediction


@dataclass(frozen=True, slots=True)
class Judgement:
    """confidence: 0..1. needs_look: whether it is low enough for a person to look at the cutout."""

    confidence: float
    needs_look: bool


def judge(prediction: Prediction, matte: Image.Image) -> Judgement:
    """Judge a prediction. matte: L, cleaned, at the engine's own size.

    1 for a map of zeros and ones, 0 for one that is half-hearted everywhere.
    """
    confidence = round(max(0.0, 1 - 2 * prediction.softness), 3)
    return Judgement(confidence, needs_look=False)

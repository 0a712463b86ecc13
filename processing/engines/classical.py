"""The engine without weights: finds what differs from the ground by contrast and a graph cut."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from processing.classical import find_subject

from . import Prediction
from .catalog import EngineInfo
from .rembg_engine import softness


@dataclass(frozen=True, slots=True)
class ClassicalEngine:
    """Deterministic; see ``processing.classical``. Good at one thing on a plain ground.

    Its maps are crisp where they are wrong too: somebody should look at every one of its mattes.
    """

    info: EngineInfo

    def predict(self, image: Image.Image) -> Prediction:
        found = find_subject(image)
        return Prediction(
            found.matte,
            float(found.raw.max()),
            softness(found.raw),
            is_fitted=False,
            raw=found.raw,
        )


def load(info: EngineInfo, weights: Path | None, threads: int | None) -> ClassicalEngine:
    # Inline: see processing.classical.regions; loaded now, so that no picture waits for it.
    import scipy.sparse.csgraph  # noqa: F401
    import skimage.segmentation  # noqa: F401

    return ClassicalEngine(info)

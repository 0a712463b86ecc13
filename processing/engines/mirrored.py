"""U²-Net on the picture and on its mirror image: what both see counts, what one imagines half."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from . import Engine, Prediction
from .cascade import average
from .catalog import ENGINES, EngineInfo


@dataclass(frozen=True, slots=True)
class MirroredEngine:
    info: EngineInfo
    engine: Engine

    def predict(self, image: Image.Image) -> Prediction:
        second = self.engine.predict(ImageOps.mirror(image))
        return average(self.engine.predict(image), second)


def load(info: EngineInfo, weights: Path | None, threads: int | None) -> MirroredEngine:
    from . import rembg_engine

    return MirroredEngine(info, rembg_engine.load(ENGINES[info.weights_of], weights, threads))

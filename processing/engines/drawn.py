"""An engine for tests: whatever differs from the border's colour is the subject. No weights."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from . import Prediction
from .catalog import EngineInfo

SIDE = 320
# Distances in RGB (0..441) that count as surely background and surely subject.
NEAR, FAR = 24.0, 56.0


@dataclass(frozen=True, slots=True)
class DrawnEngine:
    """Deterministic; finds flat shapes on a flat ground exactly, and nothing on a blank picture."""

    info: EngineInfo

    def predict(self, image: Image.Image) -> Prediction:
        small = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2)
        pixels = np.asarray(small, np.float32)
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        distance = np.linalg.norm(pixels - np.median(border, axis=0), axis=2)
        raw = np.clip((distance - NEAR) / (FAR - NEAR), 0, 1)
        total = float(raw.sum())
        softness = float((raw * (1 - raw)).sum()) / total if total else 1.0
        matte = Image.fromarray((raw * 255 + 0.5).astype(np.uint8))
        return Prediction(matte, float(raw.max()), softness)


def load(info: EngineInfo, weights: Path | None, threads: int | None) -> DrawnEngine:
    return DrawnEngine(info)

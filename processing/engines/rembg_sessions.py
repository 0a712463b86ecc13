"""Networks beside U²-Net that rembg has sessions for: each takes and gives what its maker chose.

Like the engine of U²-Net it calls a session's ``normalize`` and its network, not its ``predict``,
since that stretches every map to 0..255.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from . import Prediction, rembg_engine, u2net_input
from .catalog import EngineInfo
from .rembg_engine import softness, stretch

Triple = tuple[float, float, float]

IMAGENET_MEAN, IMAGENET_STD = u2net_input.MEAN, u2net_input.STD


@dataclass(frozen=True, slots=True)
class Interface:
    """What a network takes and gives.

    side: of its square input, in px. mean, std: of each colour, for values of 0..1.
    logits: whether its map is any number, and not 0..1 yet.
    """

    side: int
    mean: Triple = IMAGENET_MEAN
    std: Triple = IMAGENET_STD
    logits: bool = False


_U2NET = Interface(320)
_BIREFNET = Interface(1024, logits=True)

INTERFACES = {
    "u2net_human_seg": _U2NET,
    "silueta": _U2NET,
    "isnet-general-use": Interface(1024, (0.5, 0.5, 0.5), (1.0, 1.0, 1.0)),
    "isnet-anime": Interface(1024, IMAGENET_MEAN, (1.0, 1.0, 1.0)),
    "birefnet-general": _BIREFNET,
    "birefnet-general-lite": _BIREFNET,
    "birefnet-portrait": _BIREFNET,
}


@dataclass(frozen=True, slots=True)
class SessionEngine:
    """One rembg session. Its mattes are as large as the map of its network."""

    info: EngineInfo
    session: Any  # rembg.sessions.base.BaseSession; rembg carries no types
    interface: Interface

    def predict(self, image: Image.Image) -> Prediction:
        size = (self.interface.side, self.interface.side)
        small = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2)
        inputs = self.session.normalize(small, self.interface.mean, self.interface.std, size)
        # The first map is the final one, whatever else a network gives.
        found = self.session.inner_session.run(None, inputs)[0][0, 0]
        raw = as_map(found, logits=self.interface.logits)
        return Prediction(stretch(raw), float(raw.max()), softness(raw), raw=raw)


def as_map(found: np.ndarray, *, logits: bool) -> np.ndarray:
    """What a network gave, as float32 of 0..1; what is no number counts as background."""
    values = np.nan_to_num(found, nan=-np.inf if logits else 0.0)
    if logits:
        # Beyond these a float32 tells nothing apart any more, and exp() would overflow.
        values = 1 / (1 + np.exp(-np.clip(values, -80, 80)))
    return np.clip(values, 0.0, 1.0).astype(np.float32)


def load(info: EngineInfo, weights: Path | None, threads: int | None) -> SessionEngine:
    """Make the session. Raises EngineUnavailable when the library or the file does not load."""
    session = rembg_engine.load(info, weights, threads).session
    return SessionEngine(info, session, INTERFACES[info.name])

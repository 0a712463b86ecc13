"""Engines served by rembg's own sessions (U²-Net and its small version)."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from PIL import Image

from processing.errors import EngineUnavailable

from . import Prediction
from .catalog import EngineInfo

SIZE = (320, 320)
# ImageNet's, as rembg's U²-Net session gives them to its own normalize().
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

_environment = threading.Lock()
# For as long as an engine holds them: several engines may use one network.
_sessions: WeakValueDictionary[tuple[str, Path, int | None], Any] = WeakValueDictionary()


@dataclass(frozen=True, slots=True)
class RembgEngine:
    """One rembg session.

    It calls the session's ``normalize`` and its network, not its ``predict``: that stretches every
    map to 0..255, so that an empty scene would look as sure as a portrait.
    """

    info: EngineInfo
    session: Any  # rembg.sessions.base.BaseSession; rembg carries no types

    def predict(self, image: Image.Image) -> Prediction:
        small = image.resize(SIZE, Image.Resampling.LANCZOS, reducing_gap=2)
        inputs = self.session.normalize(small, MEAN, STD, SIZE)
        outputs = self.session.inner_session.run(None, inputs)
        raw = np.clip(outputs[0][0, 0], 0.0, 1.0)
        return Prediction(stretch(raw), float(raw.max()), softness(raw), raw=raw)


def stretch(raw: np.ndarray) -> Image.Image:
    """A float map of any range to an L image over 0..255, as rembg does; a constant map is 0."""
    low, high = float(raw.min()), float(raw.max())
    scale = 255.0 / (high - low) if high > low else 0.0
    return Image.fromarray(((raw - low) * scale).astype(np.uint8))


def softness(raw: np.ndarray) -> float:
    """Sum of m(1-m) over sum of m, for a float map of 0..1: 0 is sure, 1 is a map of zeros."""
    total = float(raw.sum())
    return float((raw * (1 - raw)).sum()) / total if total > 0 else 1.0


def load(info: EngineInfo, weights: Path | None, threads: int | None) -> RembgEngine:
    """Make the session. Raises EngineUnavailable when the library or the file does not load."""
    assert weights is not None
    key = (info.name, weights.absolute(), threads)
    session = _sessions.get(key) or _new_session(info, weights, threads)
    _sessions[key] = session
    return RembgEngine(info, session)


def _new_session(info: EngineInfo, weights: Path, threads: int | None) -> Any:
    home = weights.parent if weights.parent.name != info.name else weights.parents[2]
    try:
        # Inline: importing rembg costs seconds and over 200 MB, and web processes never need it.
        # SystemExit: rembg calls sys.exit() where onnxruntime is missing.
        import onnxruntime
        import rembg

        options = onnxruntime.SessionOptions()
        # Threads that spin while they wait gain nothing measurable on an idle machine, and take
        # the cores from the web processes (and from each other) on a busy one.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # The arena keeps the largest working set for ever: 500 MB more for u2net, and no quicker.
        options.enable_cpu_mem_arena = False
        if threads is not None:
            options.intra_op_num_threads = threads
            options.inter_op_num_threads = 1
        with _u2net_home(home):
            return rembg.new_session(info.name, sess_opts=options)
    except (Exception, SystemExit) as error:
        raise EngineUnavailable(f"{info.label} could not be loaded: {error}") from error


@contextmanager
def _u2net_home(folder: Path) -> Iterator[None]:
    """Point rembg at our folder. It finds the (verified) file there, so it downloads nothing."""
    with _environment:
        before = os.environ.get("U2NET_HOME")
        os.environ["U2NET_HOME"] = str(folder.absolute())
        try:
            yield
        finally:
            if before is None:
                del os.environ["U2NET_HOME"]
            else:
                os.environ["U2NET_HOME"] = before

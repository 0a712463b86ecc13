"""Engines served by rembg's own sessions (U²-Net and its small version)."""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from PIL import Image

from processing.errors import EngineUnavailable
from processing.quantization.choice import choose

from . import Prediction
from .catalog import EngineInfo
from .session_options import session_options
from .u2net_input import to_input

logger = logging.getLogger(__name__)

_environment = threading.Lock()
# What the log was told, by file of weights: engines come and go, and several use one network.
_told: set[tuple[Path, str]] = set()
# For as long as an engine holds them: several engines may use one network.
_sessions: WeakValueDictionary[tuple[str, Path, int | None], Any] = WeakValueDictionary()


@dataclass(frozen=True, slots=True)
class RembgEngine:
    """One rembg session.

    It calls the session's network, not its ``predict``: that stretches every map to 0..255, so
    that an empty scene would look as sure as a portrait.

    precision: what it computes in, fp32 or int8. notice: why it could be quicker and is not, as a
    sentence for the administrator, or blank.
    """

    info: EngineInfo
    session: Any  # rembg.sessions.base.BaseSession; rembg carries no types
    precision: str = "fp32"
    notice: str = ""

    @property
    def runs_on(self) -> str:
        """What onnxruntime computes with, as it names it: CPUExecutionProvider, CUDA..."""
        return str(self.session.inner_session.get_providers()[0])

    def predict(self, image: Image.Image) -> Prediction:
        network = self.session.inner_session
        outputs = network.run(None, {network.get_inputs()[0].name: to_input(image)})
        raw = np.clip(np.nan_to_num(outputs[0][0, 0]), 0.0, 1.0)
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
    """Make the session, in 8-bit integers where that pays on this machine.

    Raises EngineUnavailable when the library or the file does not load.
    """
    assert weights is not None
    unreached = ""
    if not info.in_bytes or has_accelerator():
        engine = load_exact(info, weights, threads)
        if not info.in_bytes or not engine.notice:
            return engine
        unreached = engine.notice
    choice = choose(info, weights, threads=threads)
    if choice.precision == "fp32":
        if choice.notice:
            said = "%s computes in single precision: %s"
            _tell(info, weights, said, choice.notice, level=logging.WARNING)
        return replace(load_exact(info, weights, threads), notice=unreached or choice.notice)
    session = _shared(info, choice.path, threads, _quantized_session)
    _tell(info, weights, "%s computes in 8-bit integers")
    return RembgEngine(info, session, choice.precision, unreached)


def load_exact(info: EngineInfo, weights: Path | None, threads: int | None) -> RembgEngine:
    """Make the session in single precision, as the weights were published, whatever is quicker."""
    assert weights is not None
    engine = RembgEngine(info, _shared(info, weights, threads, _new_session))
    _tell(info, weights, "%s computes in single precision with %s", engine.runs_on)
    if has_accelerator() and engine.runs_on == "CPUExecutionProvider":
        notice = "onnxruntime cannot reach the graphics processor that it was made for"
        _tell(info, weights, "%s computes on the processor: %s", notice, level=logging.WARNING)
        return replace(engine, notice=notice)
    return engine


def _tell(
    info: EngineInfo, weights: Path, message: str, *details: str, level: int = logging.INFO
) -> None:
    """Log what a network does, once in the life of a process."""
    if (weights, message) not in _told:
        _told.add((weights, message))
        logger.log(level, message, info.weights_name, *details)


def has_accelerator() -> bool:
    """Whether onnxruntime is one that computes on a graphics processor (requirements-gpu.txt)."""
    try:
        import onnxruntime
    except ImportError:
        return False
    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()


def _shared(
    info: EngineInfo,
    weights: Path,
    threads: int | None,
    make: Callable[[EngineInfo, Path, int | None], Any],
) -> Any:
    key = (info.weights_name, weights.absolute(), threads)
    session = _sessions.get(key) or make(info, weights, threads)
    _sessions[key] = session
    return session


def _quantized_session(info: EngineInfo, weights: Path, threads: int | None) -> Any:
    try:
        import rembg

        options = session_options(threads, in_bytes=True)
        with _u2net_home(weights.parent):
            return rembg.new_session(
                "u2net_custom",
                sess_opts=options,
                model_path=str(weights.absolute()),
                providers=["CPUExecutionProvider"],
            )
    except (Exception, SystemExit) as error:
        raise EngineUnavailable(f"{info.label} could not be loaded: {error}") from error


def _new_session(info: EngineInfo, weights: Path, threads: int | None) -> Any:
    home = weights.parent if weights.parent.name != info.weights_name else weights.parents[2]
    try:
        # Inline: importing rembg costs seconds and over 200 MB, and web processes never need it.
        # SystemExit: rembg calls sys.exit() where onnxruntime is missing.
        import rembg

        with _u2net_home(home):
            return rembg.new_session(info.weights_name, sess_opts=session_options(threads))
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
